//! Merging of a type's schema with its catalog's base into one schema that requires both.
//!
//! `allOf` would mean the same, but a flat schema yields one struct, one list of violations without
//! duplicates, and one reference page.

use serde_json::{Map, Value};

use crate::json_pointer::child_pointer;
use crate::keyword::is_annotation;
use crate::problem::Problem;

/// Merges `base` into `schema`, which is the file at `path`.
pub(crate) fn merge_with_base(base: &Value, schema: &Value, path: &str) -> Result<Value, Problem> {
    let (Value::Object(base), Value::Object(schema)) = (base, schema) else {
        return Err(Problem::new("merge", path, "", "a schema must be an object"));
    };
    let mut own = schema.clone();
    own.shift_remove("allOf");
    merge_into(&mut own, base, &SchemaLocation { path, pointer: String::new() })?;
    // Order: annotations, then the base's keywords in its order, then the rest.
    let mut merged: Map<_, _> =
        own.iter().filter(|(key, _)| is_annotation(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    for key in base.keys().chain(schema.keys()) {
        if let Some((key, value)) = own.remove_entry(key) {
            merged.entry(key).or_insert(value);
        }
    }
    Ok(Value::Object(merged))
}

/// Merges two schemas for the same value, or returns `None` if they cannot be one schema.
#[cfg(feature = "check")]
pub(crate) fn try_merge(mut own: Map<String, Value>, other: &Map<String, Value>) -> Option<Map<String, Value>> {
    merge_into(&mut own, other, &SchemaLocation { path: "", pointer: String::new() }).ok()?;
    Some(own)
}

/// The location of a schema, as problems report it.
struct SchemaLocation<'a> {
    path: &'a str,
    pointer: String,
}

impl SchemaLocation<'_> {
    fn child(&self, key: &str) -> Self {
        SchemaLocation { path: self.path, pointer: child_pointer(&self.pointer, key) }
    }

    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new("merge", self.path, &self.pointer, message)
    }
}

/// Adds the keywords of `base` to `own`.
fn merge_into(own: &mut Map<String, Value>, base: &Map<String, Value>, at: &SchemaLocation<'_>) -> Result<(), Problem> {
    for (keyword, theirs) in base {
        let Some(ours) = own.get_mut(keyword) else {
            own.insert(keyword.clone(), theirs.clone());
            continue;
        };
        let at = at.child(keyword);
        match keyword.as_str() {
            key if is_annotation(key) || ours == theirs => {}
            "type" => *ours = intersect_types(ours, theirs, &at)?,
            "required" => *ours = union(theirs, ours),
            "properties" => merge_properties(ours, theirs, &at)?,
            _ => {
                return Err(at.problem(format!("base.json has a different `{keyword}` here: keep only one of the two")));
            }
        }
    }
    Ok(())
}

/// Merges properties: the base's in its order, then the type's own.
fn merge_properties(ours: &mut Value, theirs: &Value, at: &SchemaLocation<'_>) -> Result<(), Problem> {
    let (Value::Object(ours), Value::Object(theirs)) = (ours, theirs) else {
        return Err(at.problem("properties must be an object of schemas"));
    };
    let mut merged = Map::new();
    for (name, base) in theirs {
        let schema = match (ours.shift_remove(name), base) {
            (None, base) => base.clone(),
            (Some(Value::Object(mut own)), Value::Object(base)) => {
                merge_into(&mut own, base, &at.child(name))?;
                Value::Object(own)
            }
            // `true` and `false` cannot be merged further.
            (Some(own), _) => own,
        };
        merged.insert(name.clone(), schema);
    }
    merged.append(ours);
    *ours = merged;
    Ok(())
}

/// Returns the types that both schemas allow.
fn intersect_types(ours: &Value, theirs: &Value, at: &SchemaLocation<'_>) -> Result<Value, Problem> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let theirs = list(theirs);
    let mut both = list(ours);
    both.retain(|name| theirs.contains(name));
    match both.len() {
        0 => Err(at.problem("base.json does not allow any of these types: choose one that it allows")),
        1 => Ok(both.remove(0)),
        _ => Ok(Value::Array(both)),
    }
}

/// Returns the items of `first`, followed by those that only `second` has.
fn union(first: &Value, second: &Value) -> Value {
    let mut all = first.as_array().cloned().unwrap_or_default();
    for name in second.as_array().into_iter().flatten() {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merged_schema_has_the_keywords_of_both() {
        let base = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "description": "A."}, "b": {"type": ["object", "null"]}}});
        let own = json!({"allOf": [{"$ref": "base.json"}], "required": ["b"], "properties": {
            "b": {"type": "object", "required": ["c"]}, "a": {"const": "x"}}});
        let merged = merge_with_base(&base, &own, "f.json").unwrap();
        assert_eq!(
            merged,
            json!({"type": "object", "required": ["a", "b"], "properties": {
                "a": {"type": "string", "description": "A.", "const": "x"},
                "b": {"type": "object", "required": ["c"]}}})
        );
    }

    #[test]
    fn contradictions_are_reported_with_their_location() {
        let base = json!({"properties": {"a": {"type": "string", "minLength": 1}}});
        for (own, pointer) in
            [(json!({"type": "object"}), "/properties/a/type"), (json!({"minLength": 2}), "/properties/a/minLength")]
        {
            let own = json!({"properties": {"a": own}});
            assert_eq!(merge_with_base(&base, &own, "f.json").unwrap_err().pointer, pointer);
        }
    }
}
