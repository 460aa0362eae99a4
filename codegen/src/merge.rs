//! A type's schema and its catalog's base, joined into one that means what both say.
//!
//! `allOf` says the same, but one flat schema gives one struct, one list of violations without
//! repeats, and one page to read.

use serde_json::{Map, Value};

use crate::problem::{Problem, step};

/// Remarks for readers: the type's own win.
const REMARKS: [&str; 7] = ["$comment", "$id", "$schema", "deprecated", "description", "examples", "title"];

/// Joins `base` into `schema`, which is the file at `path`.
pub(crate) fn merge(base: &Value, schema: &Value, path: &str) -> Result<Value, Problem> {
    let (Value::Object(base), Value::Object(schema)) = (base, schema) else {
        return Err(Problem::new("merge", path, "", "a schema is an object"));
    };
    let mut own = schema.clone();
    own.shift_remove("allOf");
    join(&mut own, base, &Place { path, pointer: String::new() })?;
    // Remarks first, then what the base orders, then the rest.
    let mut merged: Map<_, _> =
        own.iter().filter(|(key, _)| is_remark(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    for key in base.keys().chain(schema.keys()) {
        if let Some((key, value)) = own.remove_entry(key) {
            merged.entry(key).or_insert(value);
        }
    }
    Ok(Value::Object(merged))
}

/// The keywords of two schemas for one value as one schema; `None` where one cannot say both.
#[cfg(feature = "check")]
pub(crate) fn joined(mut own: Map<String, Value>, other: &Map<String, Value>) -> Option<Map<String, Value>> {
    join(&mut own, other, &Place { path: "", pointer: String::new() }).ok()?;
    Some(own)
}

/// Whether a keyword only tells readers something.
pub(crate) fn is_remark(keyword: &str) -> bool {
    REMARKS.contains(&keyword) || keyword.starts_with("x-")
}

struct Place<'a> {
    path: &'a str,
    pointer: String,
}

impl Place<'_> {
    fn step(&self, key: &str) -> Self {
        Place { path: self.path, pointer: step(&self.pointer, key) }
    }

    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new("merge", self.path, &self.pointer, message)
    }
}

/// Adds to `own` what `base` says.
fn join(own: &mut Map<String, Value>, base: &Map<String, Value>, at: &Place<'_>) -> Result<(), Problem> {
    for (keyword, theirs) in base {
        let Some(ours) = own.get_mut(keyword) else {
            own.insert(keyword.clone(), theirs.clone());
            continue;
        };
        let at = at.step(keyword);
        match keyword.as_str() {
            key if is_remark(key) || ours == theirs => {}
            "type" => *ours = both_types(ours, theirs, &at)?,
            "required" => *ours = either(theirs, ours),
            "properties" => properties(ours, theirs, &at)?,
            _ => {
                return Err(
                    at.problem(format!("base.json says `{keyword}` here too, and differently: say it in one of them"))
                );
            }
        }
    }
    Ok(())
}

/// The base's properties first, in its order; then the type's own.
fn properties(ours: &mut Value, theirs: &Value, at: &Place<'_>) -> Result<(), Problem> {
    let (Value::Object(ours), Value::Object(theirs)) = (ours, theirs) else {
        return Err(at.problem("properties are schemas by name: use an object"));
    };
    let mut merged = Map::new();
    for (name, base) in theirs {
        let schema = match (ours.shift_remove(name), base) {
            (None, base) => base.clone(),
            (Some(Value::Object(mut own)), Value::Object(base)) => {
                join(&mut own, base, &at.step(name))?;
                Value::Object(own)
            }
            // `true` and `false` say all there is to say.
            (Some(own), _) => own,
        };
        merged.insert(name.clone(), schema);
    }
    merged.append(ours);
    *ours = merged;
    Ok(())
}

/// The types that both allow.
fn both_types(ours: &Value, theirs: &Value, at: &Place<'_>) -> Result<Value, Problem> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let theirs = list(theirs);
    let mut both = list(ours);
    both.retain(|name| theirs.contains(name));
    match both.len() {
        0 => Err(at.problem("base.json allows none of these types: choose one that it allows")),
        1 => Ok(both.remove(0)),
        _ => Ok(Value::Array(both)),
    }
}

/// All of `first`, then what only `second` has.
fn either(first: &Value, second: &Value) -> Value {
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
    fn both_hold() {
        let base = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "description": "A."}, "b": {"type": ["object", "null"]}}});
        let own = json!({"allOf": [{"$ref": "base.json"}], "required": ["b"], "properties": {
            "b": {"type": "object", "required": ["c"]}, "a": {"const": "x"}}});
        let merged = merge(&base, &own, "f.json").unwrap();
        assert_eq!(
            merged,
            json!({"type": "object", "required": ["a", "b"], "properties": {
                "a": {"type": "string", "description": "A.", "const": "x"},
                "b": {"type": "object", "required": ["c"]}}})
        );
    }

    #[test]
    fn contradictions_are_named() {
        let base = json!({"properties": {"a": {"type": "string", "minLength": 1}}});
        for (own, pointer) in
            [(json!({"type": "object"}), "/properties/a/type"), (json!({"minLength": 2}), "/properties/a/minLength")]
        {
            let own = json!({"properties": {"a": own}});
            assert_eq!(merge(&base, &own, "f.json").unwrap_err().pointer, pointer);
        }
    }
}
