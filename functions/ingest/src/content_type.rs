//! The format of a request body, according to its headers.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use events::cloudevent::{self, OPTIONAL_ATTRIBUTES, REQUIRED_ATTRIBUTES};
use events::{Attributes, Violation};
use percent_encoding::percent_decode;
use web::ProblemType;

use crate::body_error::BodyError;

/// Maximum number of characters of a media type that an error message quotes.
const MAX_QUOTED_CHARS: usize = 64;

/// The format of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    /// One event or an array of events.
    Json,
    /// One event per line.
    JsonLines,
    /// A `CloudEvents` envelope: the structured mode.
    Envelope,
    /// An array of envelopes: the batched mode.
    EnvelopeArray,
    /// One event, with the attributes of its `CloudEvents` envelope in the headers: the binary mode. The attributes may
    /// be invalid.
    Binary(Result<Attributes, Vec<Violation>>),
}

/// Returns the format of the body. A body without a content type, or with `text/plain`, is JSON.
pub(crate) fn body_format(headers: &HeaderMap) -> Result<BodyFormat, BodyError> {
    let content_type =
        headers.get(header::CONTENT_TYPE).map_or(Cow::Borrowed(""), |v| String::from_utf8_lossy(v.as_bytes()));
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Ok(BodyFormat::JsonLines)
        }
        "application/cloudevents+json" => Ok(BodyFormat::Envelope),
        "application/cloudevents-batch+json" => Ok(BodyFormat::EnvelopeArray),
        other if other.starts_with("application/cloudevents") => Err(unsupported_media_type(other)),
        "" | "application/json" | "text/json" | "text/plain" => Ok(json_format(headers)),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(json_format(headers)),
        other => Err(unsupported_media_type(other)),
    }
}

/// Distinguishes plain JSON from the binary mode of `CloudEvents`.
fn json_format(headers: &HeaderMap) -> BodyFormat {
    let mut violations = Vec::new();
    let mut attributes = Vec::new();
    for name in REQUIRED_ATTRIBUTES.into_iter().chain(OPTIONAL_ATTRIBUTES) {
        match attribute(headers, name) {
            None => {}
            Some(Ok(value)) => attributes.push((name, value)),
            Some(Err(violation)) => violations.push(violation),
        }
    }
    // `ce-subject` or `ce-time` alone may come from another application.
    if !REQUIRED_ATTRIBUTES.iter().any(|name| headers.contains_key(header_name(name))) {
        return BodyFormat::Json;
    }
    let validated = cloudevent::validate_attributes(attributes.into_iter());
    if violations.is_empty() {
        return BodyFormat::Binary(validated);
    }
    // An attribute that cannot be decoded is not missing as well.
    let is_undecodable = |violation: &Violation| violations.iter().any(|other| other.pointer == violation.pointer);
    let others: Vec<_> = validated.err().into_iter().flatten().filter(|other| !is_undecodable(other)).collect();
    violations.extend(others);
    violations.sort();
    BodyFormat::Binary(Err(violations))
}

fn header_name(attribute: &str) -> String {
    format!("ce-{attribute}")
}

/// Decodes the header of an attribute as the HTTP binding of `CloudEvents` 1.0.2 (3.1.3.2) requires: first the quoted
/// string, then the percent-encoding, which must be UTF-8.
fn attribute(headers: &HeaderMap, name: &str) -> Option<Result<String, Violation>> {
    let mut values = headers.get_all(header_name(name)).iter();
    let value = values.next()?;
    let invalid = |keyword: &str, message: &str| Some(Err(Violation::new(format!("/{name}"), keyword, message)));
    if values.next().is_some() {
        return invalid("duplicate", &format!("expected one header ce-{name}, found several"));
    }
    let unquoted = unquote(value.as_bytes().trim_ascii());
    match percent_decode(&unquoted).decode_utf8() {
        Ok(text) => Some(Ok(text.into_owned())),
        Err(_) => invalid("contentEncoding", &format!("expected percent-encoded UTF-8 in the header ce-{name}")),
    }
}

