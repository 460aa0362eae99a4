//! Random pairs of schemas: a compatible verdict must survive the search for a counterexample.
//!
//! `cargo xtask fuzz` compares 10,000 pairs, and the nightly workflow 10,000 others each night; by default the test
//! compares 80. Another
//! validator (boon) judges the values, and this file has its own notion of the fields that a writer
//! names.

use std::collections::BTreeSet;
use std::ops::Range;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

use super::compare_schemas;
use super::compatibility::Compatibility;
use crate::check::sampler::Sampler;

/// Seeds of the pairs, unless the variable `FUZZ_SCHEMA_SEEDS` is set.
const DEFAULT_SCHEMA_SEEDS: Range<u64> = 0..80;
/// Number of values that are tried for each direction.
const VALUES_PER_DIRECTION: usize = 60;
const FIELD_NAMES: [&str; 4] = ["a", "b", "c", "kind"];

#[test]
fn fuzz_compatible_verdicts_have_no_counterexample() {
    let mut compatible = 0_u64;
    for seed in seeds() {
        let mut random = fastrand::Rng::with_seed(seed);
        let old = Generator { random: &mut random }.document();
        let new = Mutator { random: &mut random }.mutated(&old);
        let (Some(old_judge), Some(new_judge)) = (Judge::new(&old), Judge::new(&new)) else { continue };
        let changes = compare_schemas(&old, &new);
        let verdict = changes.iter().fold(Compatibility::Full, |all, change| all.and(change.compatibility));
        for (is_compatible, writer, reader) in
            [(verdict.is_backward(), &old_judge, &new_judge), (verdict.is_forward(), &new_judge, &old_judge)]
        {
            if is_compatible {
                compatible += 1;
                let witness = writer.witness_against(reader, &mut random);
                assert_eq!(witness, None, "seed {seed}: {verdict:?}\n old {old}\n new {new}\n {changes:#?}");
            }
        }
    }
    assert!(compatible > 0);
}

fn seeds() -> Range<u64> {
    let Ok(range) = std::env::var("FUZZ_SCHEMA_SEEDS") else { return DEFAULT_SCHEMA_SEEDS };
    let seeds = range.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    seeds.unwrap_or_else(|| panic!("FUZZ_SCHEMA_SEEDS is {range:?}: expected a range such as 0..10000"))
}

/// A schema, judged by boon.
struct Judge {
    schema: Value,
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn new(schema: &Value) -> Option<Self> {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("mem:///schema.json", schema.clone()).ok()?;
        let mut schemas = Schemas::new();
        let index = compiler.compile("mem:///schema.json", &mut schemas).ok()?;
        Some(Self { schema: schema.clone(), schemas, index })
    }

    fn accepts(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    /// Searches a value with named fields only that this schema accepts and `reader` does not.
    fn witness_against(&self, reader: &Self, random: &mut fastrand::Rng) -> Option<Value> {
        let mut samplers = [Sampler::new(&self.schema, random.u64(..)), Sampler::new(&reader.schema, random.u64(..))];
        (0..VALUES_PER_DIRECTION)
            .map(|number| match number % 4 {
                0 | 1 => samplers[number % 2].sample(),
                2 => {
                    let sample = samplers[0].sample();
                    disturbed(&sample, random)
                }
                _ => value(random, 3),
            })
            .find(|value| self.accepts(value) && !reader.accepts(value) && has_named_fields(&self.schema, value))
    }
}

/// Returns whether every field of `value` is named by one of the schemas that may apply to its object.
fn has_named_fields(root: &Value, value: &Value) -> bool {
    is_named(root, &in_place(root, &[root]), value)
}

fn is_named(root: &Value, schemas: &[&Value], value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            let names: BTreeSet<&str> = schemas.iter().flat_map(|schema| names_in(schema)).collect();
            object.iter().all(|(name, value)| {
                let inner: Vec<_> = schemas
                    .iter()
                    .flat_map(|schema| {
                        [schema.get("properties").and_then(|p| p.get(name)), schema.get("additionalProperties")]
                    })
                    .flatten()
                    .collect();
                names.contains(name.as_str()) && is_named(root, &in_place(root, &inner), value)
            })
        }
        Value::Array(items) => {
            let inner: Vec<_> = schemas
                .iter()
                .flat_map(|schema| [schema.get("items"), schema.get("contains")])
                .flatten()
                .chain(schemas.iter().filter_map(|schema| schema.get("prefixItems")?.as_array()).flatten())
                .collect();
            items.iter().all(|item| is_named(root, &in_place(root, &inner), item))
        }
        _ => true,
    }
}

fn names_in(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|p| p.keys());
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    properties.map(String::as_str).chain(required).collect()
}

