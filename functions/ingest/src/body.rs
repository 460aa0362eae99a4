//! From a request's body to the events in it, each as the bytes that were sent.

use axum::http::{HeaderMap, header};
use events::Violation;
use serde_json::value::RawValue;
use web::{Kind, Problem};

/// The most events of one request.
pub(crate) const MAX_EVENTS: usize = 1000;

/// The events of a body.
#[derive(Debug)]
pub(crate) enum Sent<'a> {
    /// A JSON value: one event.
    One(&'a RawValue),
    /// A JSON array: an event for each element.
    Batch(Vec<&'a RawValue>),
}

/// Splits a body into its events; the violation where it is not JSON.
pub(crate) fn split(body: &[u8]) -> Result<Sent<'_>, Violation> {
    let not_json = |error: serde_json::Error| Violation {
        pointer: String::new(),
        keyword: "json".to_owned(),
        message: format!("expected one JSON event or an array of events, found what is not JSON: {error}"),
    };
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        serde_json::from_slice(body).map(Sent::Batch).map_err(not_json)
    } else {
        serde_json::from_slice(body).map(Sent::One).map_err(not_json)
    }
}

/// Refuses bodies that say they are something else than JSON. Producers that say nothing, or
/// `text/plain`, mean JSON.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable").trim().to_ascii_lowercase());
    if let Some(coding) = text(header::CONTENT_ENCODING).filter(|coding| coding != "identity") {
        let detail = format!("Content-Encoding {coding:?} is not taken here: send the body as it is");
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    match media_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" | "text/plain" => Ok(()),
        other => Err(wrong_media_type(other)),
    }
}

/// The problem of a body that says it is something else than JSON.
pub(crate) fn wrong_media_type(media_type: &str) -> Problem {
    let detail = format!("Content-Type {media_type:?} is not taken here: send application/json");
    Problem::new(Kind::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_keep_their_bytes() {
        let Ok(Sent::Batch(events)) = split(b" [ {\"a\" : 1.0e0},{\"b\":\"\\u00e9\"} ]\n") else {
            panic!("an array is a batch")
        };
        let bytes: Vec<&str> = events.iter().map(|event| event.get()).collect();
        assert_eq!(bytes, ["{\"a\" : 1.0e0}", "{\"b\":\"\\u00e9\"}"]);
        assert!(matches!(split(b"\n{}"), Ok(Sent::One(event)) if event.get() == "{}"));
    }

    #[test]
    fn what_is_not_json_says_where() {
        for body in [&b""[..], b"{", b"{} {}", b"[1,]", b"\xff", b"hello"] {
            let violation = split(body).unwrap_err();
            assert_eq!(violation.keyword, "json");
            assert!(violation.message.contains("line"), "{}", violation.message);
        }
    }

    #[test]
    fn json_and_nothing_else_is_taken() {
        let headers = |name, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert!(check_media_type(&HeaderMap::new()).is_ok());
        for value in ["application/json", "Application/JSON; charset=utf-8", "text/plain"] {
            assert!(check_media_type(&headers(header::CONTENT_TYPE, value)).is_ok(), "{value}");
        }
        assert!(check_media_type(&headers(header::CONTENT_TYPE, "application/xml")).is_err());
        assert!(check_media_type(&headers(header::CONTENT_ENCODING, "gzip")).is_err());
    }
}