/// Returns the content of a quoted string (RFC 7230, 3.2.6), or the value itself if it is not quoted.
fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let content = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let Some(content) = content else { return Cow::Borrowed(value) };
    let mut unquoted = Vec::with_capacity(content.len());
    let mut bytes = content.iter().copied();
    while let Some(byte) = bytes.next() {
        // A backslash escapes the next byte.
        unquoted.push(if byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    Cow::Owned(unquoted)
}

/// The error of a media type that is not supported.
pub(crate) fn unsupported_media_type(media_type: &str) -> BodyError {
    let media_type: String = media_type.chars().take(MAX_QUOTED_CHARS).collect();
    let message = format!("unsupported Content-Type {media_type:?}: use application/json or application/x-ndjson");
    BodyError::new(ProblemType::UnsupportedMediaType, "content-type", message)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn format_of(content_type: &str) -> Option<BodyFormat> {
        body_format(&headers(&[("content-type", content_type)])).ok()
    }

    #[test]
    fn content_type_determines_the_format() {
        assert_eq!(body_format(&HeaderMap::new()).ok(), Some(BodyFormat::Json));
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "text/plain", "application/vnd.acme.audit+json"]
        {
            assert_eq!(format_of(json), Some(BodyFormat::Json), "{json}");
        }
        assert_eq!(format_of("application/x-ndjson"), Some(BodyFormat::JsonLines));
        assert_eq!(format_of("application/cloudevents+json; charset=UTF-8"), Some(BodyFormat::Envelope));
        assert_eq!(format_of("application/cloudevents-batch+json"), Some(BodyFormat::EnvelopeArray));
        for other in ["application/xml", "application/cloudevents+avro", "application/x-www-form-urlencoded", "json"] {
            assert_eq!(format_of(other), None, "{other}");
        }
    }

    #[test]
    fn envelope_attributes_are_read_from_headers() {
        let valid = headers(&[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "/ci"),
            ("ce-type", "deployed%20%E2%82%AC"),
        ]);
        let Ok(BodyFormat::Binary(Ok(attributes))) = body_format(&valid) else { panic!("the binary mode") };
        assert_eq!(attributes.event_type.as_deref(), Some("deployed €"));
        let incomplete = body_format(&headers(&[("ce-id", "7")]));
        let Ok(BodyFormat::Binary(Err(violations))) = incomplete else { panic!("the binary mode") };
        assert_eq!(violations.len(), 3, "{violations:?}");
        assert_eq!(body_format(&headers(&[("ce-time", "now")])).ok(), Some(BodyFormat::Json));
    }

    /// The subject of an event whose `ce-subject` header has this value, or the pointers and keywords of its violations.
    fn subject_of(value: &[u8]) -> Result<Option<String>, Vec<(String, String)>> {
        let mut headers =
            headers(&[("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/ci"), ("ce-type", "deployed")]);
        headers.insert("ce-subject", HeaderValue::from_bytes(value).unwrap());
        let Ok(BodyFormat::Binary(attributes)) = body_format(&headers) else { panic!("the binary mode") };
        match attributes {
            Ok(attributes) => Ok(attributes.subject),
            Err(violations) => Err(violations.into_iter().map(|v| (v.pointer, v.keyword)).collect()),
        }
    }

    #[test]
    fn header_values_are_unquoted_and_decoded_once() {
        for (value, subject) in [
            (&b"a b"[..], "a b"),
            (b"\"a b\"", "a b"),
            (br#""a \"b\" \\ c""#, r#"a "b" \ c"#),
            (b"\"Euro%20%E2%82%AC\"", "Euro \u{20ac}"),
            (b"%22a%22", "\"a\""),
            (b"%2520", "%20"),
            (b"100%", "100%"),
            (b"\"unfinished", "\"unfinished"),
            ("gr\u{fc}n".as_bytes(), "gr\u{fc}n"),
        ] {
            assert_eq!(subject_of(value).unwrap().as_deref(), Some(subject), "{}", value.escape_ascii());
        }
        assert_eq!(subject_of(b"\"\"").unwrap(), None, "an empty attribute is missing");
    }

    #[test]
    fn header_values_that_are_not_utf8_are_rejected() {
        for value in [&b"%FF"[..], b"\"%FE\"", b"a\xff", b"%C3%28", b"%ED%A0%80"] {
            let expected = vec![("/subject".to_owned(), "contentEncoding".to_owned())];
            assert_eq!(subject_of(value).unwrap_err(), expected, "{}", value.escape_ascii());
        }
        let id = headers(&[("ce-id", "%FF"), ("ce-source", "/ci"), ("ce-specversion", "1.0")]);
        let Ok(BodyFormat::Binary(Err(violations))) = body_format(&id) else { panic!("the binary mode") };
        let found: Vec<_> = violations.iter().map(|v| (v.pointer.as_str(), v.keyword.as_str())).collect();
        assert_eq!(found, [("/id", "contentEncoding"), ("/type", "required")]);
    }

    #[test]
    fn repeated_attributes_are_rejected() {
        let mut twice = headers(&[("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/"), ("ce-type", "t")]);
        twice.append("ce-id", HeaderValue::from_static("8"));
        let Ok(BodyFormat::Binary(Err(violations))) = body_format(&twice) else { panic!("the binary mode") };
        assert_eq!((violations.len(), violations[0].keyword.as_str()), (1, "duplicate"));
    }
}
