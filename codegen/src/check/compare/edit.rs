//! One edit of a schema: what was done, where, and how to do it again.

use serde_json::{Map, Value};

use crate::dialect::rebuilt;
use crate::problem::key;

/// Something that a schema says otherwise than before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    /// The rule's name, for tools: `enum-value-removed`.
    pub(crate) rule: &'static str,
    /// JSON Pointer to the keyword, or the property, in the new schema; in the old one where it is
    /// gone from the new.
    pub(crate) pointer: String,
    /// Whether it is the new schema that `pointer` leads into.
    pub(crate) in_new: bool,
    /// What was changed, for people.
    pub(crate) message: String,
    /// What the edit does by itself, as far as the rule tells.
    pub(crate) effect: Effect,
    /// Whether it is about fields that the schema does not name.
    pub(crate) about_unknown_fields: bool,
    /// How to make the old schema say it.
    pub(crate) operations: Vec<Operation>,
    /// Values that are known to show it.
    pub(crate) known: Known,
}

/// Values that only one of the two schemas accepts, and where: JSON Pointers to the schemas.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// What the old schema accepts there, and the new one does not.
    pub(crate) lost: Option<(String, Value)>,
    /// What the new schema accepts there, and the old one does not.
    pub(crate) gained: Option<(String, Value)>,
}

/// What an edit does to the set of values that a schema accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It accepts less.
    Narrows,
    /// It accepts more.
    Widens,
    /// It accepts other values.
    Changes,
    /// It accepts what it did.
    Keeps,
}

/// A step of an edit, with a JSON Pointer into the old schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operation {
    /// Puts a value, which is a part of the new schema.
    Put(String, Value),
    /// Takes the value out.
    Remove(String),
}

/// What a definition of the new schema is called in the old one.
const NEW: &str = "new:";

/// The old schema with one edit of the new one.
pub(crate) fn applied(old: &Value, new: &Value, edit: &Edit) -> Value {
    let mut schema = old.clone();
    for operation in &edit.operations {
        let (Operation::Put(at, _) | Operation::Remove(at)) = operation;
        let (parent, step) = at.rsplit_once('/').unwrap_or(("", at));
        let key = key(step);
        match (schema.pointer_mut(parent), operation) {
            (Some(Value::Object(parent)), Operation::Put(_, value)) => drop(parent.insert(key, renamed(value))),
            (Some(Value::Object(parent)), Operation::Remove(_)) => drop(parent.shift_remove(&key)),
            // A list is put again as a whole, never an item of it.
            _ => {}
        }
    }
    let (Some(defs), Value::Object(root)) = (new.get("$defs").and_then(Value::as_object), &mut schema) else {
        return schema;
    };
    let all = root.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
    for (name, definition) in defs {
        all[format!("{NEW}{name}")] = renamed(definition);
    }
    schema
}

/// A part of the new schema, whose references lead to the new definitions.
fn renamed(schema: &Value) -> Value {
    rebuilt(schema, &|mut object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some(name) = reference.strip_prefix("#/$defs/")
        {
            *reference = format!("#/$defs/{NEW}{name}");
        }
        Value::Object(object)
    })
}