/// Returns `schemas` and all schemas that they apply to the same value.
fn in_place<'a>(root: &'a Value, schemas: &[&'a Value]) -> Vec<&'a Value> {
    let mut all: Vec<&'a Value> = Vec::new();
    let mut pending = schemas.to_vec();
    while let Some(schema) = pending.pop() {
        if all.iter().any(|known| std::ptr::eq(*known, schema)) {
            continue;
        }
        all.push(schema);
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.strip_prefix('#')?));
        let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        let single = ["if", "then", "else", "not"].into_iter().filter_map(|key| schema.get(key));
        let dependent = schema.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values);
        pending.extend(reference.into_iter().chain(lists).chain(single).chain(dependent));
    }
    all
}

fn value(random: &mut fastrand::Rng, depth: usize) -> Value {
    match random.u8(..if depth == 0 { 8 } else { 11 }) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 | 3 => json!(random.i64(-1..6)),
        4 => json!(2.5),
        5..=7 => json!(["", "x", "xy", "abc", "2024-01-02"][random.usize(..5)]),
        8 => (0..random.usize(..4)).map(|_| value(random, depth - 1)).collect(),
        _ => {
            let names = FIELD_NAMES.iter().filter(|_| random.bool()).collect::<Vec<_>>();
            names.into_iter().map(|name| ((*name).to_owned(), value(random, depth - 1))).collect()
        }
    }
}

/// Returns a value with one part replaced.
fn disturbed(original: &Value, random: &mut fastrand::Rng) -> Value {
    let mut changed = original.clone();
    match &mut changed {
        Value::Object(object) if random.u8(..4) > 0 => {
            let name = FIELD_NAMES[random.usize(..FIELD_NAMES.len())];
            let inner = object.get(name).map(|inner| disturbed(inner, random));
            object.insert(name.to_owned(), inner.unwrap_or_else(|| value(random, 1)));
        }
        Value::Array(items) if random.u8(..4) > 0 && !items.is_empty() => {
            let index = random.usize(..items.len());
            items[index] = disturbed(&items[index], random);
        }
        other => *other = value(random, 1),
    }
    changed
}

/// Generates schemas.
struct Generator<'r> {
    random: &'r mut fastrand::Rng,
}

impl Generator<'_> {
    fn document(&mut self) -> Value {
        let mut document = self.object(3);
        document["$defs"] = json!({"A": self.schema(1), "B": self.schema(1)});
        if self.random.u8(..6) == 0 {
            document["$defs"]["A"]["properties"] = json!({"a": {"$ref": "#/$defs/A"}});
        }
        document
    }

    fn schema(&mut self, depth: usize) -> Value {
        if depth == 0 {
            return self.scalar();
        }
        match self.random.u8(..16) {
            0..=5 => self.scalar(),
            6..=9 => self.object(depth - 1),
            10 => json!({"type": "array", "items": self.schema(depth - 1), "maxItems": self.random.u8(1..4)}),
            11 => json!({"type": "array", "prefixItems": [self.schema(depth - 1)], "contains": self.schema(depth - 1)}),
            12 => json!({ "anyOf": [self.schema(depth - 1), self.schema(depth - 1)] }),
            13 => json!({ "oneOf": [self.schema(depth - 1), self.schema(depth - 1)] }),
            14 => json!({"$ref": self.one_of(&["#/$defs/A", "#/$defs/B"])}),
            _ => json!({"not": self.schema(depth - 1)}),
        }
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.random.usize(..choices.len())]
    }

    fn scalar(&mut self) -> Value {
        match self.random.u8(..11) {
            0 => json!({"type": "string"}),
            1 => json!({"type": "string", "minLength": self.random.u8(..3), "maxLength": self.random.u8(2..5)}),
            2 => json!({"type": "string", "pattern": self.one_of(&["^x", "^[a-c]+$", "^(?!x)", "y$"])}),
            3 => json!({"type": "integer", "minimum": self.random.i8(-1..3), "maximum": self.random.i8(2..6)}),
            4 => json!({"type": ["number", "null"]}),
            5 => {
                let words = [json!("x"), json!("xy"), json!(1), Value::Null];
                json!({"enum": words[..self.random.usize(1..=words.len())].to_vec()})
            }
            6 => json!({"const": self.one_of(&["x", "abc"])}),
            7 => json!({"type": ["string", "integer"]}),
            8 => json!({"type": "number", "exclusiveMinimum": self.random.i8(-1..3)}),
            9 => json!({"type": "integer", "multipleOf": self.random.u8(1..4)}),
            _ => json!({"type": "string", "format": "date"}),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut schema = json!({"type": "object"});
        let mut properties = Map::new();
        for name in FIELD_NAMES {
            if self.random.u8(..3) > 0 {
                properties.insert(name.to_owned(), self.schema(depth));
            }
        }
        schema["properties"] = Value::Object(properties);
        if self.random.bool() {
            schema["required"] = self.names();
        }
        for _ in 0..self.random.u8(..3) {
            match self.random.u8(..12) {
                0 => schema["additionalProperties"] = json!(false),
                1 => schema["additionalProperties"] = self.schema(0),
                2 => schema["minProperties"] = json!(self.random.u8(..4)),
                3 => schema["dependentRequired"] = json!({"a": self.names()}),
                4 => schema["dependentSchemas"] = json!({"b": self.view(depth)}),
                5 => schema["allOf"] = json!([self.view(depth)]),
                6 => schema["anyOf"] = json!([self.view(depth), self.view(depth)]),
                7 => {
                    schema["oneOf"] = json!([
                        {"properties": {"kind": {"const": "x"}, "a": self.schema(depth)}, "required": ["kind"]},
                        {"properties": {"kind": {"const": "abc"}, "b": self.view(depth)}, "required": ["kind"]}
                    ]);
                }
                8 => {
                    schema["if"] = json!({"properties": {"kind": {"const": "x"}}});
                    schema["then"] = self.view(depth);
                    if self.random.bool() {
                        schema["else"] = self.view(depth);
                    }
                }
                9 => schema["not"] = self.view(0),
                10 => schema["propertyNames"] = json!({"maxLength": self.random.u8(1..5)}),
                _ => schema["patternProperties"] = json!({"^[ab]": self.schema(0)}),
            }
        }
        schema
    }

    /// Generates a schema that adds conditions to an object.
    fn view(&mut self, depth: usize) -> Value {
        let name = FIELD_NAMES[self.random.usize(..FIELD_NAMES.len())];
        let field = if depth > 0 && self.random.bool() { self.object(depth - 1) } else { self.schema(depth) };
        match self.random.u8(..3) {
            0 => json!({"properties": {name: field}}),
            1 => json!({"properties": {name: field}, "required": [name]}),
            _ => json!({ "required": self.names() }),
        }
    }

    fn names(&mut self) -> Value {
        FIELD_NAMES.iter().filter(|_| self.random.u8(..3) == 0).map(|name| json!(name)).collect()
    }
}

