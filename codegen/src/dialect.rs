//! The JSON Schema dialect that schema files may use.
//!
//! Any folder may use all of draft 2020-12. Catalogs may use what the validator checks and the
//! generated types can follow. A keyword that is not listed is a mistake, most likely in its
//! spelling.

use serde_json::{Map, Value};

use crate::files::Files;
use crate::problem::{Problem, step};
use crate::reference::{Target, target};

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
/// The same, without a counterpart in the generated types.
const PLAIN_ELSEWHERE: [&str; 12] = [
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$vocabulary",
    "contentEncoding",
    "contentMediaType",
    "default",
    "maxContains",
    "minContains",
    "readOnly",
    "title",
    "writeOnly",
];
/// Keywords that hold one schema.
const ONE: [&str; 8] = ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];
const ONE_ELSEWHERE: [&str; 3] = ["contentSchema", "unevaluatedItems", "unevaluatedProperties"];
/// Keywords that hold a list of schemas.
const LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const LIST_ELSEWHERE: [&str; 1] = ["prefixItems"];
/// Keywords that hold schemas by name, in all folders.
pub(crate) const NAMED: [&str; 4] = ["$defs", "dependentSchemas", "patternProperties", "properties"];
/// The one of them that the generated types cannot follow.
const NAMED_ELSEWHERE: &str = "patternProperties";

/// Keywords that hold data, in which a word such as `$ref` is only a field.
pub(crate) const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Formats that mean something here; a validator takes any other for a remark.
const FORMATS: [&str; 11] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "regex", "time", "uri", "uuid"];
const FORMATS_ELSEWHERE: [&str; 8] = [
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "json-pointer",
    "relative-json-pointer",
    "uri-reference",
    "uri-template",
];

/// Which rules a file is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Those for schemas that Rust types are made of.
    Catalog,
    /// Those for any JSON Schema.
    Any,
}

/// Everything in the schema file at `path` that its dialect does not allow.
pub(crate) fn check(files: &Files, path: &str, schema: &Value, dialect: Dialect) -> Vec<Problem> {
    let mut check = Check { files, path, dialect, problems: Vec::new() };
    check.head(schema);
    check.schema(schema, "", Documented::Elsewhere);
    check.problems
}

/// Whether a schema must have a description of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Documented {
    Here,
    Elsewhere,
    /// Nor anything in it: it states a condition, and describes nothing.
    Never,
}

