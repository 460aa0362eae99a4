//! Violations: the reasons for which a payload is rejected, in words for its producer.

use std::fmt;

use jiff::Timestamp;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event_id::EventId;
use crate::text::truncate;

/// Maximum length of a message, in characters.
const MAX_MESSAGE_CHARS: usize = 200;
/// Maximum length of a pointer, in characters. Names in a payload may be as long as the payload.
const MAX_POINTER_CHARS: usize = 300;
/// Maximum length of a value that a message quotes, in characters.
const MAX_QUOTED_CHARS: usize = 40;

/// One violation of a schema or a limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// JSON Pointer to the invalid value. A pointer of more than 300 characters is truncated and ends with an ellipsis.
    pub pointer: String,
    /// Violated keyword of JSON Schema; or `json` (invalid JSON), `duplicate` (an object contains a name twice),
    /// `maxValues` (too many values), `time` (not a time, or outside of the range of times that the log accepts), `id`
    /// (another event has the ID), `retention` (an expired event was sent again), `slot` (too many events have one time),
    /// `cloudevents` (not an envelope), `method` (the request was not a POST), or the name of the invalid header.
    pub keyword: String,
    /// Expected and found value, in words.
    pub message: String,
}

/// The rejection of an event, with all its violations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Rejection {
    /// Type that the payload states.
    pub event_type: Option<String>,
    /// Violations, sorted; at most 100.
    pub violations: Vec<Violation>,
}

impl Violation {
    /// Creates a violation. A long pointer or message is truncated and ends with an ellipsis.
    pub fn new(pointer: impl Into<String>, keyword: &str, message: impl Into<String>) -> Self {
        let (pointer, message) =
            (ellipsized(pointer.into(), MAX_POINTER_CHARS), ellipsized(message.into(), MAX_MESSAGE_CHARS));
        Self { pointer, keyword: keyword.to_owned(), message }
    }
}

impl Rejection {
    /// Creates the rejection of an event whose catalog is unknown, because the deployed version is older than the one with
    /// which the source was registered.
    pub fn unknown_catalog(catalog: &str) -> Self {
        let message =
            format!("this version has no catalog {catalog:?}: deploy a version that has it, then reingest the event");
        Self { event_type: None, violations: vec![Violation::new("", "catalog", message)] }
    }

    /// Creates the rejection of an event whose request gave it the ID of another event, `other`.
    pub fn id_in_use(event_type: Option<String>, other: EventId) -> Self {
        let message = format!("the ID in the request is already used by the event {other}");
        Self { event_type, violations: vec![Violation::new("", "idempotency-key", message)] }
    }

    /// Creates the rejection of an event with the producer's ID, the type and the time of another event, `other`, and with
    /// another payload.
    pub fn id_reused(event_type: Option<String>, other: EventId) -> Self {
        let message = format!(
            "the event {other} has the same ID, type and time, and another payload: give each event an ID of its own"
        );
        Self { event_type, violations: vec![Violation::new("", "id", message)] }
    }

    /// Creates the rejection of an event whose stored copy, `other`, has expired and is not deleted yet.
    pub fn expired(event_type: Option<String>, other: EventId) -> Self {
        let message = format!(
            "the event was received before as {other}, and has expired: to store it again, reingest it in some days, \
             after the expired copy was deleted"
        );
        Self { event_type, violations: vec![Violation::new("", "retention", message)] }
    }

    /// Creates the rejection of an event for which the log has no free slot.
    pub fn no_free_slot(event_type: Option<String>, time: Timestamp) -> Self {
        let message = format!(
            "too many events have the time {time}, found no free slot: send the event again with its exact time"
        );
        Self { event_type, violations: vec![Violation::new("", "slot", message)] }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "{}", self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

impl From<ValidationError<'_>> for Violation {
    fn from(error: ValidationError<'_>) -> Self {
        let keyword = error.kind().keyword().to_owned();
        Self::new(error.instance_path().to_string(), &keyword, message(&error))
    }
}

/// Describes the expected and the found value.
fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Required { property } => format!("{} is required", property.as_str().unwrap_or_default()),
        kind => match expected(error, kind) {
            Some(expected) => format!("expected {expected}, found {}", found(error)),
            // Without the value, which may be long or confidential.
            None => error.masked().to_string(),
        },
    }
}

