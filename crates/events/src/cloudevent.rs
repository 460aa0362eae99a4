//! `CloudEvents` 1.0 envelopes in JSON (the structured mode of
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).

use std::borrow::Cow;

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arrival::Attributes;
use crate::read::MAX_TEXT;
use crate::text::truncate;
use crate::time;
use crate::violation::{Refused, Violation};

/// The attributes that each envelope has.
pub const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];

/// The others that are read.
pub const OPTIONAL: [&str; 2] = ["subject", "time"];

/// Maximum number of characters of an attribute that a violation quotes.
const MAX_QUOTED_CHARS: usize = 40;

/// What was in an envelope.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The event: `data` as it was sent, or what `data_base64` stands for; `{}` where there is neither.
    pub(crate) data: Cow<'a, [u8]>,
    /// What the envelope says of it.
    pub(crate) attributes: Attributes,
}

/// The attributes as they were sent. Extensions are for those who carry the event, and not read.
#[derive(Deserialize)]
struct Envelope<'a> {
    specversion: Option<Value>,
    id: Option<Value>,
    source: Option<Value>,
    #[serde(rename = "type")]
    event_type: Option<Value>,
    subject: Option<Value>,
    time: Option<Value>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<Value>,
}

/// Opens an envelope; everything that is wrong with it, where something is.
pub(crate) fn open(envelope: &[u8]) -> Result<Opened<'_>, Refused> {
    let envelope: Envelope<'_> = serde_json::from_slice(envelope).map_err(|error| {
        let message = format!("expected a CloudEvents envelope: {error}");
        Refused { event_type: None, violations: vec![Violation::new("", "cloudevents", message)] }
    })?;
    let mut violations = Vec::new();
    let mut text = |name: &'static str, value: &Option<Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some((name, text.clone())),
        Some(_) => {
            violations.push(Violation::new(format!("/{name}"), "type", "expected string"));
            None
        }
    };
    let found = [
        text("specversion", &envelope.specversion),
        text("id", &envelope.id),
        text("source", &envelope.source),
        text("type", &envelope.event_type),
        text("subject", &envelope.subject),
        text("time", &envelope.time),
    ];
    let base64 = text("data_base64", &envelope.data_base64);
    let attributes = attributes(found.into_iter().flatten());
    let data = data(envelope.data, base64.map(|(_, text)| text));
    if let Err(more) = &attributes {
        violations.extend(more.clone());
    }
    if let Err(more) = &data {
        violations.push(more.clone());
    }
    match (attributes, data) {
        (Ok(attributes), Ok(data)) if violations.is_empty() => Ok(Opened { data, attributes }),
        _ => {
            // Of the wrong type is not missing.
            let typed: Vec<String> =
                violations.iter().filter(|v| v.keyword == "type").map(|v| v.pointer.clone()).collect();
            violations.retain(|v| v.keyword != "required" || !typed.contains(&v.pointer));
            violations.sort();
            let event_type = envelope.event_type.as_ref().and_then(Value::as_str);
            let event_type = event_type.filter(|name| name.len() <= MAX_TEXT).map(str::to_owned);
            Err(Refused { event_type, violations })
        }
    }
}

/// Attributes out of names and values, as an envelope or the headers of the binary mode give them.
///
/// An event's id is unique for its `source` alone, so both together are what it is known by.
///
/// # Errors
/// Everything that is missing or wrong.
pub fn attributes(found: impl Iterator<Item = (&'static str, String)>) -> Result<Attributes, Vec<Violation>> {
    let mut violations = Vec::new();
    let found: Vec<(&str, String)> = found.filter(|(_, text)| !text.is_empty()).collect();
    let get = |name: &str| found.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
    for name in REQUIRED {
        if get(name).is_none() {
            violations.push(Violation::new(format!("/{name}"), "required", format!("{name} is required")));
        }
    }
    for (name, text) in &found {
        if text.len() > MAX_TEXT {
            let message = format!("expected at most {MAX_TEXT} bytes, found {}", text.len());
            violations.push(Violation::new(format!("/{name}"), "maxLength", message));
        }
    }
    if let Some(version) = get("specversion").filter(|version| version != "1.0") {
        let message = format!("expected \"1.0\", found {:?}", truncate(&version, MAX_QUOTED_CHARS));
        violations.push(Violation::new("/specversion", "const", message));
    }
    let time = get("time").and_then(|text| {
        let parsed = time::parse(&text);
        if parsed.is_none() {
            let message = format!(
                "expected a time such as 2024-10-03T11:09:53.225Z, found {:?}",
                truncate(&text, MAX_QUOTED_CHARS)
            );
            violations.push(Violation::new("/time", "format", message));
        }
        parsed
    });
    if !violations.is_empty() {
        return Err(violations);
    }
    let id = get("source").zip(get("id")).map(|(source, id)| format!("{source}\n{id}"));
    Ok(Attributes { id, event_type: get("type"), subject: get("subject"), time })
}

fn data(data: Option<&RawValue>, base64: Option<String>) -> Result<Cow<'_, [u8]>, Violation> {
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

    const WHOLE: &str = r#"{"specversion": "1.0", "id": "7", "source": "/ci", "type": "deployed", "subject": "web",
        "time": "2025-06-01T10:00:00Z", "traceparent": 7, "data": {"a" :1}}"#;

    #[test]
    fn an_envelope_is_opened() {
        let opened = open(WHOLE.as_bytes()).unwrap();
        assert_eq!(&*opened.data, b"{\"a\" :1}", "byte for byte");
        assert_eq!(opened.attributes.id.as_deref(), Some("/ci\n7"));
        assert_eq!(opened.attributes.event_type.as_deref(), Some("deployed"));
        assert_eq!(opened.attributes.subject.as_deref(), Some("web"));
        assert_eq!(opened.attributes.time, "2025-06-01T10:00:00Z".parse().ok());
    }

    #[test]
    fn data_may_be_encoded_or_left_out() {
        let with = |data: &str| WHOLE.replace(r#""data": {"a" :1}"#, data);
        assert_eq!(&*open(with(r#""data_base64": "eyJhIjoxfQ==""#).as_bytes()).unwrap().data, b"{\"a\":1}");
        assert_eq!(&*open(with(r#""data": null"#).as_bytes()).unwrap().data, b"{}");
    }

    #[test]
    fn everything_wrong_is_told() {
        let refused = open(
            br#"{"specversion": "0.3", "id": 7, "source": "", "type": "t", "time": "now", "data": 1,
            "data_base64": "*"}"#,
        )
        .unwrap_err();
        let told: Vec<String> = refused.violations.iter().map(|v| format!("{} {}", v.pointer, v.keyword)).collect();
        assert_eq!(told, ["/data_base64 not", "/id type", "/source required", "/specversion const", "/time format"]);
        assert_eq!(refused.event_type.as_deref(), Some("t"));
        for envelope in ["", "[]", "7", r#"{"id": "1", "id": "2"}"#] {
            assert_eq!(open(envelope.as_bytes()).unwrap_err().violations[0].keyword, "cloudevents", "{envelope}");
        }
    }
}
