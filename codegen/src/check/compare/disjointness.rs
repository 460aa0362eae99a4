//! Disjointness: whether two schemas accept no value in common, by their types and constants.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema_view::{SchemaView, certain_views};

/// Types of JSON Schema. An integer is also a number.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
/// Maximum depth at which required fields are compared.
const MAX_FIELD_DEPTH: usize = 4;

/// Returns the types that a value of all of `views` may have. With `number`, `integer` is possible too.
pub(super) fn possible_types(views: &[SchemaView<'_>]) -> BTreeSet<&'static str> {
    let mut types = BTreeSet::from(TYPES);
    for view in views {
        if let Some(declared) = view.get("type") {
            let is_named = |name: &str| {
                *declared == name || declared.as_array().is_some_and(|names| names.iter().any(|n| n == name))
            };
            types.retain(|name| is_named(name) || (*name == "integer" && is_named("number")));
        }
        if let Some(values) = constants(*view) {
            let found: BTreeSet<_> = values.into_iter().flat_map(type_names).copied().collect();
            types.retain(|name| found.contains(name));
        }
    }
    types
}

/// Returns the types of a value.
fn type_names(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Null => &["null"],
        Value::Bool(_) => &["boolean"],
        Value::Number(_) => &["integer", "number"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    }
}

/// Returns the values that a schema lists in `const` or `enum`.
pub(super) fn constants(view: SchemaView<'_>) -> Option<Vec<&Value>> {
    match (view.get("const"), view.get("enum").and_then(Value::as_array)) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(values)) => Some(values.iter().collect()),
        (None, None) => None,
    }
}

/// Returns whether no value satisfies all of `views` and `other`.
pub(super) fn are_disjoint(views: &[SchemaView<'_>], other: SchemaView<'_>) -> bool {
    views_are_disjoint(views, &[other], MAX_FIELD_DEPTH)
}

fn views_are_disjoint(ones: &[SchemaView<'_>], others: &[SchemaView<'_>], depth: usize) -> bool {
    let (ones, others) = (certain_views(ones), certain_views(others));
    if ones.iter().chain(&others).any(|view| *view.schema == Value::Bool(false)) {
        return true;
    }
    let (types, other_types) = (possible_types(&ones), possible_types(&others));
    if types.is_disjoint(&other_types) {
        return true;
    }
    let has_no_common_value = ones.iter().filter_map(|view| constants(*view)).any(|values| {
        let mut lists = others.iter().filter_map(|view| constants(*view));
        lists.any(|list| values.iter().all(|value| list.iter().all(|other| differ(value, other))))
    });
    if has_no_common_value {
        return true;
    }
    let only_objects = |types: &BTreeSet<&str>| types.iter().all(|name| *name == "object");
    if depth == 0 || !(only_objects(&types) || only_objects(&other_types)) {
        return false;
    }
    // A field that is always written, and whose values differ.
    let required: BTreeSet<_> = ones.iter().chain(&others).flat_map(|view| view.strings("required")).collect();
    required.into_iter().any(|name| {
        let (ones, others) = (field(&ones, name), field(&others, name));
        !ones.is_empty() && !others.is_empty() && views_are_disjoint(&ones, &others, depth - 1)
    })
}

/// Returns the schemas that `properties` has for the field `name`.
fn field<'a>(views: &[SchemaView<'a>], name: &str) -> Vec<SchemaView<'a>> {
    let properties = views.iter().flat_map(|view| view.entries("properties"));
    properties.filter(|(key, _)| *key == name).map(|(_, view)| view).collect()
}

/// Returns whether two constants are different values. Numbers may have several spellings.
fn differ(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() != other.as_f64(),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => false,
        (one, other) => one != other,
    }
}
