//! Edits of a schema: the change, its location, and the operations that repeat it.

use serde_json::{Map, Value};

use crate::json_pointer::unescape_token;
use crate::keyword::map_subschemas;

/// An edit of a schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    /// Name of the rule, for tools, such as `enum-value-removed`.
    pub(crate) rule: &'static str,
    /// JSON Pointer to the keyword or property in the new schema, or in the old one if it was removed.
    pub(crate) pointer: String,
    /// If true, `pointer` leads into the new schema.
    pub(crate) in_new: bool,
    /// Description of the edit.
    pub(crate) message: String,
    /// Effect of the edit on its own, according to the rule.
    pub(crate) effect: Effect,
    /// If true, the edit affects fields that the schema does not declare.
    pub(crate) affects_unknown_fields: bool,
    /// Operations that apply the edit to the old schema.
    pub(crate) operations: Vec<Operation>,
    /// Values that are known to show the edit.
    pub(crate) known_values: KnownValues,
}

/// Values that only one of the two schemas accepts, with JSON Pointers to the subschemas that decide.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KnownValues {
    /// Value that the old schema accepts at the pointer, and the new one rejects.
    pub(crate) lost: Option<(String, Value)>,
    /// Value that the new schema accepts at the pointer, and the old one rejects.
    pub(crate) gained: Option<(String, Value)>,
}

/// The effect of an edit on the set of values that a schema accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The schema accepts fewer values.
    Narrows,
    /// The schema accepts more values.
    Widens,
    /// The schema accepts different values.
    Changes,
    /// The schema accepts the same values.
    Keeps,
}

/// An operation on the old schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operation {
    /// Puts a value, a part of the new schema, at a JSON Pointer.
    Put(String, Value),
    /// Removes the value at a JSON Pointer.
    Remove(String),
}

/// Prefix of the new schema's definitions where they are copied into the old one.
const NEW_DEFINITION_PREFIX: &str = "new:";

/// Returns the old schema with a single edit applied.
pub(crate) fn apply_edit(old: &Value, new: &Value, edit: &Edit) -> Value {
    let mut schema = old.clone();
    for operation in &edit.operations {
        let (Operation::Put(at, _) | Operation::Remove(at)) = operation;
        let (parent, token) = at.rsplit_once('/').unwrap_or(("", at));
        let key = unescape_token(token);
        match (schema.pointer_mut(parent), operation) {
            (Some(Value::Object(parent)), Operation::Put(_, value)) => {
                parent.insert(key, with_new_definitions(value));
            }
            (Some(Value::Object(parent)), Operation::Remove(_)) => {
                parent.shift_remove(&key);
            }
            // Lists are always put as a whole, so a parent is never a list.
            _ => {}
        }
    }
    let (Some(defs), Value::Object(root)) = (new.get("$defs").and_then(Value::as_object), &mut schema) else {
        return schema;
    };
    let all = root.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
    for (name, definition) in defs {
        all[format!("{NEW_DEFINITION_PREFIX}{name}")] = with_new_definitions(definition);
    }
    schema
}

/// Returns a part of the new schema with references to the copied definitions.
fn with_new_definitions(schema: &Value) -> Value {
    map_subschemas(schema, &|mut object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some(name) = reference.strip_prefix("#/$defs/")
        {
            *reference = format!("#/$defs/{NEW_DEFINITION_PREFIX}{name}");
        }
        Value::Object(object)
    })
}
