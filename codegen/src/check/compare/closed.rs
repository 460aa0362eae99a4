//! What writers of a schema's values write: the fields that it names, and no others.
//!
//! Strictly, a schema that gets a new optional field is not compatible with its older self: that
//! allowed any field, so a writer might have used the name for something else. Writers do not do
//! that. So values are compared as if the writer's schema were closed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Keywords that hold lists of schemas for the same value.
const SAME_VALUE: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// What a definition is called where it says more about a value and must not close it.
const OPEN: &str = "open:";

/// `schema`, which stands alone, without fields that it does not name.
pub(super) fn closed(schema: &Value) -> Value {
    let close = Close { root: schema };
    let mut closed = close.value(schema);
    let Some(defs) = schema.get("$defs").and_then(Value::as_object) else { return closed };
    let mut all = Map::new();
    for (name, definition) in defs {
        all.insert(name.clone(), close.value(definition));
        all.insert(format!("{OPEN}{name}"), close.condition(definition));
    }
    closed["$defs"] = Value::Object(all);
    closed
}

struct Close<'a> {
    root: &'a Value,
}

impl Close<'_> {
    /// A schema that says all there is about a value.
    fn value(&self, schema: &Value) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        let refers = object.keys().all(|key| key == "$ref" || key == "description" || key.starts_with("x-"));
        if object.contains_key("$ref") && refers {
            return schema.clone();
        }
        let mut closed = self.condition(schema);
        let mut names = BTreeSet::new();
        let mut open = true;
        self.declared(schema, &mut names, &mut open, 16);
        if names.is_empty() || !open {
            return closed;
        }
        for name in names {
            let properties = &mut closed["properties"];
            if properties.is_null() {
                *properties = json!({});
            }
            if properties.get(&name).is_none() {
                properties[name] = json!(true);
            }
        }
        closed["additionalProperties"] = json!(false);
        closed
    }

    /// A schema that says something more about a value: its own fields are closed, it is not.
    fn condition(&self, schema: &Value) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        let mut result = Map::new();
        for (key, value) in object {
            let value = match (key.as_str(), value) {
                ("$ref", Value::String(reference)) => match reference.strip_prefix("#/$defs/") {
                    Some(name) => format!("#/$defs/{OPEN}{name}").into(),
                    None => value.clone(),
                },
                ("properties" | "patternProperties", Value::Object(fields)) => {
                    fields.iter().map(|(name, field)| (name.clone(), self.value(field))).collect()
                }
                ("items" | "additionalProperties" | "contains", value) => self.value(value),
                ("prefixItems", Value::Array(items)) => items.iter().map(|item| self.value(item)).collect(),
                // What a value must not be, or might be, is not what is written.
                ("if" | "not" | "then" | "else" | "dependentSchemas", value) => value.clone(),
                (key, Value::Array(branches)) if SAME_VALUE.contains(&key) => {
                    branches.iter().map(|branch| self.condition(branch)).collect()
                }
                (_, value) => value.clone(),
            };
            result.insert(key.clone(), value);
        }
        Value::Object(result)
    }

    /// The names of the fields that a schema, or any that holds for the same value, declares.
    /// `open` becomes false where one of them already says what other fields are.
    fn declared(&self, schema: &Value, names: &mut BTreeSet<String>, open: &mut bool, deep: usize) {
        let (Value::Object(object), true) = (schema, deep > 0) else { return };
        let keys = object.get("properties").and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys());
        names.extend(keys.cloned());
        let settles = ["additionalProperties", "patternProperties", "unevaluatedProperties"];
        if settles.iter().any(|keyword| object.get(*keyword).is_some_and(|value| *value != json!(true))) {
            *open = false;
        }
        let referred =
            object.get("$ref").and_then(Value::as_str).and_then(|to| self.root.pointer(to.strip_prefix('#')?));
        let branches = SAME_VALUE.iter().filter_map(|key| object.get(*key)?.as_array()).flatten();
        let conditions = ["if", "then", "else"].iter().filter_map(|key| object.get(*key));
        let dependent = object.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values);
        for other in referred.into_iter().chain(branches).chain(conditions).chain(dependent) {
            self.declared(other, names, open, deep - 1);
        }
    }
}
