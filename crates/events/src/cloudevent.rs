//! `CloudEvents` 1.0 envelopes in JSON (the structured mode of
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).

use std::borrow::Cow;

use base64::Engine;
use event_time::parse_time;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event_id::EventId;
use crate::limits::MAX_INDEXED_BYTES;
use crate::raw_event::Attributes;
use crate::text::truncate;
use crate::violation::{Rejection, Violation};

/// Attributes that every envelope must have.
pub const REQUIRED_ATTRIBUTES: [&str; 4] = ["id", "source", "specversion", "type"];

/// Optional attributes that are used; other attributes are ignored.
pub const OPTIONAL_ATTRIBUTES: [&str; 2] = ["subject", "time"];

/// Maximum number of characters of an attribute that a violation quotes.
const MAX_QUOTED_CHARS: usize = 40;

/// A valid envelope.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// The event: `data` as it was sent, or the decoded `data_base64`; `{}` if the envelope has neither.
    pub(crate) data: Cow<'a, [u8]>,
    /// Attributes of the event.
    pub(crate) attributes: Attributes,
}

/// The members of an envelope, before validation. Extension attributes are meant for intermediaries and are ignored.
///
/// Members are not parsed further than necessary: a hostile value may have millions of elements.
#[derive(Deserialize)]
struct EnvelopeMembers<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    data_base64: Option<&'a RawValue>,
}

/// Parses an envelope.
///
/// # Errors
/// All violations of the envelope.
pub(crate) fn parse_envelope(envelope: &[u8]) -> Result<Envelope<'_>, Rejection> {
    let envelope = parse_members(envelope)?;
    let mut violations = Vec::new();
    let mut text = |name: &'static str, value: Option<&RawValue>| match value.map(RawValue::get) {
        None | Some("null") => None,
        Some(json) if json.starts_with('"') => match serde_json::from_str::<String>(json) {
            Ok(text) => Some((name, text)),
            Err(error) => {
                violations.push(Violation::new(format!("/{name}"), "json", error.to_string()));
                None
            }
        },
        Some(_) => {
            violations.push(Violation::new(format!("/{name}"), "type", "expected string"));
            None
        }
    };
    let found = [
        text("specversion", envelope.specversion),
        text("id", envelope.id),
        text("source", envelope.source),
        text("type", envelope.event_type),
        text("subject", envelope.subject),
        text("time", envelope.time),
    ];
    let event_type = found[3].as_ref().map(|(_, name)| name.clone());
    let base64 = text("data_base64", envelope.data_base64);
    let attributes = validate_attributes(found.into_iter().flatten());
    let data = decode_data(envelope.data, base64.map(|(_, text)| text));
    if let Err(more) = &attributes {
        violations.extend(more.clone());
    }
    if let Err(more) = &data {
        violations.push(more.clone());
    }
    match (attributes, data) {
        (Ok(attributes), Ok(data)) if violations.is_empty() => Ok(Envelope { data, attributes }),
        _ => {
            // An attribute of the wrong type is not missing as well.
            let unreadable: Vec<String> = violations
                .iter()
                .filter(|v| ["type", "json"].contains(&v.keyword.as_str()))
                .map(|v| v.pointer.clone())
                .collect();
            violations.retain(|v| v.keyword != "required" || !unreadable.contains(&v.pointer));
            violations.sort();
            let event_type = event_type.filter(|name| name.len() <= MAX_INDEXED_BYTES);
            Err(Rejection { event_type, violations })
        }
    }
}

/// Parses the members of an envelope, which is an object: serde would also accept an array, with the members by position.
fn parse_members(envelope: &[u8]) -> Result<EnvelopeMembers<'_>, Rejection> {
    let found = match envelope.trim_ascii_start().first() {
        Some(b'[') => Some("an array (send several envelopes as application/cloudevents-batch+json)"),
        Some(b'"') => Some("a string"),
        Some(b't' | b'f') => Some("a boolean"),
        Some(b'n') => Some("null"),
        Some(b'-' | b'0'..=b'9') => Some("a number"),
        _ => None,
    };
    let parsed = match found {
        Some(found) => Err(format!("expected a CloudEvents envelope: expected an object, found {found}")),
        None => serde_json::from_slice(envelope).map_err(|error| format!("expected a CloudEvents envelope: {error}")),
    };
    parsed
        .map_err(|message| Rejection { event_type: None, violations: vec![Violation::new("", "cloudevents", message)] })
}

