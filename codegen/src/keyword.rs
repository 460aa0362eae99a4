//! Keywords of JSON Schema 2020-12, by the kind of value that they hold.

use serde_json::{Map, Value};

/// Keywords that hold no schema.
pub(crate) const VALUE_KEYWORDS: [&str; 31] = [
    "$comment",
    "$id",
    "$ref",
    "$schema",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "dependentRequired",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "required",
    "type",
    "uniqueItems",
    "writeOnly",
];
/// Keywords that hold no schema and have no counterpart in the generated types.
pub(crate) const PLAIN_VALUE_KEYWORDS: [&str; 7] =
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "maxContains", "minContains", "title"];

/// Keywords that hold one schema.
pub(crate) const SCHEMA_KEYWORDS: [&str; 8] =
    ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];
/// Keywords that hold one schema and have no counterpart in the generated types.
pub(crate) const PLAIN_SCHEMA_KEYWORDS: [&str; 3] = ["contentSchema", "unevaluatedItems", "unevaluatedProperties"];

/// Keywords that hold a list of schemas.
pub(crate) const LIST_KEYWORDS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords that hold a list of schemas and have no counterpart in the generated types.
pub(crate) const PLAIN_LIST_KEYWORDS: [&str; 1] = ["prefixItems"];

/// Keywords that hold an object of named schemas.
pub(crate) const MAP_KEYWORDS: [&str; 4] = ["$defs", "dependentSchemas", "patternProperties", "properties"];
/// The map keyword without a counterpart in the generated types.
pub(crate) const PLAIN_MAP_KEYWORD: &str = "patternProperties";

/// Keywords that hold data, in which a key such as `$ref` is an ordinary field.
pub(crate) const DATA_KEYWORDS: [&str; 4] = ["const", "default", "enum", "examples"];

/// Keywords that only inform readers and do not affect validation.
const ANNOTATION_KEYWORDS: [&str; 7] = ["$comment", "$id", "$schema", "deprecated", "description", "examples", "title"];

/// Returns whether a keyword only informs readers.
pub(crate) fn is_annotation(keyword: &str) -> bool {
    ANNOTATION_KEYWORDS.contains(&keyword) || keyword.starts_with("x-")
}

/// Returns whether a schema file only holds definitions for other schemas.
#[cfg(feature = "check")]
pub(crate) fn is_library(schema: &Value) -> bool {
    let is_neutral = |key: &str| is_annotation(key) || ["$anchor", "$defs"].contains(&key);
    schema.as_object().is_some_and(|schema| schema.contains_key("$defs") && schema.keys().all(|key| is_neutral(key)))
}

/// Replaces `schema` and every schema in it with the result of `replace`, innermost first. Data is
/// left unchanged.
#[cfg(feature = "check")]
pub(crate) fn map_subschemas(schema: &Value, replace: &dyn Fn(Map<String, Value>) -> Value) -> Value {
    let Value::Object(object) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(|item| map_subschemas(item, replace)).collect(),
            other => other.clone(),
        };
    };
    let mut result = Map::new();
    for (key, value) in object {
        let value = match (key.as_str(), value) {
            (key, value) if DATA_KEYWORDS.contains(&key) => value.clone(),
            (key, Value::Object(named)) if MAP_KEYWORDS.contains(&key) => {
                named.iter().map(|(name, value)| (name.clone(), map_subschemas(value, replace))).collect()
            }
            (_, value) => map_subschemas(value, replace),
        };
        result.insert(key.clone(), value);
    }
    replace(result)
}

/// Returns the types that a schema names in `type`.
pub(crate) fn type_names(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
