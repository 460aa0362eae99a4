//! Type shapes: the part of a schema that a Rust type can express.
//!
//! typify generates types, not validators: it reads some keywords, ignores others, and panics on a
//! few. A shape therefore contains only the keywords that typify supports fully (types, properties,
//! items, and enums of strings); everything else becomes a `serde_json::Value`. A shape accepts every
//! value that its schema accepts; the validator checks the rest.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::json_pointer::child_pointer;
use crate::keyword::type_names;
use crate::problem::Problem;

/// Name of the field of each struct that holds its unknown fields.
const EXTRA_FIELD: &str = "extra";
/// The format of times in shapes.
pub(crate) const INSTANT_FORMAT: &str = "date-time";
/// Prefix of the description of a field that is both optional and nullable. It is removed after typify
/// has generated the struct: see `nullable_field`.
pub(crate) const NULLABLE_MARKER: &str = "\u{1}";

/// Returns the shapes of a self-contained schema: its own under `name`, and those of its definitions.
pub(crate) fn type_shapes(path: &str, name: &str, bundled: &Value) -> Result<Vec<(String, Value)>, Problem> {
    let none = Map::new();
    let defs = bundled.get("$defs").and_then(Value::as_object).unwrap_or(&none);
    let builder = ShapeBuilder { path, defs };
    let mut shapes = vec![(name.to_owned(), builder.shape(bundled, "")?)];
    for (name, def) in defs.iter().filter(|(_, def)| is_object(def)) {
        shapes.push((name.clone(), builder.shape(def, &child_pointer("/$defs", name))?));
    }
    Ok(shapes)
}

struct ShapeBuilder<'a> {
    path: &'a str,
    defs: &'a Map<String, Value>,
}

/// Returns whether a definition becomes a struct of its own; other definitions are inlined.
fn is_object(def: &Value) -> bool {
    def.get("type") == Some(&json!("object")) && def.get("properties").is_some()
}

/// Returns the reference of `"anyOf": [{"$ref": …}, {"type": "null"}]`.
fn nullable_reference(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("anyOf")?.as_array()?.as_slice() {
        [one, null] if *null == json!({"type": "null"}) => one.get("$ref")?.as_str(),
        _ => None,
    }
}