/// Validates the names and values of attributes, from an envelope or from the headers of the binary mode.
///
/// An event's ID is unique only within its `source`, so both together form the ID of the returned attributes.
///
/// # Errors
/// All attributes that are missing or invalid.
pub fn validate_attributes(found: impl Iterator<Item = (&'static str, String)>) -> Result<Attributes, Vec<Violation>> {
    let mut violations = Vec::new();
    let found: Vec<(&str, String)> = found.filter(|(_, text)| !text.is_empty()).collect();
    let get = |name: &str| found.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
    for name in REQUIRED_ATTRIBUTES {
        if get(name).is_none() {
            violations.push(Violation::new(format!("/{name}"), "required", format!("{name} is required")));
        }
    }
    for (name, text) in &found {
        if text.len() > MAX_INDEXED_BYTES {
            let message = format!("expected at most {MAX_INDEXED_BYTES} bytes, found {}", text.len());
            violations.push(Violation::new(format!("/{name}"), "maxLength", message));
        }
    }
    if let Some(version) = get("specversion").filter(|version| version != "1.0") {
        let message = format!("expected \"1.0\", found {:?}", truncate(&version, MAX_QUOTED_CHARS));
        violations.push(Violation::new("/specversion", "const", message));
    }
    let time = get("time").and_then(|text| {
        let range = EventId::MIN.time()..=EventId::MAX.time();
        let (keyword, expected) = match parse_time(&text) {
            Some(time) if range.contains(&time) => return Some(time),
            Some(_) => ("time", "a time from the year 2000 to 2069"),
            None => ("format", "a time such as 2024-10-03T11:09:53.225Z"),
        };
        let message = format!("expected {expected}, found {:?}", truncate(&text, MAX_QUOTED_CHARS));
        violations.push(Violation::new("/time", keyword, message));
        None
    });
    if !violations.is_empty() {
        return Err(violations);
    }
    let id = get("source").zip(get("id")).map(|(source, id)| format!("{source}\n{id}"));
    Ok(Attributes { id, event_type: get("type"), subject: get("subject"), time, ..Attributes::default() })
}

fn decode_data(data: Option<&RawValue>, base64: Option<String>) -> Result<Cow<'_, [u8]>, Violation> {
    match (data, base64) {
        (Some(_), Some(_)) => Err(Violation::new("/data_base64", "not", "expected data or data_base64, found both")),
        (Some(data), None) => Ok(Cow::Borrowed(data.get().as_bytes())),
        (None, Some(base64)) => match base64::engine::general_purpose::STANDARD.decode(base64) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(error) => Err(Violation::new("/data_base64", "contentEncoding", format!("expected base64: {error}"))),
        },
        (None, None) => Ok(Cow::Borrowed(b"{}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = r#"{"specversion": "1.0", "id": "7", "source": "/ci", "type": "deployed", "subject": "web",
        "time": "2025-06-01T10:00:00Z", "traceparent": 7, "data": {"a" :1}}"#;

    #[test]
    fn valid_envelopes_are_parsed() {
        let envelope = parse_envelope(COMPLETE.as_bytes()).unwrap();
        assert_eq!(&*envelope.data, b"{\"a\" :1}", "byte for byte");
        assert_eq!(envelope.attributes.id.as_deref(), Some("/ci\n7"));
        assert_eq!(envelope.attributes.event_type.as_deref(), Some("deployed"));
        assert_eq!(envelope.attributes.subject.as_deref(), Some("web"));
        assert_eq!(envelope.attributes.time, "2025-06-01T10:00:00Z".parse().ok());
    }

    #[test]
    fn data_may_be_base64_or_missing() {
        let with = |data: &str| COMPLETE.replace(r#""data": {"a" :1}"#, data);
        assert_eq!(&*parse_envelope(with(r#""data_base64": "eyJhIjoxfQ==""#).as_bytes()).unwrap().data, b"{\"a\":1}");
        assert_eq!(&*parse_envelope(with(r#""data": null"#).as_bytes()).unwrap().data, b"{}");
    }

    #[test]
    fn all_violations_are_reported() {
        let rejection = parse_envelope(
            br#"{"specversion": "0.3", "id": 7, "source": "", "type": "t", "time": "now", "data": 1,
            "data_base64": "*"}"#,
        )
        .unwrap_err();
        let reported: Vec<String> =
            rejection.violations.iter().map(|v| format!("{} {}", v.pointer, v.keyword)).collect();
        assert_eq!(
            reported,
            ["/data_base64 not", "/id type", "/source required", "/specversion const", "/time format"]
        );
        assert_eq!(rejection.event_type.as_deref(), Some("t"));
        for envelope in ["", "{", "{]", r#"{"id": "1", "id": "2"}"#] {
            assert_eq!(
                parse_envelope(envelope.as_bytes()).unwrap_err().violations[0].keyword,
                "cloudevents",
                "{envelope}"
            );
        }
    }

    #[test]
    fn only_an_object_is_an_envelope() {
        for envelope in [
            r#"["1.0", "7", "/ci", "deployed", null, null, {"x": 1}, null]"#,
            "[[]]",
            "[]",
            " 7",
            "\"text\"",
            "null",
            "true",
        ] {
            let violation = parse_envelope(envelope.as_bytes()).unwrap_err().violations.remove(0);
            assert_eq!(violation.keyword, "cloudevents", "{envelope}");
            assert!(violation.message.contains("expected an object, found"), "{violation}");
        }
    }

    #[test]
    fn times_out_of_range_are_quoted_as_sent() {
        for time in ["9999-12-31T23:59:59Z", "1999-12-31T23:59:59Z", "2070-01-01T00:00:00+02:00"] {
            let envelope = COMPLETE.replace("2025-06-01T10:00:00Z", time);
            let violation = parse_envelope(envelope.as_bytes()).unwrap_err().violations.remove(0);
            assert_eq!((violation.pointer.as_str(), violation.keyword.as_str()), ("/time", "time"));
            assert!(violation.message.contains(time), "{violation}");
        }
    }
}
