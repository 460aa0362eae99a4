//! Equality of JSON texts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Returns whether two JSON texts have the same value: white space, the order of members and the escapes of strings are
/// ignored. Numbers are compared as they are written, because a double cannot distinguish all of them.
pub fn is_same_json(a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    let (Ok(a), Ok(b)) = (serde_json::from_slice::<&RawValue>(a), serde_json::from_slice::<&RawValue>(b)) else {
        return false;
    };
    is_same_value(a.get(), b.get())
}

/// Compares two values. The recursion is as deep as the values are, to which the parser sets a limit.
fn is_same_value(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => is_same_object(a, b),
        (Some(b'['), Some(b'[')) => is_same_array(a, b),
        (Some(b'"'), Some(b'"')) => parse::<String>(a).is_some_and(|text| parse::<String>(b) == Some(text)),
        _ => false,
    }
}

fn is_same_object(a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (parse::<BTreeMap<String, &RawValue>>(a), parse::<BTreeMap<String, &RawValue>>(b)) else {
        return false;
    };
    let is_same_member = |((name, value), (other_name, other))| name == other_name && is_same_raw_value((value, other));
    a.len() == b.len() && a.iter().zip(&b).all(is_same_member)
}

fn is_same_array(a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (parse::<Vec<&RawValue>>(a), parse::<Vec<&RawValue>>(b)) else { return false };
    a.len() == b.len() && a.iter().zip(&b).all(is_same_raw_value)
}

fn is_same_raw_value((a, b): (&&RawValue, &&RawValue)) -> bool {
    is_same_value(a.get(), b.get())
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_ignored_and_values_are_not() {
        let event = r#"{"id": 1, "text": "für", "list": [1, {"a": null}], "number": 1.0}"#;
        for same in [
            event,
            r#" {"id":1,"text":"für","list":[1,{"a":null}],"number":1.0} "#,
            r#"{"number": 1.0, "list": [1, {"a": null}], "text": "f\u00fcr", "id": 1}"#,
        ] {
            assert!(is_same_json(event.as_bytes(), same.as_bytes()), "{same}");
        }
        for other in [
            r#"{"id": 2, "text": "für", "list": [1, {"a": null}], "number": 1.0}"#,
            r#"{"id": 1, "text": "fur", "list": [1, {"a": null}], "number": 1.0}"#,
            r#"{"id": 1, "text": "für", "list": [{"a": null}, 1], "number": 1.0}"#,
            r#"{"id": 1, "text": "für", "list": [1, {"a": 0}], "number": 1.0}"#,
            r#"{"id": 1, "text": "für", "list": [1, {"a": null}], "number": 1}"#,
            r#"{"id": 1, "text": "für", "list": [1, {"a": null}]}"#,
            r#"{"id": 1, "text": "für", "list": [1], "number": 1.0}"#,
            "[]",
            "",
        ] {
            assert!(!is_same_json(event.as_bytes(), other.as_bytes()), "{other}");
            assert!(!is_same_json(other.as_bytes(), event.as_bytes()), "{other}");
        }
        assert!(!is_same_json(b"[123456789012345678901]", b"[123456789012345678902]"), "a double cannot hold them");
        let deep = ["[".repeat(120), "]".repeat(120)].concat();
        assert!(is_same_json(deep.as_bytes(), deep.replace("]]", "] ]").as_bytes()));
    }
}