impl ShapeBuilder<'_> {
    fn shape(&self, schema: &Value, pointer: &str) -> Result<Value, Problem> {
        let Value::Object(schema) = schema else {
            return Ok(json!({}));
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, schema, pointer);
        }
        if let Some(reference) = nullable_reference(schema) {
            let shape = self.reference(reference, &Map::new(), pointer)?;
            return Ok(with_description(json!({"anyOf": [shape, {"type": "null"}]}), schema));
        }
        let types = type_names(schema);
        let named: Vec<_> = types.iter().copied().filter(|name| *name != "null").collect();
        for (keyword, owner) in [("properties", "object"), ("items", "array")] {
            if schema.contains_key(keyword) && named != [owner] {
                let message = format!("`{keyword}` requires exactly one type: set \"type\" to \"{owner}\"");
                return Err(Problem::new("type", self.path, child_pointer(pointer, keyword), message));
            }
        }
        let mut shape = match named.as_slice() {
            ["object"] => self.object(schema, pointer)?,
            ["array"] => {
                json!({"items": self.shape(schema.get("items").unwrap_or(&json!({})), &child_pointer(pointer, "items"))?})
            }
            ["string"] => Self::string(schema),
            // typify only distinguishes signed and unsigned integers.
            ["integer"] => match schema.get("minimum").and_then(Value::as_i64) {
                Some(0..) => json!({"minimum": 0}),
                _ => json!({}),
            },
            ["number" | "boolean"] => json!({}),
            // Any value, or a value of several types.
            _ => return Ok(with_description(json!({}), schema)),
        };
        let nullable = types.len() > named.len();
        shape["type"] = if nullable { json!([named[0], "null"]) } else { json!(named[0]) };
        if let (true, Some(words)) = (nullable, shape.get_mut("enum").and_then(Value::as_array_mut)) {
            words.push(Value::Null);
        }
        Ok(with_description(shape, schema))
    }

    fn reference(&self, reference: &str, schema: &Map<String, Value>, pointer: &str) -> Result<Value, Problem> {
        let name = reference.trim_start_matches("#/$defs/");
        match self.defs.get(name) {
            Some(def) if is_object(def) => Ok(with_description(json!({ "$ref": reference }), schema)),
            Some(def) => Ok(with_description(self.shape(def, pointer)?, schema)),
            None => Err(Problem::new("reference", self.path, pointer, format!("`{reference}` cannot be resolved"))),
        }
    }

    fn object(&self, schema: &Map<String, Value>, pointer: &str) -> Result<Value, Problem> {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Ok(match schema.get("additionalProperties") {
                Some(values) => {
                    json!({"additionalProperties": self.shape(values, &child_pointer(pointer, "additionalProperties"))?})
                }
                None => json!({}),
            });
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
        let mut shapes = Map::new();
        let mut idents = BTreeSet::from([EXTRA_FIELD.to_owned()]);
        for (name, property) in properties {
            let at = child_pointer(&child_pointer(pointer, "properties"), name);
            let mut shape = self.shape(property, &at)?;
            // A type inside this field would have the same name as that of the other field.
            if !idents.insert(snake_case(name)) {
                shape = with_description(json!({}), property.as_object().unwrap_or(&Map::new()));
            }
            if shape.get("description").is_none() && shape.get("$ref").is_none() && !property.is_boolean() {
                let message = "add a description: it becomes the field's documentation";
                return Err(Problem::new("description", self.path, at, message));
            }
            if !is_required(name) && is_nullable(&shape) {
                let description = shape.get("description").and_then(Value::as_str).unwrap_or_default();
                shape["description"] = json!(format!("{NULLABLE_MARKER}{description}"));
            }
            // typify reads a missing list as an empty one, and omits an empty list when it writes, so
            // the event would change. An `Option` keeps the two apart.
            if !is_required(name) && (shape["type"] == "array" || shape["type"] == "object") {
                shape["type"] = json!([shape["type"], "null"]);
            }
            shapes.insert(name.clone(), shape);
        }
        let required: Vec<_> = shapes.keys().filter(|name| is_required(name)).collect();
        // Unknown fields are kept too.
        Ok(json!({"properties": shapes, "required": required, "additionalProperties": {}}))
    }

    /// Returns the shape of a string: a time, an enum, or any text.
    fn string(schema: &Map<String, Value>) -> Value {
        let is_time = schema.get("format").is_some_and(|format| format == "date-time");
        if is_time || schema.get("x-instant") == Some(&Value::Bool(true)) {
            return json!({ "format": INSTANT_FORMAT });
        }
        let words: Option<Vec<_>> =
            schema.get("enum").and_then(Value::as_array).map(|words| words.iter().filter_map(Value::as_str).collect());
        let Some(words) = words else {
            return json!({});
        };
        // Words without distinct Rust names, such as "<" and "<=", cannot be variants: the field is a string.
        let idents: BTreeSet<_> = words.iter().map(|word| pascal_case(word).to_ascii_lowercase()).collect();
        let is_ident = |ident: &String| ident.starts_with(|c: char| c.is_ascii_alphabetic()) && ident != "self";
        let is_enum = idents.len() == words.len() && idents.iter().all(is_ident);
        if is_enum { json!({ "enum": words }) } else { json!({}) }
    }
}

/// Returns whether a value of this shape may be null.
fn is_nullable(shape: &Value) -> bool {
    match (&shape["type"], shape.get("anyOf")) {
        (Value::Array(names), _) => names.contains(&json!("null")),
        (Value::Null, None) => shape.get("$ref").is_none(),
        (Value::Null, Some(_)) => true,
        _ => false,
    }
}

/// Returns `shape` with the description of `schema`, if it has one.
fn with_description(mut shape: Value, schema: &Map<String, Value>) -> Value {
    if let Some(description) = schema.get("description") {
        shape["description"] = description.clone();
    }
    shape
}

/// Converts a name to a Rust type name: `feature-created` becomes `FeatureCreated`.
pub(crate) fn pascal_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| Some((word.chars().next()?.to_ascii_uppercase(), &word[1..])))
        .fold(String::new(), |all, (first, rest)| all + &first.to_string() + rest)
}

/// Converts a name to one like a Rust field's: `userId`, `user_id` and `@user-id` become `user_id`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut last = ' ';
    for c in name.chars() {
        let is_boundary = c.is_ascii_uppercase() && last.is_ascii_lowercase();
        last = c;
        if !c.is_ascii_alphanumeric() || is_boundary {
            snake.push('_');
        }
        if c.is_ascii_alphanumeric() {
            snake.push(c.to_ascii_lowercase());
        }
    }
    snake.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}
