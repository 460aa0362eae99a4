//! What a Rust type can hold of a schema.
//!
//! typify makes types, not validators: it reads some keywords, ignores others, and panics at a
//! few. So it is given only what it follows faithfully — types, properties, items, string enums —
//! and whatever says more than that becomes a `serde_json::Value`. Every shape accepts at least
//! what its schema does; the validator has the last word.

use serde_json::{Map, Value, json};

use crate::problem::{Problem, step};

/// The format that stands for times in shapes.
pub(crate) const INSTANT: &str = "date-time";
/// What a field's description begins with where `null` and no field at all are two things. Taken
/// out again once typify has made a struct: see `fields`.
pub(crate) const MAY_BE_NULL: &str = "\u{1}";

/// The types that a schema names.
pub(crate) fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A bundled schema's shape: its definitions, and itself under `name`.
pub(crate) fn shapes(path: &str, name: &str, bundled: &Value) -> Result<Vec<(String, Value)>, Problem> {
    let none = Map::new();
    let defs = bundled.get("$defs").and_then(Value::as_object).unwrap_or(&none);
    let shape = Shape { path, defs };
    let mut shapes = vec![(name.to_owned(), shape.of(bundled, "")?)];
    for (name, def) in defs.iter().filter(|(_, def)| is_object(def)) {
        shapes.push((name.clone(), shape.of(def, &step("/$defs", name))?));
    }
    Ok(shapes)
}

struct Shape<'a> {
    path: &'a str,
    defs: &'a Map<String, Value>,
}

/// Whether a definition becomes a struct of its own name; others are written where they are used.
fn is_object(def: &Value) -> bool {
    def.get("type") == Some(&json!("object")) && def.get("properties").is_some()
}

/// What `"anyOf": [{"$ref": …}, {"type": "null"}]` refers to.
fn nullable_reference(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("anyOf")?.as_array()?.as_slice() {
        [one, null] if *null == json!({"type": "null"}) => one.get("$ref")?.as_str(),
        _ => None,
    }
}

