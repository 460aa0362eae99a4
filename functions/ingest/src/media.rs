//! What a body says it is.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, header};
use events::cloudevent::{self, OPTIONAL_ATTRIBUTES, REQUIRED_ATTRIBUTES};
use events::{Attributes, Violation};
use percent_encoding::percent_decode;
use web::ProblemType;

use crate::body::Unread;

/// The header of the IETF's draft, and that of Standard Webhooks, which says the same.
const REQUEST_IDS: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("webhook-id")];

/// The longest of them, in bytes; of a longer one, its hash counts.
const MAX_ID: usize = 1024;

/// What a body is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// One event or an array of them.
    Json,
    /// An event in each line.
    Lines,
    /// A `CloudEvents` envelope: the structured mode.
    Envelope,
    /// An array of envelopes.
    Envelopes,
    /// One event, with a `CloudEvents` envelope in the headers, which may be wrong: the binary mode.
    Binary(Result<Attributes, Vec<Violation>>),
}

/// What the headers say the body is. Producers that say nothing, or `text/plain`, mean JSON.
pub(crate) fn media(headers: &HeaderMap) -> Result<Media, Unread> {
    let said = headers.get(header::CONTENT_TYPE).map_or(Cow::Borrowed(""), |v| String::from_utf8_lossy(v.as_bytes()));
    let media_type = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Ok(Media::Lines)
        }
        "application/cloudevents+json" => Ok(Media::Envelope),
        "application/cloudevents-batch+json" => Ok(Media::Envelopes),
        other if other.starts_with("application/cloudevents") => Err(wrong(other)),
        "" | "application/json" | "text/json" | "text/plain" => Ok(json(headers)),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(json(headers)),
        other => Err(wrong(other)),
    }
}

fn json(headers: &HeaderMap) -> Media {
    let value = |name: &'static str| {
        let value = headers.get(format!("ce-{name}"))?;
        // As the HTTP binding of CloudEvents says: percent-encoded UTF-8.
        Some((name, percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned()))
    };
    let found: Vec<_> = REQUIRED_ATTRIBUTES.into_iter().chain(OPTIONAL_ATTRIBUTES).filter_map(value).collect();
    // `ce-subject` or `ce-time` alone may be anybody's.
    if found.iter().any(|(name, _)| REQUIRED_ATTRIBUTES.contains(name)) {
        Media::Binary(cloudevent::validate_attributes(found.into_iter()))
    } else {
        Media::Json
    }
}

/// What is said of a body of this kind.
pub(crate) fn wrong(media_type: &str) -> Unread {
    let media_type: String = media_type.chars().take(64).collect();
    let message =
        format!("Content-Type {media_type:?} is not taken here: send application/json or application/x-ndjson");
    Unread::new(ProblemType::UnsupportedMediaType, "content-type", message)
}

/// The id that the request gives itself: what it carries is known by it, where it has no id of its own.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = |name: &HeaderName| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).trim().to_owned();
        // The draft makes it a quoted string, and hardly anybody does.
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).map(str::to_owned);
        let id = bare.unwrap_or(value);
        // It may be kept in the quarantine, and needs no more than to be the same again.
        if id.len() > MAX_ID { Some(web::token::sha256(&id)) } else { Some(id).filter(|id| !id.is_empty()) }
    };
    REQUEST_IDS.iter().find_map(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn of(content_type: &str) -> Option<Media> {
        media(&headers(&[("content-type", content_type)])).ok()
    }

    #[test]
    fn the_content_type_says_what_a_body_is() {
        assert_eq!(media(&HeaderMap::new()).ok(), Some(Media::Json));
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "text/plain", "application/vnd.acme.audit+json"]
        {
            assert_eq!(of(json), Some(Media::Json), "{json}");
        }
        assert_eq!(of("application/x-ndjson"), Some(Media::Lines));
        assert_eq!(of("application/cloudevents+json; charset=UTF-8"), Some(Media::Envelope));
        assert_eq!(of("application/cloudevents-batch+json"), Some(Media::Envelopes));
        for other in ["application/xml", "application/cloudevents+avro", "application/x-www-form-urlencoded", "json"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn an_envelope_may_stand_in_the_headers() {
        let whole = headers(&[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "/ci"),
            ("ce-type", "deployed%20%E2%82%AC"),
        ]);
        let Ok(Media::Binary(Ok(attributes))) = media(&whole) else { panic!("the binary mode") };
        assert_eq!(attributes.event_type.as_deref(), Some("deployed €"));
        let Ok(Media::Binary(Err(violations))) = media(&headers(&[("ce-id", "7")])) else { panic!("the binary mode") };
        assert_eq!(violations.len(), 3, "{violations:?}");
        assert_eq!(media(&headers(&[("ce-time", "now")])).ok(), Some(Media::Json));
    }

    #[test]
    fn a_request_s_own_id() {
        for (name, value, id) in [
            ("idempotency-key", "\"8e03978e\"", Some("8e03978e")),
            ("idempotency-key", " 8e03978e ", Some("8e03978e")),
            ("idempotency-key", "\"\"", None),
            ("webhook-id", "msg_1", Some("msg_1")),
            ("x-request-id", "1", None),
        ] {
            assert_eq!(request_id(&headers(&[(name, value)])).as_deref(), id, "{name}: {value}");
        }
    }
}
