//! Instances made from a schema: what its writers might send.
//!
//! A schema says what is allowed, not how to make it, so a sample is a good guess: it follows the
//! keywords that say what a value looks like, goes to the ends of each bound, and leaves `not`,
//! `if` and their like to chance. A validator has the last word.

mod numbers;
mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// How deep a sample is nested before it holds only what it must.
const DEEP: usize = 5;
/// How many schemas may speak about one value: ends references that go round in circles.
const MOST_SCHEMAS: usize = 64;
/// The longest list that is made; one that must be longer is not.
const MOST_ITEMS: u64 = 64;

type Schema = Map<String, Value>;

/// Makes instances of one schema, the same ones for the same seed.
#[derive(Debug, Clone)]
pub struct Sampler<'a> {
    root: &'a Value,
    random: fastrand::Rng,
    unknown_fields: bool,
    /// Patterns that names of such fields match, some of the time.
    named_like: Vec<String>,
}

impl<'a> Sampler<'a> {
    /// For `root`, a schema that stands alone: its references begin with `#`.
    pub fn new(root: &'a Value, seed: u64) -> Self {
        Self { root, random: fastrand::Rng::with_seed(seed), unknown_fields: false, named_like: Vec::new() }
    }

    /// Also puts fields into objects that the schema does not name, where it allows any.
    #[must_use]
    pub fn with_unknown_fields(mut self) -> Self {
        self.unknown_fields = true;
        self
    }

    /// The same, with names that match one of these patterns among them.
    #[must_use]
    pub(crate) fn with_fields_like(mut self, patterns: Vec<String>) -> Self {
        self.named_like = patterns;
        self.with_unknown_fields()
    }

    /// A value that most likely fits the schema.
    pub fn sample(&mut self) -> Value {
        self.value(&[self.root], 0)
    }

