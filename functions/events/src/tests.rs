//! Every schema against its samples, and validator against Rust types.
//!
//! These tests find catalogs, types and samples by themselves: a new one needs no test of its own.

use std::path::Path;
use std::{fs, iter};

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Catalog, EventType, ROUND_TRIPS, RoundTrip, catalog, catalogs};

/// A time of receipt after that of any sample.
fn later() -> Timestamp {
    "2060-01-01T00:00:00Z".parse().unwrap()
}

fn round_trip(catalog: &Catalog) -> RoundTrip {
    ROUND_TRIPS.iter().find(|(name, _)| *name == catalog.name()).unwrap().1
}

fn types() -> impl Iterator<Item = (&'static Catalog, &'static EventType)> {
    catalogs().flat_map(|catalog| catalog.types().map(move |event_type| (catalog, event_type)))
}

#[test]
fn every_example_is_accepted_and_described() {
    for (catalog, event_type) in types() {
        for example in event_type.examples {
            let name = event_type.name;
            let reading = catalog.read(example.as_bytes(), later()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(reading.fields.event_type, name);
            assert_eq!(reading.fields.schema_version, Some(event_type.version));

            let payload = serde_json::from_str(example).unwrap();
            let described = catalog.describe(&reading.fields, &payload);
            assert_eq!(described.label, event_type.label);
            assert!(
                !described.summary.contains("triggered"),
                "{name}: the template does not fit: {}",
                described.summary
            );
        }
    }
}

#[test]
fn every_example_survives_its_rust_type() {
    for (catalog, event_type) in types() {
        for example in event_type.examples {
            let payload: Value = serde_json::from_str(example).unwrap();
            let written = round_trip(catalog)(&payload).unwrap_or_else(|e| panic!("{e}"));
            assert!(same(&payload, &written), "{}: {payload} became {written}", event_type.name);
        }
    }
}

/// Whether two values are equal as JSON: `1.0` is `1`.
fn same(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            read.len() == written.len()
                && read.iter().all(|(name, value)| written.get(name).is_some_and(|other| same(value, other)))
        }
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len() && iter::zip(read, written).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => read == written,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedSample {
    event: Value,
    pointer: String,
    keyword: String,
}

#[test]
fn every_refused_sample_is_refused_for_the_reason_given() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let mut seen = 0;
    for catalog in catalogs() {
        for entry in fs::read_dir(schemas.join(catalog.name())).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".refused.json") {
                continue;
            }
            let samples: Vec<RefusedSample> = serde_json::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            for (index, sample) in samples.iter().enumerate() {
                let name = format!("{} sample {index}", path.display());
                let Err(refused) = catalog.read(sample.event.to_string().as_bytes(), later()) else {
                    panic!("{name} is accepted");
                };
                let stated = |v: &&crate::Violation| v.pointer == sample.pointer && v.keyword == sample.keyword;
                assert!(refused.violations.iter().any(|v| stated(&v)), "{name}: {refused:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_validator_can_be_made() {
    for catalog in catalogs() {
        let _ = catalog.validator();
    }
    for (_, event_type) in types() {
        let _ = event_type.validator();
    }
}

#[test]
fn types_are_found_by_name() {
    for (catalog, event_type) in types() {
        assert_eq!(catalog.event_type(event_type.name).unwrap().name, event_type.name);
    }
    assert!(catalog("unleash").unwrap().event_type("no-such-type").is_none());
    assert!(catalog("no-such-catalog").is_none());
}

/// Values that schemas, serde and clocks see differently.
fn values() -> Vec<Value> {
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
        json!("2024-10-03 11:09:53Z"),
        json!("2024-10-03T11:09:53"),
        json!("2024-10-03t11:09:60.123456789z"),
        json!("2024-10-03T11:09:53.1234567890Z"),
        json!("9999-12-31T23:59:59-23:59"),
        json!([]),
        json!([null]),
        json!(["text", 1]),
        json!([{}]),
        json!({}),
        json!({"type": null}),
        json!({"unknown": [1.0]}),
    ]
}

/// The pointers to all values inside `value`.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => return,
    };
    for (name, value) in children {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers(value, &at, all);
        all.push(at);
    }
}

/// Drops a value, or puts another in its place, or adds a field beside it.
fn mutate(event: &mut Value, which: Index, with: Index) {
    let mut all = Vec::new();
    pointers(event, "", &mut all);
    if all.is_empty() {
        return;
    }
    let at = which.get(&all);
    let values = values();
    let with = with.index(values.len() + 2);
    let (parent, name) = at.rsplit_once('/').unwrap();
    match (with.checked_sub(2), event.pointer_mut(parent)) {
        (Some(index), _) => *event.pointer_mut(at).unwrap() = values[index].clone(),
        (None, Some(Value::Object(fields))) if with == 0 => drop(fields.shift_remove(name)),
        (None, Some(Value::Object(fields))) => drop(fields.insert("unknown".to_owned(), json!([1, {"a": null}]))),
        (None, Some(Value::Array(items))) => drop(items.pop()),
        (None, _) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_the_validator_accepts_the_types_can_read(
        which in any::<Index>(),
        mutations in prop::collection::vec(any::<(Index, Index)>(), 1..4),
    ) {
        let samples: Vec<_> =
            types().flat_map(|(c, t)| t.examples.iter().map(move |example| (c, *example))).collect();
        let (catalog, example) = which.get(&samples);
        let mut event: Value = serde_json::from_str(example).unwrap();
        for (which, with) in mutations {
            mutate(&mut event, which, with);
        }
        let Ok(reading) = catalog.read(event.to_string().as_bytes(), later()) else { return Ok(()) };
        let written = round_trip(catalog)(&event);
        prop_assert!(written.is_ok(), "{event}: {written:?}");
        let written = written.unwrap();
        prop_assert!(same(&event, &written), "{event} became {written}");
        // Any event can be described, on one line.
        prop_assert!(!catalog.describe(&reading.fields, &event).summary.contains('\n'));
    }
}
