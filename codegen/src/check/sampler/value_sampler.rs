//! The sampler: generates values that a schema is likely to accept.
//!
//! A schema defines which values are allowed, not how to generate them, so a sample is a guess. It
//! follows the keywords that describe a value, often uses the ends of a range, and leaves keywords such
//! as `not` and `if` to chance. A validator must check each sample.

use serde_json::{Map, Value, json};

use super::number_sampler::sample_number;
use super::schema_list::{Schema, allowed_types, bound, entries, strings, values};
use super::string_sampler::{matching_string, sample_string};
use crate::reference::local_reference;

/// Depth from which a sample holds mostly required fields.
const SPARSE_DEPTH: usize = 5;
/// Maximum number of schemas for one value, which limits recursive references.
const MAX_SCHEMAS: usize = 64;
/// Maximum depth of a sample. Below it, a sample holds null, even if the schema forbids that.
const MAX_SAMPLE_DEPTH: usize = 48;
/// Maximum number of values in a sample, which limits schemas that require themselves.
const MAX_SAMPLE_VALUES: usize = 4_000;
/// Maximum length of a generated array or number of extra fields.
const MAX_ITEMS: u64 = 64;

/// Generates values for a schema. The same seed generates the same values.
#[derive(Debug, Clone)]
pub struct Sampler<'a> {
    root: &'a Value,
    random: fastrand::Rng,
    /// Number of values that the current sample may still hold.
    values_left: usize,
    has_unknown_fields: bool,
    /// Patterns that the names of some unknown fields match.
    name_patterns: Vec<String>,
}

impl<'a> Sampler<'a> {
    /// Creates a sampler for `root`, a self-contained schema.
    pub fn new(root: &'a Value, seed: u64) -> Self {
        Self {
            root,
            random: fastrand::Rng::with_seed(seed),
            values_left: MAX_SAMPLE_VALUES,
            has_unknown_fields: false,
            name_patterns: Vec::new(),
        }
    }

    /// Also adds unknown fields to objects, if the schema allows them.
    #[must_use]
    pub fn with_unknown_fields(mut self) -> Self {
        self.has_unknown_fields = true;
        self
    }

    /// Also adds unknown fields, some of them with names that match one of `patterns`.
    #[must_use]
    pub(crate) fn with_name_patterns(mut self, patterns: Vec<String>) -> Self {
        self.name_patterns = patterns;
        self.with_unknown_fields()
    }

    /// Generates a value that the schema is likely to accept.
    pub fn sample(&mut self) -> Value {
        self.values_left = MAX_SAMPLE_VALUES;
        self.value(&[self.root], 0)
    }

