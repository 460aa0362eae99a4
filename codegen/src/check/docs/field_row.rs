//! Rows of the table of fields.

use serde_json::{Map, Value};

/// Maximum depth of nested fields and chained references.
const MAX_DEPTH: usize = 8;
/// Maximum depth of nested types in a type's name.
const MAX_TYPE_NAME_DEPTH: usize = 3;

/// A row: one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldRow {
    /// Path of the field, such as `data.strategies[].name`.
    pub(super) path: String,
    /// Type of the field, such as `string or null`.
    pub(super) type_name: String,
    pub(super) required: bool,
    pub(super) description: String,
    /// Bounds, patterns and formats.
    pub(super) limits: Vec<String>,
}

/// Returns the fields of a self-contained schema and of all objects in it.
pub(super) fn field_rows(schema: &Value) -> Vec<FieldRow> {
    let mut collector = RowCollector { root: schema, rows: Vec::new(), open_references: Vec::new() };
    collector.add_fields(schema, "", 0);
    collector.rows
}

struct RowCollector<'a> {
    root: &'a Value,
    rows: Vec<FieldRow>,
    /// References that are being followed; a recursive definition is followed only once.
    open_references: Vec<&'a str>,
}

impl<'a> RowCollector<'a> {
    /// Adds the fields of an object, including those of its `allOf`, `anyOf` and `oneOf`.
    fn add_fields(&mut self, schema: &'a Value, prefix: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.add_field(field, &format!("{prefix}{name}"), is_required(name), depth);
        }
        let map = schema.get("additionalProperties").filter(|values| values.is_object());
        if let Some(values) = map {
            self.add_field(values, &format!("{prefix}*"), false, depth);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.follow(branch, |collector, branch| collector.add_fields(branch, prefix, depth + 1));
            }
        }
    }

    fn add_field(&mut self, field: &'a Value, path: &str, required: bool, depth: usize) {
        if self.rows.iter().any(|row| row.path == path) {
            return;
        }
        let resolved = self.resolve(field);
        let describes = |schema: &Value| schema.get("description").and_then(Value::as_str).map(str::to_owned);
        self.rows.push(FieldRow {
            path: path.to_owned(),
            type_name: self.type_name(field, 0),
            required,
            description: describes(field).or_else(|| describes(resolved)).unwrap_or_default(),
            limits: limits(resolved),
        });
        self.follow(field, |collector, schema| {
            collector.add_fields(schema, &format!("{path}."), depth + 1);
            if let Some(items) = schema.get("items") {
                collector
                    .follow(items, |collector, items| collector.add_fields(items, &format!("{path}[]."), depth + 1));
            }
        });
    }

    /// Calls `visit` with the schema that `schema` refers to, unless it is being followed already.
    fn follow(&mut self, schema: &'a Value, visit: impl FnOnce(&mut Self, &'a Value)) {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) if self.open_references.contains(&reference) => {}
            Some(reference) => {
                self.open_references.push(reference);
                visit(self, self.resolve(schema));
                self.open_references.pop();
            }
            None => visit(self, schema),
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut found = schema;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = found.get("$ref").and_then(Value::as_str) else { break };
            found = reference.strip_prefix('#').and_then(|to| self.root.pointer(to)).unwrap_or(found);
        }
        found
    }

    /// Returns the name of the schema's type.
    fn type_name(&self, schema: &'a Value, depth: usize) -> String {
        let schema = self.resolve(schema);
        if depth > MAX_TYPE_NAME_DEPTH || !schema.is_object() {
            return "any".to_owned();
        }
        if let Some(constant) = schema.get("const") {
            return constant.to_string();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        }
        let with_items = |name: &str| match (name, schema.get("items")) {
            ("array", Some(items)) => format!("array of {}", self.type_name(items, depth + 1)),
            (name, _) => name.to_owned(),
        };
        match schema.get("type") {
            Some(Value::String(name)) => with_items(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(with_items).collect::<Vec<_>>().join(" or ")
            }
            _ => {
                let choices = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(*keyword)?.as_array());
                let names = choices.into_iter().flatten().map(|choice| self.type_name(choice, depth + 1));
                let names: Vec<_> = names.collect();
                if names.is_empty() { "any".to_owned() } else { names.join(" or ") }
            }
        }
    }
}

/// Describes the bounds, patterns and formats of a schema.
fn limits(schema: &Value) -> Vec<String> {
    let Value::Object(schema) = schema else { return Vec::new() };
    let mut limits = Vec::new();
    for (least, most, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " character"),
        ("minItems", "maxItems", " item"),
        ("minProperties", "maxProperties", " field"),
    ] {
        limits.extend(range(schema, least, most, unit));
    }
    for (keyword, prefix) in [
        ("exclusiveMinimum", "greater than "),
        ("exclusiveMaximum", "less than "),
        ("multipleOf", "multiple of "),
        ("format", "format "),
        ("pattern", "matches "),
    ] {
        if let Some(value) = schema.get(keyword) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            limits.push(format!("{prefix}{text}"));
        }
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        limits.push("items are unique".to_owned());
    }
    limits
}

/// Describes a range; `unit` is in the singular, or empty.
fn range(schema: &Map<String, Value>, least: &str, most: &str, unit: &str) -> Option<String> {
    let plural = |bound: &Value| if unit.is_empty() || *bound == 1 { "" } else { "s" };
    match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}{}", plural(most))),
        (Some(least), None) => Some(format!("at least {least}{unit}{}", plural(least))),
        (None, Some(most)) => Some(format!("at most {most}{unit}{}", plural(most))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths_and_types(schema: &Value) -> Vec<(String, String, bool)> {
        field_rows(schema).into_iter().map(|row| (row.path, row.type_name, row.required)).collect()
    }

    #[test]
    fn nested_fields_have_rows() {
        let schema = json!({
            "allOf": [{"properties": {"id": {"type": "integer"}}, "required": ["id"]}],
            "properties": {
                "data": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}], "description": "The data."},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "$defs": {"Node": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": ["string", "null"], "maxLength": 9},
                "kind": {"enum": ["a", "b"]},
                "next": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            }}},
        });
        let expected = [
            ("data", "object or null", false),
            ("data.name", "string or null", true),
            ("data.kind", "\"a\" or \"b\"", false),
            ("data.next", "array of object", false),
            ("labels", "object", false),
            ("labels.*", "string", false),
            ("id", "integer", true),
        ];
        assert_eq!(
            paths_and_types(&schema),
            expected.map(|(path, kind, required)| (path.to_owned(), kind.to_owned(), required))
        );
        assert_eq!(field_rows(&schema)[1].limits, ["at most 9 characters"]);
    }
}
