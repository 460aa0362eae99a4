//! The JSON Schema dialect that schema files may use: what the validator checks and the generated
//! types can follow. A keyword that is not listed is a mistake, most likely in its spelling.

use serde_json::{Map, Value};

use crate::files::{Files, resolve};
use crate::problem::{Problem, step};

/// The largest whole number that JavaScript keeps exact.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// What `$schema` must say.
pub(crate) const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keywords that hold no schema.
const PLAIN: [&str; 26] = [
    "$comment",
    "$id",
    "$ref",
    "$schema",
    "const",
    "deprecated",
    "dependentRequired",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "type",
    "uniqueItems",
];
/// Keywords that hold one schema.
const ONE: [&str; 8] = ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];
/// Keywords that hold a list of schemas.
const LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 3] = ["$defs", "dependentSchemas", "properties"];

/// Formats that mean something here; a validator takes any other for a remark.
const FORMATS: [&str; 12] =
    ["date", "date-time", "duration", "email", "hostname", "instant", "ipv4", "ipv6", "regex", "time", "uri", "uuid"];

/// Everything in the schema file at `path` that the dialect does not allow.
pub(crate) fn check(files: &Files, path: &str, schema: &Value) -> Vec<Problem> {
    let mut check = Check { files, path, problems: Vec::new() };
    check.head(schema);
    check.schema(schema, "");
    check.problems
}

struct Check<'a> {
    files: &'a Files,
    path: &'a str,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn say(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(self.path, pointer, message));
    }

    /// What every file says about itself.
    fn head(&mut self, schema: &Value) {
        if schema.get("$schema").and_then(Value::as_str) != Some(DRAFT) {
            self.say("", format!("say \"$schema\": \"{DRAFT}\""));
        }
        let id = schema.get("$id").and_then(Value::as_str).unwrap_or_default();
        if !id.starts_with("https://") || !id.ends_with(&format!("/{}", self.path)) {
            self.say("", format!("give it an \"$id\": https://<host>/…/{}", self.path));
        }
        for keyword in ["title", "description"] {
            if schema.get(keyword).and_then(Value::as_str).unwrap_or_default().is_empty() {
                self.say("", format!("give it a {keyword}"));
            }
        }
    }

    fn schema(&mut self, schema: &Value, pointer: &str) {
        let Value::Object(schema) = schema else {
            if !schema.is_boolean() {
                self.say(pointer, "a schema is an object");
            }
            return;
        };
        for (keyword, value) in schema {
            let at = step(pointer, keyword);
            match keyword.as_str() {
                "title" if pointer.is_empty() => {}
                "title" => self.say(&at, "only the file itself has a title: use description"),
                "additionalProperties" if *value == Value::Bool(false) => self.say(
                    &at,
                    "newer producers add fields, and an event that is refused is lost: leave the object open",
                ),
                "$ref" => self.reference(value, &at),
                "format" => self.format(value, &at),
                key if ONE.contains(&key) => self.schema(value, &at),
                key if LIST.contains(&key) => {
                    for (index, schema) in value.as_array().into_iter().flatten().enumerate() {
                        self.schema(schema, &step(&at, index));
                    }
                }
                key if NAMED.contains(&key) => {
                    for (name, schema) in value.as_object().into_iter().flatten() {
                        self.schema(schema, &step(&at, name));
                    }
                }
                key if PLAIN.contains(&key) || key.starts_with("x-") => {}
                key => self
                    .say(&at, format!("`{key}` is no keyword of this dialect: mend its spelling, or begin it with x-")),
            }
        }
        self.integer(schema, pointer);
    }

    /// Rust's integers end somewhere, JSON Schema's do not.
    fn integer(&mut self, schema: &Map<String, Value>, pointer: &str) {
        let bound = |key| schema.get(key).and_then(Value::as_i64).is_some_and(|n| n.abs() <= MAX_SAFE);
        if crate::shape::types(schema).contains(&"integer") && !(bound("minimum") && bound("maximum")) {
            self.say(
                pointer,
                format!("bound the integer with minimum and maximum within ±{MAX_SAFE}, or refer to ../common/defs.json#/$defs/WholeNumber"),
            );
        }
    }

    fn format(&mut self, format: &Value, pointer: &str) {
        if !format.as_str().is_some_and(|format| FORMATS.contains(&format)) {
            self.say(pointer, format!("no such format is checked: use one of {}", FORMATS.join(", ")));
        }
    }

    fn reference(&mut self, reference: &Value, pointer: &str) {
        let reference = reference.as_str().unwrap_or_default();
        if pointer == "/allOf/0/$ref" && reference == "base.json" {
            return;
        }
        match target(self.files, self.path, reference) {
            Some(_) => {}
            None => self.say(
                pointer,
                format!("`{reference}` leads nowhere: refer to <file>.json#/$defs/<Name>, relative to this file"),
            ),
        }
    }
}

/// What a reference in the file at `path` means: the file, the definition's name, and its schema.
pub(crate) fn target<'a, 'r>(files: &'a Files, path: &str, reference: &'r str) -> Option<(String, &'r str, &'a Value)> {
    let (file, name) = reference.split_once("#/$defs/")?;
    let file = resolve(path, file);
    let schema = files.get(&file)?.get("$defs")?.get(name)?;
    Some((file, name, schema))
}
