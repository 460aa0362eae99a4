//! The JSON Schema dialects that schema files may use.
//!
//! A plain folder of schemas may use all of draft 2020-12. Catalogs may use the keywords that both
//! the validator and the generated types support. An unlisted keyword is reported as a likely typo.

use serde_json::{Map, Value};

use crate::json_pointer::child_pointer;
use crate::keyword::{
    LIST_KEYWORDS, MAP_KEYWORDS, PLAIN_LIST_KEYWORDS, PLAIN_MAP_KEYWORD, PLAIN_SCHEMA_KEYWORDS, PLAIN_VALUE_KEYWORDS,
    SCHEMA_KEYWORDS, VALUE_KEYWORDS, type_names,
};
use crate::problem::Problem;
use crate::reference::{ResolvedReference, resolve_reference};
use crate::schema_files::SchemaFiles;

/// The largest integer that JavaScript represents exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;
/// The largest edit distance at which a known keyword is suggested for an unknown one.
const MAX_TYPO_DISTANCE: usize = 2;

/// Keywords of older drafts, with what replaces them.
const OLDER_KEYWORDS: [(&str, &str); 6] = [
    ("$recursiveAnchor", "$dynamicAnchor"),
    ("$recursiveRef", "$dynamicRef"),
    ("additionalItems", "items, after prefixItems"),
    ("definitions", "$defs"),
    ("dependencies", "dependentRequired and dependentSchemas"),
    ("id", "$id"),
];

/// The required value of `$schema`.
pub(crate) const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Formats that are checked; a validator treats other formats as annotations. The validator does not
/// check `idn-email` and `idn-hostname`.
const FORMATS: [&str; 17] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Returns whether the validator checks a format.
pub(crate) fn is_checked_format(format: &str) -> bool {
    FORMATS.contains(&format)
}

/// The set of rules that apply to a schema file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Rules for schemas from which Rust types are generated.
    Catalog,
    /// Rules for any JSON Schema.
    Plain,
}

/// Returns the name of the draft that `$schema` names, if it is older than 2020-12.
pub(crate) fn older_draft(schema_uri: &str) -> Option<&'static str> {
    let drafts = ["draft-03", "draft-04", "draft-06", "draft-07", "2019-09"];
    drafts.into_iter().find(|name| schema_uri.contains(name))
}

/// Returns every violation of `dialect` in the schema file at `path`.
pub(crate) fn check_dialect(files: &SchemaFiles, path: &str, schema: &Value, dialect: Dialect) -> Vec<Problem> {
    let mut checker = DialectChecker { files, path, dialect, problems: Vec::new() };
    checker.check_header(schema);
    checker.check_schema(schema, "", Description::Optional);
    checker.problems
}

/// Requirement for a schema to have a description of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Description {
    Required,
    Optional,
    /// Optional in the schema and in all of its subschemas: the schema states a condition.
    NeverRequired,
}

struct DialectChecker<'a> {
    files: &'a SchemaFiles,
    path: &'a str,
    dialect: Dialect,
    problems: Vec<Problem>,
}

