//! How values are written into bodies of each kind.

use std::borrow::Cow;

use super::is_json;

/// What the values of `{{ }}` are escaped for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Escape {
    /// The content of a JSON string.
    Json,
    /// Text, or an attribute's value, of HTML or XML.
    Markup,
    /// A name or a value of a form: `application/x-www-form-urlencoded`.
    Form,
    /// Nothing: values are left as they are.
    None,
}

impl Escape {
    /// The escape of what has this `content-type`; that of JSON where nothing is known of it.
    pub fn of(content_type: &str) -> Self {
        let essence = essence(content_type);
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        match &*essence {
            _ if is_json(content_type) => Self::Json,
            "text/html" => Self::Markup,
            _ if subtype == "xml" || subtype.ends_with("+xml") => Self::Markup,
            "application/x-www-form-urlencoded" => Self::Form,
            essence if essence.starts_with("text/") => Self::None,
            _ => Self::Json,
        }
    }

    /// What a byte of a value is written as, where it is not left as it is. Bytes of longer characters are left, all of
    /// them, or none is.
    pub(super) fn written(self, byte: u8) -> Option<Cow<'static, [u8]>> {
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

/// A media type without its parameters, in lower case.
pub(super) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_says_the_escape() {
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
                assert_eq!(Escape::of(content_type), escape, "{content_type}");
            }
        }
    }
}