/// Changes a schema in one to three places.
struct Mutator<'r> {
    random: &'r mut fastrand::Rng,
}

impl Mutator<'_> {
    fn mutated(&mut self, schema: &Value) -> Value {
        let mut changed = schema.clone();
        for _ in 0..self.random.u8(1..4) {
            let mut pointers = Vec::new();
            subschemas(&changed, "", &mut pointers);
            let at = pointers[self.random.usize(..pointers.len())].clone();
            let Some(target) = changed.pointer_mut(&at) else { continue };
            self.change(target, at.is_empty());
        }
        changed
    }

    fn change(&mut self, schema: &mut Value, is_root: bool) {
        let other = Generator { random: self.random }.object(1);
        let scalar = Generator { random: self.random }.scalar();
        let Value::Object(object) = schema else { return };
        let keys: Vec<String> = object.keys().filter(|key| *key != "$defs").cloned().collect();
        match self.random.u8(..6) {
            // Remove a keyword.
            0 if !keys.is_empty() => drop(object.remove(&keys[self.random.usize(..keys.len())])),
            // Replace the schema.
            1 if !is_root => *schema = scalar,
            // Add or replace a keyword of an object.
            2 | 3 => {
                let own: Vec<_> = other.as_object().into_iter().flatten().filter(|(key, _)| *key != "type").collect();
                if let Some((key, value)) = own.get(self.random.usize(..own.len().max(1))) {
                    object.insert((*key).clone(), (*value).clone());
                }
            }
            // Add or replace a property.
            4 => {
                if let Some(Value::Object(properties)) = object.get_mut("properties") {
                    properties.insert(FIELD_NAMES[self.random.usize(..FIELD_NAMES.len())].to_owned(), scalar);
                }
            }
            // Remove a property.
            _ => {
                if let Some(Value::Object(properties)) = object.get_mut("properties") {
                    properties.remove(FIELD_NAMES[self.random.usize(..FIELD_NAMES.len())]);
                }
            }
        }
    }
}

/// Collects the JSON Pointers of all objects that are schemas.
fn subschemas(schema: &Value, at: &str, all: &mut Vec<String>) {
    let Value::Object(object) = schema else { return };
    all.push(at.to_owned());
    for (key, value) in object {
        match (key.as_str(), value) {
            ("$defs" | "properties" | "dependentSchemas" | "patternProperties", Value::Object(named)) => {
                named.iter().for_each(|(name, inner)| subschemas(inner, &format!("{at}/{key}/{name}"), all));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                list.iter()
                    .enumerate()
                    .for_each(|(index, inner)| subschemas(inner, &format!("{at}/{key}/{index}"), all));
            }
            ("const" | "enum" | "required" | "type" | "dependentRequired", _) => {}
            (_, inner) => subschemas(inner, &format!("{at}/{key}"), all),
        }
    }
}
