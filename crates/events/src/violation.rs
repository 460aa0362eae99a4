//! Why a payload was refused, told to the person who must act on it.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::EventId;
use crate::text::truncate;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 200;
/// The longest pointer, in characters: names may be as long as payloads.
const MAX_POINTER: usize = 300;
/// The longest value that a message repeats, as JSON.
const MAX_VALUE: usize = 40;

/// One thing wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// JSON Pointer to the value that is wrong; one of over 300 characters ends there with an ellipsis.
    pub pointer: String,
    /// The JSON Schema keyword that it fails; or `json` (not JSON that can be read), `duplicate` (a
    /// name twice in one object), `maxValues` (too many values), `time` (outside the range of times that
    /// the log takes), `cloudevents` (no envelope), or the header that was wrong.
    pub keyword: String,
    /// What was expected and what was found.
    pub message: String,
}

/// Why a payload was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Refused {
    /// The type that the payload says it has.
    pub event_type: Option<String>,
    /// Everything that is wrong (the first 100), sorted.
    pub violations: Vec<Violation>,
}

impl Violation {
    /// A violation; a long pointer or message is shortened, and ends with an ellipsis then.
    pub fn new(pointer: impl Into<String>, keyword: &str, message: impl Into<String>) -> Self {
        let (pointer, message) = (ellipsized(pointer.into(), MAX_POINTER), ellipsized(message.into(), MAX_MESSAGE));
        Self { pointer, keyword: keyword.to_owned(), message }
    }
}

impl Refused {
    /// The refusal of events of a catalog that is not known: an earlier version than the one that their source was
    /// registered with is at work.
    pub fn unknown_catalog(catalog: &str) -> Self {
        let message = format!("this version has no catalog {catalog:?}: replay this when one is deployed that has");
        Self { event_type: None, violations: vec![Violation::new("", "catalog", message)] }
    }

    /// The refusal of an event whose request gave it the id of the event that stands at `other`.
    pub fn id_in_use(event_type: Option<String>, other: EventId) -> Self {
        let message = format!("the id that the request gives this event is that of another one, {other}");
        Self { event_type, violations: vec![Violation::new("", "idempotency-key", message)] }
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

/// What was expected and what was found.
fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Required { property } => format!("{} is required", property.as_str().unwrap_or_default()),
        kind => match expected(error, kind) {
            Some(expected) => format!("expected {expected}, found {}", found(error)),
            // Without the value, which may be long or nobody's business.
            None => error.masked().to_string(),
        },
    }
}

/// What a keyword asks for, in words.
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

/// What each branch of a choice asks of the value itself.
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

/// A short value as it is, of others only what they are. Of what may be a secret, never the value.
fn found(error: &ValidationError<'_>) -> String {
    let characters = |text: &str| format!("a string of {} characters", text.chars().count());
    match error.instance().as_ref() {
        Value::Array(items) if error.kind().keyword().ends_with("Items") => format!("{} items", items.len()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(fields) if error.kind().keyword().ends_with("Properties") && !fields.is_empty() => {
            format!("{} fields", fields.len())
        }
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > MAX_VALUE || error.kind().keyword().ends_with("Length") => {
            characters(text)
        }
        Value::String(text) if is_secret(error.instance_path().as_str()) => characters(text),
        value => value.to_string(),
    }
}

/// Whether a field's name, or that of a field around it, says that it holds a secret.
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
    fn messages_say_what_was_expected_and_found() {
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
    fn pointers_are_short() {
        let name = "é".repeat(100_000);
        let violation = violation(&json!({"additionalProperties": {"type": "string"}}), &json!({ name: 1 }));
        assert_eq!(violation.pointer.chars().count(), MAX_POINTER + 1);
        assert!(violation.pointer.ends_with('…'));
    }

    #[test]
    fn messages_are_short() {
        let schema = json!({"pattern": format!("^{}é$", "a".repeat(300))});
        assert_eq!(violation(&schema, &json!("x")).message.chars().count(), MAX_MESSAGE + 1);
    }
}
