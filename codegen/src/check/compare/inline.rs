//! References that stand beside other keywords, written out.
//!
//! `{"$ref": …, "required": […]}` says two things about one value. Written out it is one schema,
//! which can be compared with one that never had the reference.

use serde_json::{Map, Value};

use crate::dialect::rebuilt;
use crate::merge::joined;

/// `schema`, which stands alone, with such references written out where that makes one schema.
pub(super) fn inlined(schema: &Value) -> Value {
    rebuilt(schema, &|object| written_out(schema, &object).unwrap_or(Value::Object(object)))
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