impl DialectChecker<'_> {
    fn report(&mut self, rule: &'static str, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(rule, self.path, pointer, message));
    }

    /// Checks the keywords that describe the file itself.
    fn check_header(&mut self, schema: &Value) {
        let draft = schema.get("$schema").and_then(Value::as_str);
        if draft != Some(DRAFT) {
            let message = match draft.and_then(older_draft) {
                Some(name) => format!(
                    "the schema is written in {name}, which is not checked: convert it to 2020-12 (rename definitions to \
                     $defs, lists of items to prefixItems, dependencies to dependentRequired and dependentSchemas), and \
                     set \"$schema\" to \"{DRAFT}\""
                ),
                None => format!("set \"$schema\" to \"{DRAFT}\""),
            };
            self.report("schema-draft", "", message);
        }
        let id = schema.get("$id").and_then(Value::as_str).unwrap_or_default();
        let names_file = match self.dialect {
            Dialect::Catalog => id.starts_with("https://") && id.ends_with(&format!("/{}", self.path)),
            Dialect::Plain => id_names_file(id, self.path),
        };
        if !names_file {
            self.report("id", "", format!("add an \"$id\" that names the file: https://<host>/…/{}", self.path));
        }
        for keyword in ["title", "description"] {
            if schema.get(keyword).and_then(Value::as_str).unwrap_or_default().is_empty() {
                self.report(keyword, "", format!("add a {keyword}"));
            }
        }
    }

    fn check_schema(&mut self, schema: &Value, pointer: &str, description: Description) {
        let Value::Object(schema) = schema else {
            if !schema.is_boolean() {
                self.report("keyword", pointer, "a schema must be an object");
            }
            return;
        };
        if description == Description::Required && !self.is_described(schema) {
            self.report("description", pointer, "add a description that explains the field");
        }
        for (keyword, value) in schema {
            self.check_keyword(keyword, value, pointer, description);
        }
        if self.dialect == Dialect::Catalog {
            self.check_integer_bounds(schema, pointer);
        }
    }

    fn check_keyword(&mut self, keyword: &str, value: &Value, pointer: &str, description: Description) {
        let at = child_pointer(pointer, keyword);
        let inner = match description {
            Description::NeverRequired => Description::NeverRequired,
            Description::Required | Description::Optional => Description::Optional,
        };
        match keyword {
            "title" if pointer.is_empty() => {}
            "title" if self.dialect == Dialect::Catalog => {
                self.report("title", &at, "only the file itself may have a title: use description instead");
            }
            "additionalProperties" if self.dialect == Dialect::Catalog && *value == Value::Bool(false) => self.report(
                "closed-object",
                &at,
                "newer producers add fields, and a rejected event is lost: leave the object open",
            ),
            "$ref" => self.check_reference(value, &at),
            "format" => self.check_format(value, &at),
            "if" | "not" | "then" | "else" => self.check_schema(value, &at, Description::NeverRequired),
            key if self.allows(key, &SCHEMA_KEYWORDS, &PLAIN_SCHEMA_KEYWORDS) => self.check_schema(value, &at, inner),
            key if self.allows(key, &LIST_KEYWORDS, &PLAIN_LIST_KEYWORDS) => {
                for (index, schema) in value.as_array().into_iter().flatten().enumerate() {
                    self.check_schema(schema, &child_pointer(&at, index), inner);
                }
            }
            key if MAP_KEYWORDS.contains(&key) && (self.dialect == Dialect::Plain || key != PLAIN_MAP_KEYWORD) => {
                let each =
                    if key == "properties" && inner == Description::Optional { Description::Required } else { inner };
                for (name, schema) in value.as_object().into_iter().flatten() {
                    self.check_schema(schema, &child_pointer(&at, name), each);
                }
            }
            key if self.allows(key, &VALUE_KEYWORDS, &PLAIN_VALUE_KEYWORDS) || key.starts_with("x-") => {}
            key => self.report("unknown-keyword", &at, self.keyword_advice(key)),
        }
    }

    /// Returns whether the dialect allows `keyword`; `plain` lists keywords of plain schemas only.
    fn allows(&self, keyword: &str, always: &[&str], plain: &[&str]) -> bool {
        always.contains(&keyword) || (self.dialect == Dialect::Plain && plain.contains(&keyword))
    }

    /// Returns whether the schema has a description, directly or through its reference.
    fn is_described(&self, schema: &Map<String, Value>) -> bool {
        let describes = |schema: &Value| schema.get("description").is_some_and(|text| text != "");
        if schema.get("description").is_some_and(|text| text != "") {
            return true;
        }
        // For catalogs, the generator checks descriptions after it has merged types with their base.
        if self.dialect == Dialect::Catalog {
            return true;
        }
        // An unresolved reference is reported on its own.
        let reference = schema.get("$ref").and_then(Value::as_str);
        reference
            .is_some_and(|to| resolve_reference(self.files, self.path, to).is_none_or(|found| describes(found.schema)))
    }

    /// Explains why a keyword is not allowed, and what to write instead.
    fn keyword_advice(&self, keyword: &str) -> String {
        let older = OLDER_KEYWORDS.iter().find(|(older, _)| *older == keyword);
        let is_plain_keyword = keyword == PLAIN_MAP_KEYWORD
            || PLAIN_VALUE_KEYWORDS.contains(&keyword)
            || PLAIN_SCHEMA_KEYWORDS.contains(&keyword)
            || PLAIN_LIST_KEYWORDS.contains(&keyword);
        match (older, self.nearest_keyword(keyword)) {
            (Some((_, instead)), _) => {
                format!("`{keyword}` is a keyword of older drafts of JSON Schema: use {instead}")
            }
            (None, _) if is_plain_keyword => {
                let instead = match keyword {
                    "patternProperties" => "additionalProperties, and check the names with propertyNames",
                    "prefixItems" => "items",
                    "$anchor" | "$dynamicAnchor" | "$dynamicRef" => "#/$defs/<Name>",
                    _ => "other keywords",
                };
                format!(
                    "catalogs do not support `{keyword}`, which has no counterpart in the Rust types: use {instead}"
                )
            }
            (None, Some(near)) => {
                format!("`{keyword}` is not a keyword of JSON Schema: write `{near}`, or prefix it with x-")
            }
            (None, None) => {
                format!("`{keyword}` is not a keyword of JSON Schema: fix its spelling, or prefix it with x-")
            }
        }
    }

    /// Returns the known keyword closest to a misspelled one.
    fn nearest_keyword(&self, keyword: &str) -> Option<&'static str> {
        let mut known: Vec<_> =
            VALUE_KEYWORDS.into_iter().chain(SCHEMA_KEYWORDS).chain(LIST_KEYWORDS).chain(MAP_KEYWORDS).collect();
        if self.dialect == Dialect::Plain {
            known.extend(PLAIN_VALUE_KEYWORDS.into_iter().chain(PLAIN_SCHEMA_KEYWORDS).chain(PLAIN_LIST_KEYWORDS));
        }
        let (distance, near) =
            known.into_iter().map(|near| (strsim::damerau_levenshtein(near, keyword), near)).min()?;
        (distance <= MAX_TYPO_DISTANCE).then_some(near)
    }

    /// Checks that integers fit a Rust integer type: JSON Schema's integers are unbounded.
    fn check_integer_bounds(&mut self, schema: &Map<String, Value>, pointer: &str) {
        let is_safe = |value: &Value| value.as_i64().is_some_and(|n| n.abs() <= MAX_SAFE_INTEGER);
        let has_bound = |keys: [&str; 2]| keys.iter().any(|key| schema.get(*key).is_some_and(is_safe));
        let is_listed = schema.get("const").is_some_and(is_safe)
            || schema
                .get("enum")
                .and_then(Value::as_array)
                .is_some_and(|values| values.iter().all(|value| !value.is_number() || is_safe(value)));
        let is_bounded =
            is_listed || (has_bound(["minimum", "exclusiveMinimum"]) && has_bound(["maximum", "exclusiveMaximum"]));
        if type_names(schema).contains(&"integer") && !is_bounded {
            let message = format!(
                "bound the integer with minimum and maximum within ±{MAX_SAFE_INTEGER}, or refer to ../common/defs.json#/$defs/WholeNumber"
            );
            self.report("unbounded-integer", pointer, message);
        }
    }

    fn check_format(&mut self, format: &Value, pointer: &str) {
        if !format.as_str().is_some_and(is_checked_format) {
            self.report("format", pointer, format!("this format is not checked: use one of {}", FORMATS.join(", ")));
        }
    }

    fn check_reference(&mut self, reference: &Value, pointer: &str) {
        let reference = reference.as_str().unwrap_or_default();
        let found = resolve_reference(self.files, self.path, reference);
        let is_valid = match self.dialect {
            Dialect::Plain => found.is_some() || reference.starts_with("https://json-schema.org/"),
            Dialect::Catalog => {
                let is_base = pointer == "/allOf/0/$ref" && reference == "base.json";
                is_base || found.is_some_and(|found| is_definition(reference, &found))
            }
        };
        if !is_valid {
            let form = match self.dialect {
                Dialect::Plain => "use the path or $id of a file in this folder, and a pointer into it",
                Dialect::Catalog => "use <file>.json#/$defs/<Name>, relative to this file",
            };
            self.report("reference", pointer, format!("`{reference}` cannot be resolved: {form}"));
        }
    }
}

/// Returns whether a reference has the form `<file>.json#/$defs/<Name>`.
fn is_definition(reference: &str, found: &ResolvedReference<'_>) -> bool {
    let name = found.pointer.strip_prefix("/$defs/");
    !reference.contains("://") && name.is_some_and(|name| !name.contains('/'))
}

/// Returns whether an `$id` contains the file's name, with or without its extensions.
fn id_names_file(id: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let mut parts = id.trim_end_matches('#').split(['/', ':']);
    let is_absolute = id.contains(':');
    is_absolute && parts.any(|part| part == file || part == stem || part.split('.').next() == Some(stem))
}
