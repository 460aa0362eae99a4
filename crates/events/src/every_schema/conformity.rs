//! Conformity of validation: catalogs accept exactly the events that a conforming JSON Schema validator accepts, and
//! accepted events round-trip through the Rust type.
//!
//! The reference validator, boon, reads the original schema files with their references; ours reads the generated schemas.
//! Events are generated from the schemas and then mutated.

use std::path::Path;
use std::{fs, thread};

use boon::{Compiler, SchemaIndex, Schemas};
use codegen::check::Sampler;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{later, round_trip, same, schemas, types};
use crate::{Catalog, EventType, catalogs};

/// Minimum number of generated events.
const MIN_GENERATED_EVENTS: usize = 100_000;

/// All schema files, compiled by boon.
struct ReferenceValidator {
    schemas: Schemas,
    /// Schemas by catalog and name, including `base`.
    indexes: Vec<(&'static str, &'static str, SchemaIndex)>,
}

impl ReferenceValidator {
    fn compile() -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        let mut ids = Vec::new();
        add_files(&schemas(), &mut compiler, &mut ids);
        let mut schemas = Schemas::new();
        let mut compile = |catalog: &str, name: &str| {
            let end = format!("/{catalog}/{name}.json");
            let id = ids.iter().find(|id| id.ends_with(&end)).unwrap();
            compiler.compile(id, &mut schemas).unwrap_or_else(|e| panic!("{id}: {e}"))
        };
        let mut indexes: Vec<_> = types().map(|(c, t)| (c.name(), t.name, compile(c.name(), t.name))).collect();
        indexes.extend(catalogs().map(|c| (c.name(), "base", compile(c.name(), "base"))));
        Self { schemas, indexes }
    }

    /// Returns whether boon accepts an event of the type `name`.
    fn accepts(&self, catalog: &Catalog, name: &str, event: &Value) -> bool {
        let found = |name: &str| self.indexes.iter().find(|(c, n, _)| *c == catalog.name() && *n == name);
        let (.., index) = found(name).or_else(|| found("base")).unwrap();
        self.schemas.validate(event, *index).is_ok()
    }
}

fn add_files(folder: &Path, compiler: &mut Compiler, ids: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, compiler, ids);
            continue;
        }
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(id) = schema.get("$id").and_then(Value::as_str) {
            compiler.add_resource(id, schema.clone()).unwrap();
            ids.push(id.to_owned());
        }
    }
}

/// Values that schemas, serde and time parsers may interpret differently.
fn edge_case_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(7.0),
        json!(-3.0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(9_007_199_254_740_991_i64),
        json!(""),
        json!("text"),
        json!("x".repeat(300)),
        json!("2024-10-03 11:09:53Z"),
        json!("2024-10-03T11:09:53"),
        json!("2024-10-03t11:09:60.123456789z"),
        json!("2016-12-31T23:59:60Z"),
        json!("2024-10-03T11:09:53.1234567890Z"),
        json!("9999-12-31T23:59:59-23:59"),
        json!("2024-02-30T11:09:53Z"),
        json!("/1.0/instances/0c1a0f52-6f0e-4d8b-9a35-2f6f5f1f7c11"),
        json!("/1.0/queue/x?y"),
        json!("/1.0/"),
        json!([]),
        json!([null]),
        json!(["text", 1]),
        json!([{}]),
        json!({}),
        json!({"type": null}),
        json!({"unknown": [1.0]}),
    ]
}

/// Collects the pointers to all nested values.
fn collect_pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => return,
    };
    for (name, value) in children {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        collect_pointers(value, &at, all);
        all.push(at);
    }
}