impl Shape<'_> {
    fn of(&self, schema: &Value, pointer: &str) -> Result<Value, Problem> {
        let Value::Object(schema) = schema else {
            return Ok(json!({}));
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, schema, pointer);
        }
        if let Some(reference) = nullable_reference(schema) {
            let shape = self.reference(reference, &Map::new(), pointer)?;
            return Ok(described(json!({"anyOf": [shape, {"type": "null"}]}), schema));
        }
        let types = types(schema);
        let named: Vec<_> = types.iter().copied().filter(|name| *name != "null").collect();
        for (keyword, owner) in [("properties", "object"), ("items", "array")] {
            if schema.contains_key(keyword) && named != [owner] {
                let message = format!("`{keyword}` beside another type is no Rust type: say \"type\": \"{owner}\"");
                return Err(Problem::new("type", self.path, step(pointer, keyword), message));
            }
        }
        let mut shape = match named.as_slice() {
            ["object"] => self.object(schema, pointer)?,
            ["array"] => {
                json!({"items": self.of(schema.get("items").unwrap_or(&json!({})), &step(pointer, "items"))?})
            }
            ["string"] => self.string(schema, pointer)?,
            // Whether it is below zero is all that is asked for.
            ["integer"] => match schema.get("minimum").and_then(Value::as_i64) {
                Some(0..) => json!({"minimum": 0}),
                _ => json!({}),
            },
            ["number" | "boolean"] => json!({}),
            // Any value, or one of several kinds.
            _ => return Ok(described(json!({}), schema)),
        };
        let nullable = types.len() > named.len();
        shape["type"] = if nullable { json!([named[0], "null"]) } else { json!(named[0]) };
        if let (true, Some(words)) = (nullable, shape.get_mut("enum").and_then(Value::as_array_mut)) {
            words.push(Value::Null);
        }
        Ok(described(shape, schema))
    }

    fn reference(&self, reference: &str, schema: &Map<String, Value>, pointer: &str) -> Result<Value, Problem> {
        let name = reference.trim_start_matches("#/$defs/");
        match self.defs.get(name) {
            Some(def) if is_object(def) => Ok(described(json!({ "$ref": reference }), schema)),
            Some(def) => Ok(described(self.of(def, pointer)?, schema)),
            None => Err(Problem::new("reference", self.path, pointer, format!("`{reference}` leads nowhere"))),
        }
    }

    fn object(&self, schema: &Map<String, Value>, pointer: &str) -> Result<Value, Problem> {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(match schema.get("additionalProperties") {
                Some(values) => {
                    json!({"additionalProperties": self.of(values, &step(pointer, "additionalProperties"))?})
                }
                None => json!({}),
            });
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
        let mut shapes = Map::new();
        for (name, property) in properties {
            let at = step(&step(pointer, "properties"), name);
            let mut shape = self.of(property, &at)?;
            if shape.get("description").is_none() && shape.get("$ref").is_none() {
                let message = "give it a description: it becomes the field's documentation";
                return Err(Problem::new("description", self.path, at, message));
            }
            if !is_required(name) && may_be_null(&shape) {
                let description = shape.get("description").and_then(Value::as_str).unwrap_or_default();
                shape["description"] = json!(format!("{MAY_BE_NULL}{description}"));
            }
            // typify makes a missing list an empty one, and leaves an empty one out: not the same
            // event. An `Option` keeps them apart.
            if !is_required(name) && (shape["type"] == "array" || shape["type"] == "object") {
                shape["type"] = json!([shape["type"], "null"]);
            }
            shapes.insert(name.clone(), shape);
        }
        let required: Vec<_> = shapes.keys().filter(|name| is_required(name)).collect();
        // Fields that the schema does not name are kept too.
        Ok(json!({"properties": shapes, "required": required, "additionalProperties": {}}))
    }

    /// Times become times, closed lists of words become enums, all else stays text.
    fn string(&self, schema: &Map<String, Value>, pointer: &str) -> Result<Value, Problem> {
        let is_time = schema.get("format").is_some_and(|format| format == "date-time");
        if is_time || schema.get("x-instant") == Some(&Value::Bool(true)) {
            return Ok(json!({ "format": INSTANT }));
        }
        let words: Option<Vec<_>> =
            schema.get("enum").and_then(Value::as_array).map(|words| words.iter().filter_map(Value::as_str).collect());
        let Some(words) = words else {
            return Ok(json!({}));
        };
        let mut idents: Vec<_> = words.iter().map(|word| pascal_case(word)).collect();
        idents.sort();
        idents.dedup();
        if idents.len() < words.len()
            || idents.iter().any(|ident| !ident.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            let message =
                "these words do not make distinct Rust names: leave the enum out and name the words in the description";
            return Err(Problem::new("type", self.path, step(pointer, "enum"), message));
        }
        Ok(json!({ "enum": words }))
    }
}

/// Whether a value of this shape may be null.
fn may_be_null(shape: &Value) -> bool {
    match (&shape["type"], shape.get("anyOf")) {
        (Value::Array(names), _) => names.contains(&json!("null")),
        (Value::Null, None) => shape.get("$ref").is_none(),
        (Value::Null, Some(_)) => true,
        _ => false,
    }
}

/// `shape` with `schema`'s description, if it has one.
fn described(mut shape: Value, schema: &Map<String, Value>) -> Value {
    if let Some(description) = schema.get("description") {
        shape["description"] = description.clone();
    }
    shape
}

/// `feature-created` as a Rust type's name: `FeatureCreated`.
pub(crate) fn pascal_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| Some((word.chars().next()?.to_ascii_uppercase(), &word[1..])))
        .fold(String::new(), |all, (first, rest)| all + &first.to_string() + rest)
}
