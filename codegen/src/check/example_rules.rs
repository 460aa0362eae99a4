//! Check of examples by the rules of `catalog.json`: ingest must find the type, the time and the ID.

use event_time::{parse_time, parse_unix_number};
use serde_json::Value;

use super::finding::{Finding, Severity};
use crate::catalog_file::{CatalogFile, FieldPath, StringPart};
use crate::json_pointer::child_pointer;

/// Checks that ingest reads each of the examples of the type `name`.
pub(super) fn check_examples(catalog: &CatalogFile, path: &str, name: &str, examples: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, example) in examples.iter().enumerate() {
        let at = child_pointer("/examples", index);
        findings.extend(check_type(catalog, path, &at, name, example));
        findings.extend(check_time(catalog, path, &at, example));
    }
    findings
}

fn check_type(catalog: &CatalogFile, path: &str, at: &str, name: &str, example: &Value) -> Option<Finding> {
    let found = catalog.event_type.iter().find_map(|path| find_text(path, example)).or_else(|| catalog.untyped.clone());
    match found {
        Some(found) if found == name => None,
        Some(found) => {
            let message = format!("this event has the type {found} according to catalog.json");
            Some(Finding::error("example-type", path, at, message))
        }
        None => {
            let message = "this event does not state its type where catalog.json expects it: ingest accepts it only as a \
                           CloudEvent, whose envelope states the type";
            let finding = Finding::error("example-type", path, at, message);
            Some(Finding { severity: Severity::Warning, ..finding })
        }
    }
}

fn check_time(catalog: &CatalogFile, path: &str, at: &str, example: &Value) -> Option<Finding> {
    let (pointer, value) = catalog.time.iter().find_map(|path| {
        let value = example.pointer(path.pointer())?;
        let text = find_text(path, example);
        match (value, text) {
            (Value::String(_), Some(text)) => Some((path.pointer(), Value::String(text))),
            (Value::Null | Value::String(_), _) => None,
            (value, _) => Some((path.pointer(), value.clone())),
        }
    })?;
    (!is_event_time(&value)).then(|| {
        let message =
            format!("ingest cannot read {value} as the event's time: use RFC 3339, or a Unix time as a number");
        Finding::error("example-time", path, format!("{at}{pointer}"), message)
    })
}

/// Returns whether ingest reads a value as a time.
fn is_event_time(value: &Value) -> bool {
    match value {
        Value::Number(number) => parse_unix_number(number).is_some(),
        Value::String(text) => parse_time(text).is_some(),
        _ => false,
    }
}

/// Returns the text at a path, as ingest extracts it.
fn find_text(path: &FieldPath, event: &Value) -> Option<String> {
    let text = match event.pointer(path.pointer())? {
        Value::String(text) => text.as_str(),
        Value::Number(number) => return Some(number.to_string()),
        _ => return None,
    };
    let text = match path {
        FieldPath::Whole(_) => text,
        FieldPath::Part(StringPart { after, before, .. }) => {
            let text = after.as_deref().and_then(|after| text.split_once(after)).map_or(text, |(_, rest)| rest);
            before.as_deref().and_then(|before| text.rsplit_once(before)).map_or(text, |(rest, _)| rest)
        }
    };
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_that_ingest_reads_are_event_times() {
        for time in [
            json!("2024-10-03T11:09:53.225Z"),
            json!("2024-10-03 11:09"),
            json!("2024-10-03T11:09:53,5+0200"),
            json!("2024-10-03t11:09:53-02"),
            json!(1_714_550_000),
            json!(1_714_550_000_123_u64),
        ] {
            assert!(is_event_time(&time), "{time}");
        }
        for time in [
            json!("yesterday"),
            json!(""),
            json!("2024-10-03"),
            json!("2024-13-03T11:09:53Z"),
            json!("2024-10-03T11:09:53+24:00"),
            json!("1714550000"),
            json!(7),
            json!(true),
        ] {
            assert!(!is_event_time(&time), "{time}");
        }
    }

    #[test]
    fn examples_are_read_by_the_rules_of_their_catalog() {
        let file = json!({"title": "t", "description": "d", "scope": "lifecycle",
            "type": [{"at": "/kind", "after": "."}], "time": ["/at"]});
        let catalog = CatalogFile::read("catalog.json", &file).unwrap();
        let rules = |example: Value| {
            let found = check_examples(&catalog, "a.json", "placed", &[example]);
            found.into_iter().map(|f| (f.rule, f.pointer, f.severity)).collect::<Vec<_>>()
        };
        assert_eq!(rules(json!({"kind": "order.placed", "at": 1_714_550_000})), []);
        assert_eq!(rules(json!({"kind": "order.placed", "at": "2024-05-01T00:00:00Z"})), []);
        assert_eq!(
            rules(json!({"kind": "order.paid", "at": "yesterday"})),
            [
                ("example-type".to_owned(), "/examples/0".to_owned(), Severity::Error),
                ("example-time".to_owned(), "/examples/0/at".to_owned(), Severity::Error)
            ]
        );
        assert_eq!(rules(json!({})), [("example-type".to_owned(), "/examples/0".to_owned(), Severity::Warning)]);
    }
}
