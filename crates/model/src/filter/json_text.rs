//! JSON in the notations of JavaScript and PostgreSQL.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The members of a payload, each as it was written; `None` where it is no object.
pub fn members(payload: &str) -> Option<HashMap<Cow<'_, str>, &RawValue>> {
    let borrowed = serde_json::from_str::<HashMap<&str, &RawValue>>(payload);
    let borrowed = borrowed.map(|members| members.into_iter().map(|(name, value)| (name.into(), value)).collect());
    // Names with escapes cannot be borrowed.
    let owned = |_| serde_json::from_str::<HashMap<String, &RawValue>>(payload);
    let owned =
        |error| owned(error).map(|members| members.into_iter().map(|(name, value)| (name.into(), value)).collect());
    borrowed.or_else(owned).ok()
}

/// JSON as JavaScript writes it.
pub(crate) fn compact(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("{}:{}", Value::from(name.as_str()), compact(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(",")),
        Value::Number(number) if number.is_f64() => javascript_number(number.as_f64().unwrap_or_default()),
        plain => plain.to_string(),
    }
}

/// A number as JavaScript writes it: with an exponent where it is very large or small (ECMA-262, 6.1.6.1.20).
pub fn javascript_number(number: f64) -> String {
    let exponential = format!("{number:e}");
    let exponent = exponential.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(21..) => exponential.replace('e', "e+"),
        Some(..-6) => exponential,
        _ => number.to_string(),
    }
}

/// JSON as PostgreSQL writes the type `jsonb`: members by the length of their names, then by their bytes;
/// one space after each colon and comma (PostgreSQL 15, 8.14).
pub(crate) fn jsonb(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            let member = |(name, value): (&String, &Value)| format!("{}: {}", Value::from(name.as_str()), jsonb(value));
            format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(jsonb).collect::<Vec<_>>().join(", ")),
        // Whatever its size, without an exponent.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        plain => plain.to_string(),
    }
}