    /// Generates a value for all of `schemas`.
    fn value(&mut self, schemas: &[&'a Value], depth: usize) -> Value {
        self.values_left = self.values_left.saturating_sub(1);
        if depth > MAX_SAMPLE_DEPTH || self.values_left == 0 {
            return Value::Null;
        }
        let mut all = Vec::new();
        for schema in schemas {
            self.expand(schema, &mut all);
        }
        let types = allowed_types(&all);
        let has_allowed_type = |value: &&Value| types.iter().any(|name| has_type(value, name));
        if let Some(value) = all.iter().find_map(|schema| schema.get("const")) {
            return value.clone();
        }
        if let Some(choices) = all.iter().find_map(|schema| schema.get("enum")?.as_array()) {
            let choices: Vec<_> = choices.iter().filter(has_allowed_type).collect();
            return self.random.choice(choices).cloned().unwrap_or(Value::Null);
        }
        let types: Vec<_> = types.into_iter().collect();
        // Other types have more values to try than null.
        let mostly: Vec<_> = types.iter().copied().filter(|name| *name != "null" || types.len() == 1).collect();
        let is_rare = self.random.u8(..6) == 0;
        match self.random.choice(if is_rare { &types } else { &mostly }).copied() {
            Some("object") => self.object(&all, depth),
            Some("array") => self.array(&all, depth),
            Some("string") => sample_string(&all, &mut self.random).into(),
            Some("integer") => sample_number(&all, true, &mut self.random),
            Some("number") => sample_number(&all, false, &mut self.random),
            Some("boolean") => self.random.bool().into(),
            _ => Value::Null,
        }
    }

    /// Adds to `all` the schemas that apply to the same value as `schema`: the ones that it refers to, and
    /// one alternative of each choice.
    fn expand(&mut self, schema: &'a Value, all: &mut Vec<&'a Schema>) {
        let Value::Object(schema) = schema else { return };
        if all.len() >= MAX_SCHEMAS {
            return;
        }
        all.push(schema);
        let referred = local_reference(self.root, schema);
        let list = |keyword| schema.get(keyword).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut more: Vec<&'a Value> = referred.into_iter().chain(list("allOf")).collect();
        for choice in ["anyOf", "oneOf"] {
            more.extend(self.random.choice(list(choice)));
        }
        if let Some(condition) = schema.get("if") {
            if self.random.bool() {
                more.extend(schema.get("then").into_iter().chain([condition]));
            } else {
                more.extend(schema.get("else"));
            }
        }
        for schema in more {
            self.expand(schema, all);
        }
    }

    fn object(&mut self, all: &[&'a Schema], depth: usize) -> Value {
        let mut required = strings(all, "required");
        for (name, others) in entries(all, "dependentRequired") {
            if required.contains(name.as_str()) {
                required.extend(others.as_array().into_iter().flatten().filter_map(Value::as_str));
            }
        }
        let mut object = Map::new();
        for (name, _) in entries(all, "properties") {
            let chances_in_16 = if depth < SPARSE_DEPTH { 12 } else { 1 };
            if required.contains(name.as_str()) || self.random.u8(..16) < chances_in_16 {
                let value = self.field(all, name, depth);
                object.insert(name.clone(), value);
            }
        }
        for name in required {
            if !object.contains_key(name) {
                let value = self.field(all, name, depth);
                object.insert(name.to_owned(), value);
            }
        }
        self.add_undeclared_fields(all, &mut object, depth);
        Value::Object(object)
    }

    /// Adds fields that the schema does not declare.
    fn add_undeclared_fields(&mut self, all: &[&'a Schema], object: &mut Map<String, Value>, depth: usize) {
        for (pattern, schema) in entries(all, "patternProperties") {
            if let (true, Some(name)) = (self.random.bool(), matching_string(pattern, &mut self.random)) {
                let value = self.value(&[schema], depth + 1);
                object.insert(name, value);
            }
        }
        let additional: Vec<_> = all.iter().filter_map(|schema| schema.get("additionalProperties")).collect();
        let is_closed =
            additional.iter().chain(&values(all, "unevaluatedProperties")).any(|schema| **schema == json!(false));
        let least = bound(all, "minProperties", u64::max).unwrap_or(0).min(MAX_ITEMS);
        let most = bound(all, "maxProperties", u64::min).unwrap_or(u64::MAX);
        let mut count = usize::try_from(least).unwrap_or(0).saturating_sub(object.len());
        if additional.iter().any(|schema| schema.is_object()) || self.has_unknown_fields {
            count = count.max(self.random.usize(..3));
        }
        let free = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(object.len());
        if is_closed {
            return;
        }
        for number in 0..count.min(free) {
            let names = values(all, "propertyNames");
            let name = match names.is_empty() {
                true => self.unknown_name(number),
                false => self.value(&names, depth + 1).as_str().unwrap_or_default().to_owned(),
            };
            let value = self.value(&additional, depth + 1);
            object.entry(name).or_insert(value);
        }
    }

    fn unknown_name(&mut self, number: usize) -> String {
        let pattern = self.random.choice(&self.name_patterns).filter(|_| number == 0);
        let name = pattern.and_then(|pattern| matching_string(pattern, &mut self.random.clone()));
        name.unwrap_or_else(|| format!("unknown-{number}"))
    }

    /// Generates the value of the field `name`.
    fn field(&mut self, all: &[&'a Schema], name: &str, depth: usize) -> Value {
        let mut schemas = Vec::new();
        for schema in all {
            let declared = schema.get("properties").and_then(|properties| properties.get(name));
            schemas.extend(declared.or_else(|| schema.get("additionalProperties")));
        }
        self.value(&schemas, depth + 1)
    }

    fn array(&mut self, all: &[&'a Schema], depth: usize) -> Value {
        let least = bound(all, "minItems", u64::max).unwrap_or(0).min(MAX_ITEMS);
        let usual = if depth < SPARSE_DEPTH { least + 3 } else { least };
        let most = bound(all, "maxItems", u64::min).map_or(usual, |most| if most <= MAX_ITEMS { most } else { usual });
        let length = self.random.u64(least..=most.max(least));
        let prefix: Vec<_> = values(all, "prefixItems").into_iter().filter_map(Value::as_array).collect();
        let items = values(all, "items");
        let contains = values(all, "contains");
        let is_unique = values(all, "uniqueItems").contains(&&json!(true));
        let mut array: Vec<Value> = Vec::new();
        for index in 0..usize::try_from(length).unwrap_or(0) {
            let mut schemas: Vec<_> = prefix.iter().filter_map(|list| list.get(index)).collect();
            if schemas.is_empty() {
                schemas.clone_from(&items);
            }
            if index == 0 {
                schemas.extend(&contains);
            }
            let value = self.value(&schemas, depth + 1);
            if !is_unique || !array.contains(&value) {
                array.push(value);
            }
        }
        Value::Array(array)
    }
}

/// Returns whether a value has the type `name`.
fn has_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(_) => name == "number" || name == "integer",
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}
