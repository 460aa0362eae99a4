//! What a schema says of each field, as rows of a table.

use serde_json::{Map, Value};

/// How deep fields are followed.
const DEEPEST: usize = 8;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its path: `data.strategies[].name`.
    pub(super) path: String,
    /// Its type, in words.
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: String,
    /// Bounds, patterns and formats, in words.
    pub(super) limits: Vec<String>,
}

/// The fields of `schema`, which stands alone, and of all objects in it.
pub(super) fn rows(schema: &Value) -> Vec<Row> {
    let mut rows = Rows { root: schema, found: Vec::new(), inside: Vec::new() };
    rows.fields(schema, "", 0);
    rows.found
}

struct Rows<'a> {
    root: &'a Value,
    found: Vec<Row>,
    /// The definitions that are being followed: one in itself is not followed again.
    inside: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    /// The fields of an object, and of all schemas that hold for it.
    fn fields(&mut self, schema: &'a Value, prefix: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let must = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.field(field, &format!("{prefix}{name}"), must(name), depth);
        }
        let map = schema.get("additionalProperties").filter(|values| values.is_object());
        if let Some(values) = map {
            self.field(values, &format!("{prefix}*"), false, depth);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.followed(branch, |rows, branch| rows.fields(branch, prefix, depth + 1));
            }
        }
    }

    fn field(&mut self, field: &'a Value, path: &str, required: bool, depth: usize) {
        if self.found.iter().any(|row| row.path == path) {
            return;
        }
        let meant = self.resolve(field);
        let describes = |schema: &Value| schema.get("description").and_then(Value::as_str).map(str::to_owned);
        self.found.push(Row {
            path: path.to_owned(),
            kind: self.kind(field, 0),
            required,
            description: describes(field).or_else(|| describes(meant)).unwrap_or_default(),
            limits: limits(meant),
        });
        self.followed(field, |rows, schema| {
            rows.fields(schema, &format!("{path}."), depth + 1);
            if let Some(items) = schema.get("items") {
                rows.followed(items, |rows, items| rows.fields(items, &format!("{path}[]."), depth + 1));
            }
        });
    }

    /// Calls `each` with what `schema` refers to, unless that is being followed already.
    fn followed(&mut self, schema: &'a Value, each: impl FnOnce(&mut Self, &'a Value)) {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) if self.inside.contains(&reference) => {}
            Some(reference) => {
                self.inside.push(reference);
                each(self, self.resolve(schema));
                self.inside.pop();
            }
            None => each(self, schema),
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut found = schema;
        for _ in 0..DEEPEST {
            let Some(reference) = found.get("$ref").and_then(Value::as_str) else { break };
            found = reference.strip_prefix('#').and_then(|to| self.root.pointer(to)).unwrap_or(found);
        }
        found
    }

    /// The type in words.
    fn kind(&self, schema: &'a Value, depth: usize) -> String {
        let schema = self.resolve(schema);
        if depth > 3 || !schema.is_object() {
            return "any".to_owned();
        }
        if let Some(constant) = schema.get("const") {
            return constant.to_string();
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        }
        let of_type = |name: &str| match (name, schema.get("items")) {
            ("array", Some(items)) => format!("array of {}", self.kind(items, depth + 1)),
            (name, _) => name.to_owned(),
        };
        match schema.get("type") {
            Some(Value::String(name)) => of_type(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(of_type).collect::<Vec<_>>().join(" or ")
            }
            _ => {
                let choices = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(*keyword)?.as_array());
                let kinds = choices.into_iter().flatten().map(|choice| self.kind(choice, depth + 1));
                let kinds: Vec<_> = kinds.collect();
                if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") }
            }
        }
    }
}

/// Bounds, patterns and formats, in words.
fn limits(schema: &Value) -> Vec<String> {
    let Value::Object(schema) = schema else { return Vec::new() };
    let mut limits = Vec::new();
    for (least, most, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " fields"),
    ] {
        limits.extend(range(schema, least, most, unit));
    }
    for (keyword, words) in [
        ("exclusiveMinimum", "more than "),
        ("exclusiveMaximum", "less than "),
        ("multipleOf", "a multiple of "),
        ("format", "format "),
        ("pattern", "matches "),
    ] {
        if let Some(value) = schema.get(keyword) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            limits.push(format!("{words}{text}"));
        }
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        limits.push("no two items alike".to_owned());
    }
    limits
}

fn range(schema: &Map<String, Value>, least: &str, most: &str, unit: &str) -> Option<String> {
    match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: &Value) -> Vec<(String, String, bool)> {
        rows(schema).into_iter().map(|row| (row.path, row.kind, row.required)).collect()
    }

    #[test]
    fn fields_at_any_depth() {
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
        let wanted = [
            ("data", "object or null", false),
            ("data.name", "string or null", true),
            ("data.kind", "\"a\" or \"b\"", false),
            ("data.next", "array of object", false),
            ("labels", "object", false),
            ("labels.*", "string", false),
            ("id", "integer", true),
        ];
        assert_eq!(told(&schema), wanted.map(|(path, kind, required)| (path.to_owned(), kind.to_owned(), required)));
        assert_eq!(rows(&schema)[1].limits, ["at most 9 characters"]);
    }
}
