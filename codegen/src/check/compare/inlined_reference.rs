//! Inlining of references that have sibling keywords.
//!
//! `{"$ref": …, "required": […]}` applies two schemas to one value. After inlining it is one schema,
//! which can be compared with a version that has no reference.

use serde_json::{Map, Value};

use crate::keyword::map_subschemas;
use crate::reference::local_reference;
use crate::schema_merge::try_merge;

/// Returns a self-contained schema in which such references are inlined, where the result is one
/// schema.
pub(super) fn inline_references(schema: &Value) -> Value {
    map_subschemas(schema, &|object| inline_reference(schema, &object).unwrap_or(Value::Object(object)))
}

fn inline_reference(root: &Value, schema: &Map<String, Value>) -> Option<Value> {
    let sibling_keywords = ["enum", "maximum", "minimum", "properties", "required", "type"];
    if !sibling_keywords.iter().any(|keyword| schema.contains_key(*keyword)) {
        return None;
    }
    let referred = local_reference(root, schema)?.as_object()?;
    let mut own = schema.clone();
    own.shift_remove("$ref");
    try_merge(own, referred).map(Value::Object)
}