/// Removes or replaces a value, or adds a field next to it.
fn mutate(event: &mut Value, target: Index, mutation: Index) {
    let mut all = Vec::new();
    collect_pointers(event, "", &mut all);
    if all.is_empty() {
        return;
    }
    let at = target.get(&all);
    let values = edge_case_values();
    let mutation = mutation.index(values.len() + 8);
    let (parent, name) = at.rsplit_once('/').unwrap();
    match (mutation.checked_sub(8), event.pointer_mut(parent)) {
        (Some(index), _) => *event.pointer_mut(at).unwrap() = values[index].clone(),
        (None, Some(Value::Object(fields))) if mutation < 4 => drop(fields.shift_remove(name)),
        (None, Some(Value::Object(fields))) => drop(fields.insert("unknown".to_owned(), json!([1, {"a": null}]))),
        (None, Some(Value::Array(items))) => drop(items.pop()),
        (None, _) => {}
    }
}

/// Compares both validators and the Rust type on one event.
fn compare(reference: &ReferenceValidator, catalog: &Catalog, event: &Value) -> Result<(), TestCaseError> {
    let result = catalog.extract(event.to_string().as_bytes(), later());
    let found = catalog.rules.event_type(event).map(|(_, name)| name).unwrap_or_default();
    let ours = catalog.event_type(&found).map_or_else(|| catalog.validator(), EventType::validator).is_valid(event);
    prop_assert_eq!(ours, reference.accepts(catalog, &found, event), "{}", event);
    match result {
        // In addition to the schema, events must have a type and a time that the log can hold, and fields that fit into
        // an index.
        Err(rejection) => {
            let is_additional =
                |v: &crate::Violation| v.keyword == "time" || v.message.contains("bytes") || found.is_empty();
            prop_assert!(!ours || rejection.violations.iter().all(is_additional), "{event}: {rejection}");
        }
        Ok(extracted) => {
            prop_assert!(ours, "{}", event);
            let written = round_trip(catalog)(event);
            prop_assert!(written.is_ok(), "{event}: {written:?}");
            let written = written.unwrap();
            prop_assert!(same(event, &written), "{event} became {written}");
            // Every event has a summary on one line.
            prop_assert!(!catalog.describe(&extracted.fields, event).summary.contains('\n'));
        }
    }
    Ok(())
}

/// Generates events of one type and compares the validators; returns how many events were accepted.
fn check(
    reference: &ReferenceValidator,
    catalog: &'static Catalog,
    event_type: &'static EventType,
    cases: u32,
) -> usize {
    let schema: Value = serde_json::from_str(event_type.schema).unwrap();
    let examples: Vec<Value> = event_type.examples.iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    let accepted = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    let mutations = prop::collection::vec(any::<(Index, Index)>(), 0..4);
    let done = runner.run(&(any::<u64>(), any::<Option<Index>>(), mutations), |(seed, example, mutations)| {
        let mut event = match example {
            Some(index) => index.get(&examples).clone(),
            None => Sampler::new(&schema, seed).with_unknown_fields().sample(),
        };
        for (target, mutation) in mutations {
            mutate(&mut event, target, mutation);
        }
        accepted.set(accepted.get() + usize::from(event_type.validator().is_valid(&event)));
        compare(reference, catalog, &event)
    });
    done.unwrap_or_else(|e| panic!("{}/{}: {e}", catalog.name(), event_type.name));
    accepted.get()
}

#[test]
fn events_are_accepted_if_and_only_if_a_conforming_validator_accepts_them() {
    let reference = ReferenceValidator::compile();
    let all: Vec<_> = types().collect();
    let cases = u32::try_from(MIN_GENERATED_EVENTS.div_ceil(all.len().max(1))).unwrap();
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for chunk in all.chunks(all.len().div_ceil(threads).max(1)) {
            let reference = &reference;
            scope.spawn(move || {
                for (catalog, event_type) in chunk {
                    let accepted = check(reference, catalog, event_type, cases);
                    // Otherwise, no event would have been tested with the Rust type.
                    assert!(accepted > 0, "{}: no generated event is accepted", event_type.name);
                }
            });
        }
    });
}
