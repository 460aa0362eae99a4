//! Tests of every schema: samples against validators, and validators against Rust types.
//!
//! The tests discover catalogs, types and samples, so a new one needs no additional test. They read the folder from which
//! the types were generated, `TIDINGS_SCHEMAS`. `codegen check --round-trip` runs only these tests, for any folder.

mod conformity;

use std::path::PathBuf;
use std::{fs, iter};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{Catalog, EventType, ROUND_TRIPS, RoundTrip, catalog, catalogs};

/// The folder of schemas.
fn schemas() -> PathBuf {
    env!("TIDINGS_SCHEMAS").into()
}

/// A time of receipt that is later than the times of all samples.
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
            let extracted = catalog.extract(example.as_bytes(), later()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(extracted.fields.event_type, name);
            assert_eq!(extracted.fields.schema_version, Some(event_type.version));

            let payload = serde_json::from_str(example).unwrap();
            let description = catalog.describe(&extracted.fields, &payload);
            assert_eq!(description.label, event_type.label);
            assert!(
                event_type.summary.is_empty()
                    || !description.summary.contains(&format!("triggered **{}**", name.replace('_', r"\_"))),
                "{name}: the template lacks a value: {}",
                description.summary
            );
        }
    }
}

#[test]
fn every_example_round_trips_through_its_rust_type() {
    for (catalog, event_type) in types() {
        for example in event_type.examples {
            let payload: Value = serde_json::from_str(example).unwrap();
            let written = round_trip(catalog)(&payload).unwrap_or_else(|e| panic!("{e}"));
            assert!(same(&payload, &written), "{}: {payload} became {written}", event_type.name);
        }
    }
}

/// Returns whether two values are equal as JSON, in which `1.0` equals `1`.
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
struct RejectedSample {
    event: Value,
    pointer: String,
    keyword: String,
}

#[test]
fn every_invalid_sample_is_rejected_for_the_stated_reason() {
    for catalog in catalogs() {
        for entry in fs::read_dir(schemas().join(catalog.name())).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".refused.json") {
                continue;
            }
            let samples: Vec<RejectedSample> = serde_json::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            for (index, sample) in samples.iter().enumerate() {
                let name = format!("{} sample {index}", path.display());
                let Err(rejection) = catalog.extract(sample.event.to_string().as_bytes(), later()) else {
                    panic!("{name} is accepted");
                };
                let stated = |v: &&crate::Violation| v.pointer == sample.pointer && v.keyword == sample.keyword;
                assert!(rejection.violations.iter().any(|v| stated(&v)), "{name}: {rejection:?}");
            }
        }
    }
}

#[test]
fn every_validator_can_be_built() {
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
        assert!(catalog.event_type("no-such-type").is_none());
    }
    assert!(catalog("no-such-catalog").is_none());
}
