//! Why a payload was refused, told to the person who must act on it.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 200;
/// The longest value that a message repeats, as JSON.
const MAX_VALUE: usize = 40;

/// One thing wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// JSON Pointer to the value that is wrong.
    pub pointer: String,
    /// The JSON Schema keyword that it fails, or `json` (no JSON at all), or `time` (outside the
    /// range of times that the log takes).
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
    pub(crate) fn new(pointer: impl Into<String>, keyword: &str, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { pointer: pointer.into(), keyword: keyword.to_owned(), message }
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

fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let found = || found(error.instance());
    match error.kind() {
        Kind::Required { property } => {
            format!("{} is required", property.as_str().unwrap_or_default())
        }
        Kind::Type { kind } => format!("expected {}, found {}", names(kind), found()),
        Kind::Constant { expected_value } => {
            format!("expected {expected_value}, found {}", found())
        }
        Kind::Enum { options } => format!("expected one of {options}, found {}", found()),
        Kind::Format { format } => format!("expected {}, found {}", example(format), found()),
        Kind::Pattern { pattern } => {
            format!("expected text that matches {pattern}, found {}", found())
        }
        Kind::Minimum { limit } => format!("expected at least {limit}, found {}", found()),
        Kind::Maximum { limit } => format!("expected at most {limit}, found {}", found()),
        // Without the value, which may be long or nobody's business.
        _ => error.masked().to_string(),
    }
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
        "instant" => "a time such as 2025-12-09T23:17:28.00".to_owned(),
        other => format!("text of the format {other}"),
    }
}

/// A short value as it is, of others only what they are.
fn found(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > MAX_VALUE => {
            format!("a string of {} characters", text.chars().count())
        }
        value => value.to_string(),
    }
}

fn shortened(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn violation(schema: &Value, value: &Value) -> Violation {
        let validator = jsonschema::validator_for(schema).unwrap();
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
            (json!({"maxLength": 2}), json!("secret"), "value is longer than 2 characters"),
        ] {
            assert_eq!(violation(&schema, &value).message, message);
        }
    }

    #[test]
    fn messages_are_short() {
        let schema = json!({"pattern": format!("^{}é$", "a".repeat(300))});
        assert_eq!(violation(&schema, &json!("x")).message.chars().count(), MAX_MESSAGE + 1);
    }
}
