//! References that stand beside other keywords, written out.
//!
//! `{"$ref": …, "required": […]}` says two things about one value. Written out it is one schema,
//! which can be compared with one that never had the reference.

use serde_json::{Map, Value};

use crate::dialect::NAMED;
use crate::merge::joined;

/// `schema`, which stands alone, with such references written out where that makes one schema.
pub(super) fn inlined(schema: &Value) -> Value {
    walk(schema, schema)
}

fn walk(root: &Value, schema: &Value) -> Value {
    let Value::Object(object) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(|item| walk(root, item)).collect(),
            other => other.clone(),
        };
    };
    let mut result = Map::new();
    for (key, value) in object {
        let value = match (key.as_str(), value) {
            ("const" | "enum" | "examples" | "default", value) => value.clone(),
            (key, Value::Object(named)) if NAMED.contains(&key) => {
                named.iter().map(|(name, value)| (name.clone(), walk(root, value))).collect()
            }
            (_, value) => walk(root, value),
        };
        result.insert(key.clone(), value);
    }
    written_out(root, &result).unwrap_or(Value::Object(result))
}

fn written_out(root: &Value, schema: &Map<String, Value>) -> Option<Value> {
    let says_more = ["enum", "maximum", "minimum", "properties", "required", "type"];
    if !says_more.iter().any(|keyword| schema.contains_key(*keyword)) {
        return None;
    }
    let referred = root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)?.as_object()?;
    let mut own = schema.clone();
    own.shift_remove("$ref");
    joined(own, referred).map(Value::Object)
}