    /// A value for which all of `schemas` hold.
    fn value(&mut self, schemas: &[&'a Value], depth: usize) -> Value {
        let mut all = Vec::new();
        for schema in schemas {
            self.expand(schema, &mut all);
        }
        let types = allowed_types(&all);
        let fits = |value: &&Value| types.iter().any(|name| is_a(value, name));
        if let Some(value) = all.iter().find_map(|schema| schema.get("const")) {
            return value.clone();
        }
        if let Some(words) = all.iter().find_map(|schema| schema.get("enum")?.as_array()) {
            let words: Vec<_> = words.iter().filter(fits).collect();
            return self.random.choice(words).cloned().unwrap_or(Value::Null);
        }
        let types: Vec<_> = types.into_iter().collect();
        // Null is one value; the others have more to try.
        let some: Vec<_> = types.iter().copied().filter(|name| *name != "null" || types.len() == 1).collect();
        let rarely = self.random.u8(..6) == 0;
        match self.random.choice(if rarely { &types } else { &some }).copied() {
            Some("object") => self.object(&all, depth),
            Some("array") => self.array(&all, depth),
            Some("string") => text::text(&all, &mut self.random).into(),
            Some("integer") => numbers::number(&all, true, &mut self.random),
            Some("number") => numbers::number(&all, false, &mut self.random),
            Some("boolean") => self.random.bool().into(),
            _ => Value::Null,
        }
    }

    /// Adds to `all` the schemas that hold for the same value as `schema` does: what it refers to,
    /// and one of each choice.
    fn expand(&mut self, schema: &'a Value, all: &mut Vec<&'a Schema>) {
        let Value::Object(schema) = schema else { return };
        if all.len() >= MOST_SCHEMAS {
            return;
        }
        all.push(schema);
        let root = self.root;
        let referred = schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.strip_prefix('#')?));
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
        let mut required = names(all, "required");
        for (name, others) in fields(all, "dependentRequired") {
            if required.contains(name.as_str()) {
                required.extend(others.as_array().into_iter().flatten().filter_map(Value::as_str));
            }
        }
        let mut object = Map::new();
        for (name, _) in fields(all, "properties") {
            let often = if depth < DEEP { 12 } else { 1 };
            if required.contains(name.as_str()) || self.random.u8(..16) < often {
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
        self.further_fields(all, &mut object, depth);
        Value::Object(object)
    }

    /// Fields whose names the schema does not list.
    fn further_fields(&mut self, all: &[&'a Schema], object: &mut Map<String, Value>, depth: usize) {
        for (pattern, schema) in fields(all, "patternProperties") {
            if let (true, Some(name)) = (self.random.bool(), text::matching(pattern, &mut self.random)) {
                let value = self.value(&[schema], depth + 1);
                object.insert(name, value);
            }
        }
        let additional: Vec<_> = all.iter().filter_map(|schema| schema.get("additionalProperties")).collect();
        let closed =
            additional.iter().chain(&keyword(all, "unevaluatedProperties")).any(|schema| **schema == json!(false));
        let least = bound(all, "minProperties", u64::max).unwrap_or(0).min(MOST_ITEMS);
        let most = bound(all, "maxProperties", u64::min).unwrap_or(u64::MAX);
        let mut wanted = usize::try_from(least).unwrap_or(0).saturating_sub(object.len());
        if additional.iter().any(|schema| schema.is_object()) || self.unknown_fields {
            wanted = wanted.max(self.random.usize(..3));
        }
        let free = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(object.len());
        if closed {
            return;
        }
        for number in 0..wanted.min(free) {
            let names = keyword(all, "propertyNames");
            let name = match names.is_empty() {
                true => self.unknown_name(number),
                false => self.value(&names, depth + 1).as_str().unwrap_or_default().to_owned(),
            };
            let value = self.value(&additional, depth + 1);
            object.entry(name).or_insert(value);
        }
    }

    fn unknown_name(&mut self, number: usize) -> String {
        let pattern = self.random.choice(&self.named_like).filter(|_| number == 0);
        let name = pattern.and_then(|pattern| text::matching(pattern, &mut self.random.clone()));
        name.unwrap_or_else(|| format!("unknown-{number}"))
    }

    /// The value of the field `name`.
    fn field(&mut self, all: &[&'a Schema], name: &str, depth: usize) -> Value {
        let mut schemas = Vec::new();
        for schema in all {
            let declared = schema.get("properties").and_then(|properties| properties.get(name));
            schemas.extend(declared.or_else(|| schema.get("additionalProperties")));
        }
        self.value(&schemas, depth + 1)
    }

    fn array(&mut self, all: &[&'a Schema], depth: usize) -> Value {
        let least = bound(all, "minItems", u64::max).unwrap_or(0).min(MOST_ITEMS);
        let usual = if depth < DEEP { least + 3 } else { least };
        let most = bound(all, "maxItems", u64::min).map_or(usual, |most| if most <= MOST_ITEMS { most } else { usual });
        let length = self.random.u64(least..=most.max(least));
        let prefix: Vec<_> = keyword(all, "prefixItems").into_iter().filter_map(Value::as_array).collect();
        let items = keyword(all, "items");
        let contains = keyword(all, "contains");
        let unique = keyword(all, "uniqueItems").contains(&&json!(true));
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
            if !unique || !array.contains(&value) {
                array.push(value);
            }
        }
        Value::Array(array)
    }
}

/// The types that all of `schemas` allow. Where they name none, those that their keywords are about.
fn allowed_types(schemas: &[&Schema]) -> BTreeSet<&'static str> {
    const ALL: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let mut allowed = BTreeSet::from(ALL);
    let mut said = false;
    for names in keyword(schemas, "type") {
        let named =
            |name: &str| *names == name || names.as_array().is_some_and(|names| names.iter().any(|n| n == name));
        allowed.retain(|name| named(name) || (*name == "integer" && named("number")));
        said = true;
    }
    if said {
        return allowed;
    }
    let about =
        |keywords: &[&str]| schemas.iter().any(|schema| keywords.iter().any(|keyword| schema.contains_key(*keyword)));
    let mut guess = BTreeSet::new();
    for (name, keywords) in [
        ("object", &["properties", "required", "additionalProperties", "minProperties", "patternProperties"][..]),
        ("array", &["items", "prefixItems", "minItems", "maxItems", "contains"]),
        ("string", &["pattern", "format", "minLength", "maxLength"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ] {
        if about(keywords) {
            guess.insert(name);
        }
    }
    if guess.is_empty() { allowed } else { guess }
}

fn is_a(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(_) => name == "number" || name == "integer",
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// What `schemas` say at `keyword`.
fn keyword<'a>(schemas: &[&'a Schema], keyword: &str) -> Vec<&'a Value> {
    schemas.iter().filter_map(|schema| schema.get(keyword)).collect()
}

/// The fields of all objects that stand at `keyword`.
fn fields<'a>(schemas: &[&'a Schema], keyword: &str) -> Vec<(&'a String, &'a Value)> {
    self::keyword(schemas, keyword).into_iter().filter_map(Value::as_object).flatten().collect()
}

/// The strings of all lists that stand at `keyword`.
fn names<'a>(schemas: &[&'a Schema], keyword: &str) -> BTreeSet<&'a str> {
    let lists = self::keyword(schemas, keyword).into_iter().filter_map(Value::as_array);
    lists.flatten().filter_map(Value::as_str).collect()
}

/// The tightest of the whole numbers at `keyword`.
fn bound(schemas: &[&Schema], keyword: &str, tightest: fn(u64, u64) -> u64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound is no fraction and above 0")]
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    self::keyword(schemas, keyword).into_iter().filter_map(whole).reduce(tightest)
}
