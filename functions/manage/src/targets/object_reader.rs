//! Reading JSON objects into types, with errors that do not repeat values.

use model::defaults::MAX_RETRY_COUNT;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use web::{Object, Problem};

use crate::validation::Violations;

/// Maximum characters of a field name in an error message.
const MAX_SHOWN_NAME_CHARS: usize = 64;

/// Parses an object into `T`, or returns the field that is wrong and its expected content. Values are not repeated in the
/// violation, because they may be secrets.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Violations> {
    let read = serde_path_to_error::deserialize(value).map(|Object(read)| read);
    read.map_err(|error| {
        let place: Vec<String> = error.path().iter().map(segment).collect();
        let (keyword, message) = expected(&error.inner().to_string());
        let mut violations = Violations::default();
        violations.add(&place.join("/"), keyword, message);
        violations
    })
}

/// Parses an object like [`read`], and returns a problem. `kind` is the expected content: `a target`.
pub(crate) fn read_as<T: DeserializeOwned>(kind: &str, value: Value) -> Result<T, Problem> {
    read(value).map_err(|violations| violations.into_unread(kind))
}

fn segment(segment: &Segment) -> String {
    let name: String = segment.to_string().chars().take(MAX_SHOWN_NAME_CHARS).collect();
    match segment {
        Segment::Seq { index } => index.to_string(),
        _ => name.replace('~', "~0").replace('/', "~1"),
    }
}

/// Converts an error message of serde, which ends with the expected content, and removes the value from it.
fn expected(message: &str) -> (&'static str, String) {
    let wanted = message.rsplit_once("expected ").map_or("another value", |(_, wanted)| wanted);
    if message.starts_with("missing field `") {
        let name = message.split('`').nth(1).unwrap_or_default();
        return ("required", format!("expected the field `{name}`"));
    }
    if message.starts_with("unknown field `") {
        return ("additionalProperties", format!("there is no such field: expected {wanted}"));
    }
    let wanted = match wanted {
        // `retry_count` is the only field of this type.
        "u32" => return ("type", format!("expected a whole number from 1 to {MAX_RETRY_COUNT}")),
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted => wanted,
    };
    ("type", format!("expected {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use web::Problem;

    use super::super::request::NewTarget;
    use super::*;

    fn problem(value: Value) -> Problem {
        read_as::<NewTarget>("a target", value).map(drop).unwrap_err()
    }

    #[test]
    fn violations_name_their_field() {
        for (fields, pointer, message) in [
            (json!({ "retry_count": "3" }), "/retry_count", "expected a whole number from 1 to 100"),
            (json!({ "retry_count": -3 }), "/retry_count", "expected a whole number from 1 to 100"),
            (json!({ "retry_count": 1.5 }), "/retry_count", "expected a whole number from 1 to 100"),
            (json!({ "enabled": "yes" }), "/enabled", "expected true or false"),
            (json!({ "scopes": "logging" }), "/scopes", "expected an array"),
            (json!({ "scopes": ["logging", 7] }), "/scopes/1", "expected a string"),
            (json!({ "headers": { "a/b~c": 7 } }), "/headers/a~1b~0c", "expected a string"),
            (json!({ "address": null }), "/address", "expected a string"),
        ] {
            let mut value = json!({ "name": "a", "address": "https://example.com" });
            value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let document = problem(value).document();
            assert_eq!(document["violations"][0]["pointer"], pointer, "{fields}");
            assert_eq!(document["violations"][0]["message"], message, "{fields}");
            assert_eq!(document["detail"], format!("The body does not read as a target: {pointer} {message}"));
        }
        let missing = problem(json!({ "name": "a" }));
        assert_eq!(missing.detail(), "The body does not read as a target: expected the field `address`");
        let unknown = problem(json!({ "colour": "red" }));
        assert!(unknown.detail().contains("/colour there is no such field: expected one of `name`"), "{unknown:?}");
        for other in [json!("x"), json!([]), json!(["a", null, null, null, "https://example.com"]), json!(null)] {
            assert_eq!(problem(other).detail(), "The body does not read as a target: expected an object");
        }
    }

    #[test]
    fn values_are_not_repeated() {
        let secret = "SECRET, expected SECRET `SECRET`";
        for field in ["headers", "retry_count", "enabled", "scopes"] {
            let value = json!({ "name": "a", "address": "https://example.com", field: secret });
            let document = problem(value).document().to_string();
            assert!(!document.contains("SECRET"), "{document}");
        }
        assert!(!problem(json!(secret)).detail().contains("SECRET"));
    }
}
