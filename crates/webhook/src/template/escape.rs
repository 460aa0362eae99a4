//! Escaping of values by content type.

use std::borrow::Cow;

use super::media_type::{essence, is_json_media_type};

/// The context for which values of `{{ }}` are escaped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Escape {
    /// Content of a JSON string.
    Json,
    /// Text or an attribute value in HTML or XML.
    Markup,
    /// Name or value of a form: `application/x-www-form-urlencoded`.
    Form,
    /// No escaping.
    None,
}

impl Escape {
    /// Returns the escape for a `content-type`; that of JSON for unknown types.
    pub fn for_content_type(content_type: &str) -> Self {
        let essence = essence(content_type);
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        match &*essence {
            _ if is_json_media_type(content_type) => Self::Json,
            "text/html" => Self::Markup,
            _ if subtype == "xml" || subtype.ends_with("+xml") => Self::Markup,
            "application/x-www-form-urlencoded" => Self::Form,
            essence if essence.starts_with("text/") => Self::None,
            _ => Self::Json,
        }
    }

    /// Returns the replacement of a byte, or `None` if it is unchanged. The bytes of a multi-byte character are either all
    /// replaced or all unchanged.
    pub(super) fn replacement(self, byte: u8) -> Option<Cow<'static, [u8]>> {
        let short = |written: &'static [u8]| Some(Cow::Borrowed(written));
        match (self, byte) {
            (Self::Json, b'"') => short(br#"\""#),
            (Self::Json, b'\\') => short(br"\\"),
            (Self::Json, b'\n') => short(br"\n"),
            (Self::Json, b'\r') => short(br"\r"),
            (Self::Json, b'\t') => short(br"\t"),
            (Self::Json, ..b' ') => Some(Cow::Owned(format!("\\u{byte:04x}").into_bytes())),
            (Self::Markup, b'&') => short(b"&amp;"),
            (Self::Markup, b'<') => short(b"&lt;"),
            (Self::Markup, b'>') => short(b"&gt;"),
            (Self::Markup, b'"') => short(b"&quot;"),
            (Self::Markup, b'\'') => short(b"&#39;"),
            (Self::Form, b'-' | b'.' | b'_' | b'~') => None,
            (Self::Form, _) if !byte.is_ascii_alphanumeric() => Some(Cow::Owned(format!("%{byte:02X}").into_bytes())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_determines_the_escape() {
        for (escape, types) in [
            (
                Escape::Json,
                &["application/json", "Application/JSON ; charset=utf-8", "application/cloudevents+json"][..],
            ),
            (Escape::Json, &["text/json", "application/x-ndjson", "application/octet-stream", "*/*", "text"]),
            (Escape::Markup, &["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml", "image/svg+xml"]),
            (Escape::Markup, &["text/xml", "application/xml", "application/soap+xml"]),
            (Escape::Form, &["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"]),
            (Escape::None, &["text/plain", "text/markdown; charset=utf-8", "text/csv"]),
        ] {
            for content_type in types {
                assert_eq!(Escape::for_content_type(content_type), escape, "{content_type}");
            }
        }
    }
}
