//! Keywords of a list of schemas that apply to the same value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// An object schema.
pub(super) type Schema = Map<String, Value>;

/// Returns the values that `schemas` have for `keyword`.
pub(super) fn values<'a>(schemas: &[&'a Schema], keyword: &str) -> Vec<&'a Value> {
    schemas.iter().filter_map(|schema| schema.get(keyword)).collect()
}

/// Returns the entries of all objects that `schemas` have for `keyword`.
pub(super) fn entries<'a>(schemas: &[&'a Schema], keyword: &str) -> Vec<(&'a String, &'a Value)> {
    values(schemas, keyword).into_iter().filter_map(Value::as_object).flatten().collect()
}

/// Returns the strings of all lists that `schemas` have for `keyword`.
pub(super) fn strings<'a>(schemas: &[&'a Schema], keyword: &str) -> BTreeSet<&'a str> {
    let lists = values(schemas, keyword).into_iter().filter_map(Value::as_array);
    lists.flatten().filter_map(Value::as_str).collect()
}

/// Returns the tightest of the integer bounds that `schemas` have for `keyword`.
pub(super) fn bound(schemas: &[&Schema], keyword: &str, tightest: fn(u64, u64) -> u64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound is a whole number from 0")]
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    values(schemas, keyword).into_iter().filter_map(whole).reduce(tightest)
}

/// Returns the types that all of `schemas` allow. If no schema names a type, the types are guessed from
/// their keywords.
pub(super) fn allowed_types(schemas: &[&Schema]) -> BTreeSet<&'static str> {
    const ALL: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let mut allowed = BTreeSet::from(ALL);
    let declared = values(schemas, "type");
    for names in &declared {
        let is_named =
            |name: &str| **names == name || names.as_array().is_some_and(|names| names.iter().any(|n| n == name));
        allowed.retain(|name| is_named(name) || (*name == "integer" && is_named("number")));
    }
    if !declared.is_empty() {
        return allowed;
    }
    let has_any =
        |keywords: &[&str]| schemas.iter().any(|schema| keywords.iter().any(|keyword| schema.contains_key(*keyword)));
    let mut guess = BTreeSet::new();
    for (name, keywords) in [
        ("object", &["properties", "required", "additionalProperties", "minProperties", "patternProperties"][..]),
        ("array", &["items", "prefixItems", "minItems", "maxItems", "contains"]),
        ("string", &["pattern", "format", "minLength", "maxLength"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ] {
        if has_any(keywords) {
            guess.insert(name);
        }
    }
    if guess.is_empty() { allowed } else { guess }
}