struct Check<'a> {
    files: &'a Files,
    path: &'a str,
    dialect: Dialect,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn say(&mut self, rule: &'static str, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(rule, self.path, pointer, message));
    }

    /// What every file says about itself.
    fn head(&mut self, schema: &Value) {
        if schema.get("$schema").and_then(Value::as_str) != Some(DRAFT) {
            self.say("schema-draft", "", format!("say \"$schema\": \"{DRAFT}\""));
        }
        let id = schema.get("$id").and_then(Value::as_str).unwrap_or_default();
        let ends_well = match self.dialect {
            Dialect::Catalog => id.starts_with("https://") && id.ends_with(&format!("/{}", self.path)),
            Dialect::Any => agrees(id, self.path),
        };
        if !ends_well {
            self.say("id", "", format!("give it an \"$id\" that names the file: https://<host>/…/{}", self.path));
        }
        for (keyword, rule) in [("title", "title"), ("description", "description")] {
            if schema.get(keyword).and_then(Value::as_str).unwrap_or_default().is_empty() {
                self.say(rule, "", format!("give it a {keyword}"));
            }
        }
    }

    fn schema(&mut self, schema: &Value, pointer: &str, documented: Documented) {
        let Value::Object(schema) = schema else {
            if !schema.is_boolean() {
                self.say("keyword", pointer, "a schema is an object");
            }
            return;
        };
        if documented == Documented::Here && !self.is_described(schema) {
            self.say("description", pointer, "give it a description: what the field means");
        }
        for (keyword, value) in schema {
            self.keyword(keyword, value, pointer, documented);
        }
        if self.dialect == Dialect::Catalog {
            self.integer(schema, pointer);
        }
    }

    fn keyword(&mut self, keyword: &str, value: &Value, pointer: &str, documented: Documented) {
        let at = step(pointer, keyword);
        let within = if documented == Documented::Never { Documented::Never } else { Documented::Elsewhere };
        match keyword {
            "title" if pointer.is_empty() => {}
            "title" if self.dialect == Dialect::Catalog => {
                self.say("title", &at, "only the file itself has a title: use description");
            }
            "additionalProperties" if self.dialect == Dialect::Catalog && *value == Value::Bool(false) => self.say(
                "closed-object",
                &at,
                "newer producers add fields, and an event that is refused is lost: leave the object open",
            ),
            "$ref" => self.reference(value, &at),
            "format" => self.format(value, &at),
            "if" | "not" | "then" | "else" => self.schema(value, &at, Documented::Never),
            key if self.allows(key, &ONE, &ONE_ELSEWHERE) => self.schema(value, &at, within),
            key if self.allows(key, &LIST, &LIST_ELSEWHERE) => {
                for (index, schema) in value.as_array().into_iter().flatten().enumerate() {
                    self.schema(schema, &step(&at, index), within);
                }
            }
            key if NAMED.contains(&key) && (self.dialect == Dialect::Any || key != NAMED_ELSEWHERE) => {
                let each =
                    if key == "properties" && within == Documented::Elsewhere { Documented::Here } else { within };
                for (name, schema) in value.as_object().into_iter().flatten() {
                    self.schema(schema, &step(&at, name), each);
                }
            }
            key if self.allows(key, &PLAIN, &PLAIN_ELSEWHERE) || key.starts_with("x-") => {}
            key => {
                let cure = match self.nearest(key) {
                    Some(near) => format!("write `{near}`"),
                    None => "mend its spelling".to_owned(),
                };
                self.say(
                    "unknown-keyword",
                    &at,
                    format!("`{key}` is no keyword of this dialect: {cure}, or begin it with x-"),
                );
            }
        }
    }

    fn allows(&self, keyword: &str, always: &[&str], elsewhere: &[&str]) -> bool {
        always.contains(&keyword) || (self.dialect == Dialect::Any && elsewhere.contains(&keyword))
    }

    /// Whether it says what it means, or refers to what says it, or is a constant that a catalog's
    /// base describes.
    fn is_described(&self, schema: &Map<String, Value>) -> bool {
        let describes = |schema: &Value| schema.get("description").is_some_and(|text| text != "");
        if schema.get("description").is_some_and(|text| text != "") {
            return true;
        }
        // The generator looks at catalogs once types and base are one.
        if self.dialect == Dialect::Catalog {
            return true;
        }
        // A reference that leads nowhere is said to, and nothing else.
        let referred = schema.get("$ref").and_then(Value::as_str);
        referred.is_some_and(|to| target(self.files, self.path, to).is_none_or(|found| describes(found.schema)))
    }

    /// The keyword that was most likely meant.
    fn nearest(&self, keyword: &str) -> Option<&'static str> {
        let mut known: Vec<_> = PLAIN.into_iter().chain(ONE).chain(LIST).chain(NAMED).collect();
        if self.dialect == Dialect::Any {
            known.extend(PLAIN_ELSEWHERE.into_iter().chain(ONE_ELSEWHERE).chain(LIST_ELSEWHERE));
        }
        let (distance, near) =
            known.into_iter().map(|near| (strsim::damerau_levenshtein(near, keyword), near)).min()?;
        (distance <= 2).then_some(near)
    }

    /// Rust's integers end somewhere, JSON Schema's do not.
    fn integer(&mut self, schema: &Map<String, Value>, pointer: &str) {
        let bound = |key| schema.get(key).and_then(Value::as_i64).is_some_and(|n| n.abs() <= MAX_SAFE);
        if crate::shape::types(schema).contains(&"integer") && !(bound("minimum") && bound("maximum")) {
            let message = format!(
                "bound the integer with minimum and maximum within ±{MAX_SAFE}, or refer to ../common/defs.json#/$defs/WholeNumber"
            );
            self.say("unbounded-integer", pointer, message);
        }
    }

    fn format(&mut self, format: &Value, pointer: &str) {
        if !format.as_str().is_some_and(|format| self.allows(format, &FORMATS, &FORMATS_ELSEWHERE)) {
            let mut known = FORMATS.to_vec();
            if self.dialect == Dialect::Any {
                known.extend(FORMATS_ELSEWHERE);
            }
            self.say("format", pointer, format!("no such format is checked: use one of {}", known.join(", ")));
        }
    }

    fn reference(&mut self, reference: &Value, pointer: &str) {
        let reference = reference.as_str().unwrap_or_default();
        let found = target(self.files, self.path, reference);
        let fits = match self.dialect {
            Dialect::Any => found.is_some() || reference.starts_with("https://json-schema.org/"),
            Dialect::Catalog => {
                let is_base = pointer == "/allOf/0/$ref" && reference == "base.json";
                is_base || found.is_some_and(|found| is_definition(reference, &found))
            }
        };
        if !fits {
            let form = match self.dialect {
                Dialect::Any => "refer to a file of this folder, by its path or $id, and a place in it",
                Dialect::Catalog => "refer to <file>.json#/$defs/<Name>, relative to this file",
            };
            self.say("reference", pointer, format!("`{reference}` leads nowhere: {form}"));
        }
    }
}

/// `schema` with each schema in it, the innermost first, made anew by `each`. Data stays as it is.
#[cfg(feature = "check")]
pub(crate) fn rebuilt(schema: &Value, each: &dyn Fn(Map<String, Value>) -> Value) -> Value {
    let Value::Object(object) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(|item| rebuilt(item, each)).collect(),
            other => other.clone(),
        };
    };
    let mut result = Map::new();
    for (key, value) in object {
        let value = match (key.as_str(), value) {
            (key, value) if DATA.contains(&key) => value.clone(),
            (key, Value::Object(named)) if NAMED.contains(&key) => {
                named.iter().map(|(name, value)| (name.clone(), rebuilt(value, each))).collect()
            }
            (_, value) => rebuilt(value, each),
        };
        result.insert(key.clone(), value);
    }
    each(result)
}

/// Whether a reference has the form `<file>.json#/$defs/<Name>`.
fn is_definition(reference: &str, found: &Target<'_>) -> bool {
    let name = found.pointer.strip_prefix("/$defs/");
    !reference.contains("://") && name.is_some_and(|name| !name.contains('/'))
}

/// Whether an `$id` ends with the file's name, or with the name before its extensions.
fn agrees(id: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let parts = || id.trim_end_matches('#').split(['/', ':']);
    let is_absolute = id.contains(':');
    is_absolute && parts().any(|part| part == file || part == stem || part.split('.').next() == Some(stem))
}