/// Describes the values that a keyword allows.
fn expected(error: &ValidationError<'_>, kind: &ValidationErrorKind) -> Option<String> {
    use ValidationErrorKind as Kind;
    let listed = |names: &[String]| names.join(", ");
    Some(match kind {
        Kind::Type { kind } => names(kind),
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Enum { options } => format!("one of {options}"),
        Kind::Format { format } => example(format),
        Kind::Pattern { pattern } => format!("text that matches {pattern}"),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinItems { limit } => format!("at least {limit} items"),
        Kind::MaxItems { limit } => format!("at most {limit} items"),
        Kind::UniqueItems => "items that differ from each other".to_owned(),
        Kind::MinProperties { limit } => format!("at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("at most {limit} fields"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("no field {}", listed(unexpected))
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(error, context)?,
        _ => return None,
    })
}

/// Describes the values that the branches of a choice allow.
fn alternatives(error: &ValidationError<'_>, branches: &[Vec<ValidationError<'static>>]) -> Option<String> {
    let own = |branch: &[ValidationError<'static>]| {
        let first = branch.iter().find(|other| other.instance_path() == error.instance_path())?;
        expected(first, first.kind())
    };
    let mut all: Vec<_> = branches.iter().map(|branch| own(branch)).collect::<Option<_>>()?;
    all.dedup();
    Some(all.join(", or "))
}

fn names(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => name.to_string(),
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" or "),
    }
}

fn example(format: &str) -> String {
    match format {
        "date-time" => "a time such as 2024-10-03T11:09:53.225Z".to_owned(),
        other => format!("text of the format {other}"),
    }
}

/// Quotes a short value, and describes any other. A value that may be a secret is never quoted.
fn found(error: &ValidationError<'_>) -> String {
    let characters = |text: &str| format!("a string of {} characters", text.chars().count());
    match error.instance().as_ref() {
        Value::Array(items) if error.kind().keyword().ends_with("Items") => format!("{} items", items.len()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(fields) if error.kind().keyword().ends_with("Properties") && !fields.is_empty() => {
            format!("{} fields", fields.len())
        }
        Value::Object(_) => "an object".to_owned(),
        Value::String(text)
            if text.chars().count() > MAX_QUOTED_CHARS || error.kind().keyword().ends_with("Length") =>
        {
            characters(text)
        }
        Value::String(text) if is_secret(error.instance_path().as_str()) => characters(text),
        value => value.to_string(),
    }
}

/// Returns whether the name of a field, or of an enclosing field, suggests a secret.
fn is_secret(pointer: &str) -> bool {
    let pointer = pointer.to_ascii_lowercase().replace(['_', '-'], "");
    ["authorization", "apikey", "credential", "password", "privatekey", "secret", "token"]
        .iter()
        .any(|word| pointer.contains(word))
}

/// A text of at most `max_chars` characters, and an ellipsis if it was longer.
fn ellipsized(text: String, max_chars: usize) -> String {
    let kept = truncate(&text, max_chars).len();
    if kept < text.len() { format!("{}…", &text[..kept]) } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn violation(schema: &Value, value: &Value) -> Violation {
        let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
        Violation::from(validator.iter_errors(value).next().unwrap())
    }

    #[test]
    fn messages_state_the_expected_and_found_values() {
        for (schema, value, message) in [
            (json!({"required": ["a"]}), json!({}), "a is required"),
            (json!({"type": ["object", "null"]}), json!(7), "expected null or object, found 7"),
            (json!({"type": "string"}), json!({"a": 1}), "expected string, found an object"),
            (json!({"const": "a"}), json!("b"), "expected \"a\", found \"b\""),
            (json!({"minimum": 0}), json!(-1), "expected at least 0, found -1"),
            (json!({"type": "integer"}), json!("x".repeat(41)), "expected integer, found a string of 41 characters"),
            (json!({"maxLength": 2}), json!("long"), "expected at most 2 characters, found a string of 4 characters"),
            (json!({"maxItems": 1}), json!([1, 2]), "expected at most 1 items, found 2 items"),
            (json!({"uniqueItems": true}), json!([1, 1]), "expected items that differ from each other, found 2 items"),
            (json!({"exclusiveMinimum": 1}), json!(1), "expected more than 1, found 1"),
            (
                json!({"anyOf": [{"format": "date-time"}, {"pattern": "^x"}]}),
                json!("y"),
                "expected a time such as 2024-10-03T11:09:53.225Z, or text that matches ^x, found \"y\"",
            ),
            (
                json!({"properties": {"api_token": {"type": "integer"}}}),
                json!({"api_token": "tdg_x"}),
                "expected integer, found a string of 5 characters",
            ),
        ] {
            assert_eq!(violation(&schema, &value).message, message);
        }
    }

    #[test]
    fn long_pointers_are_truncated() {
        let name = "é".repeat(100_000);
        let violation = violation(&json!({"additionalProperties": {"type": "string"}}), &json!({ name: 1 }));
        assert_eq!(violation.pointer.chars().count(), MAX_POINTER_CHARS + 1);
        assert!(violation.pointer.ends_with('…'));
    }

    #[test]
    fn long_messages_are_truncated() {
        let schema = json!({"pattern": format!("^{}é$", "a".repeat(300))});
        assert_eq!(violation(&schema, &json!("x")).message.chars().count(), MAX_MESSAGE_CHARS + 1);
    }
}
