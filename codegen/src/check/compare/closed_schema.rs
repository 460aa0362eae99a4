//! Closed schemas: schemas that accept only the fields that they declare.
//!
//! Strictly, adding an optional field is incompatible: the old schema allowed any field, so a writer
//! could have used the name for something else. Writers do not do that in practice. Values are
//! therefore compared as if the writer's schema were closed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::reference::local_reference;

/// Keywords that hold lists of schemas for the same value.
const SAME_VALUE_KEYWORDS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Maximum depth at which declared fields are collected.
const MAX_DEPTH: usize = 16;
/// Prefix of the open copy of a definition, for references that only add conditions to a value.
const OPEN_DEFINITION_PREFIX: &str = "open:";

/// Closes a self-contained schema: its objects accept only declared fields.
pub(super) fn close_schema(schema: &Value) -> Value {
    let closer = Closer { root: schema };
    let mut closed = closer.close(schema);
    let Some(defs) = schema.get("$defs").and_then(Value::as_object) else { return closed };
    let mut all = Map::new();
    for (name, definition) in defs {
        all.insert(name.clone(), closer.close(definition));
        all.insert(format!("{OPEN_DEFINITION_PREFIX}{name}"), closer.close_inner(definition));
    }
    closed["$defs"] = Value::Object(all);
    closed
}

struct Closer<'a> {
    root: &'a Value,
}

impl Closer<'_> {
    /// Closes a schema that describes a value completely.
    fn close(&self, schema: &Value) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        let is_reference = object.keys().all(|key| key == "$ref" || key == "description" || key.starts_with("x-"));
        if object.contains_key("$ref") && is_reference {
            return schema.clone();
        }
        let mut closed = self.close_inner(schema);
        let mut names = BTreeSet::new();
        let mut is_open = true;
        self.collect_declared(schema, &mut names, &mut is_open, MAX_DEPTH);
        if names.is_empty() || !is_open {
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

    /// Closes the values of the schema's fields and items, but not the schema itself, which only adds
    /// conditions to a value.
    fn close_inner(&self, schema: &Value) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        let mut result = Map::new();
        for (key, value) in object {
            let value = match (key.as_str(), value) {
                ("$ref", Value::String(reference)) => match reference.strip_prefix("#/$defs/") {
                    Some(name) => format!("#/$defs/{OPEN_DEFINITION_PREFIX}{name}").into(),
                    None => value.clone(),
                },
                ("properties" | "patternProperties", Value::Object(fields)) => {
                    fields.iter().map(|(name, field)| (name.clone(), self.close(field))).collect()
                }
                ("items" | "additionalProperties" | "contains", value) => self.close(value),
                ("prefixItems", Value::Array(items)) => items.iter().map(|item| self.close(item)).collect(),
                // These schemas are conditions: they do not describe the written value.
                ("if" | "not" | "then" | "else" | "dependentSchemas", value) => value.clone(),
                (key, Value::Array(branches)) if SAME_VALUE_KEYWORDS.contains(&key) => {
                    branches.iter().map(|branch| self.close_inner(branch)).collect()
                }
                (_, value) => value.clone(),
            };
            result.insert(key.clone(), value);
        }
        Value::Object(result)
    }

    /// Collects the names of the fields that a schema, or another schema for the same value, declares.
    /// Sets `is_open` to false if one of these schemas already restricts other fields.
    fn collect_declared(&self, schema: &Value, names: &mut BTreeSet<String>, is_open: &mut bool, max_depth: usize) {
        let (Value::Object(object), true) = (schema, max_depth > 0) else { return };
        let keys = object.get("properties").and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys());
        names.extend(keys.cloned());
        let restricting = ["additionalProperties", "patternProperties", "unevaluatedProperties"];
        if restricting.iter().any(|keyword| object.get(*keyword).is_some_and(|value| *value != json!(true))) {
            *is_open = false;
        }
        let referred = local_reference(self.root, object);
        let branches = SAME_VALUE_KEYWORDS.iter().filter_map(|key| object.get(*key)?.as_array()).flatten();
        let conditions = ["if", "then", "else"].iter().filter_map(|key| object.get(*key));
        let dependent = object.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values);
        for other in referred.into_iter().chain(branches).chain(conditions).chain(dependent) {
            self.collect_declared(other, names, is_open, max_depth - 1);
        }
    }
}
