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
    let attribute = |name: &'static str| {
        let value = headers.get(format!("ce-{name}"))?;
        // The HTTP binding of CloudEvents percent-encodes values.
        Some((name, percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned()))
    };
    let attributes: Vec<_> = REQUIRED_ATTRIBUTES.into_iter().chain(OPTIONAL_ATTRIBUTES).filter_map(attribute).collect();
    // `ce-subject` or `ce-time` alone may come from another application.
    if attributes.iter().any(|(name, _)| REQUIRED_ATTRIBUTES.contains(name)) {
        BodyFormat::Binary(cloudevent::validate_attributes(attributes.into_iter()))
    } else {
        BodyFormat::Json
    }
}

/// The error of a media type that is not supported.
pub(crate) fn unsupported_media_type(media_type: &str) -> BodyError {
    let media_type: String = media_type.chars().take(MAX_QUOTED_CHARS).collect();
    let message = format!("unsupported Content-Type {media_type:?}: use application/json or application/x-ndjson");
    BodyError::new(ProblemType::UnsupportedMediaType, "content-type", message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

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
}
