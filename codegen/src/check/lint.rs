//! Whether schemas are well made: each by itself, and with its samples.

use std::collections::BTreeMap;

use jsonschema::canonical::Satisfiability;
use serde_json::{Map, Value};

use super::finding::{Finding, Report};
use super::units::{Unit, is_library, units};
use super::{canonical, samples};
use crate::catalog::{Catalog, catalogs};
use crate::dialect::{self, Dialect};
use crate::files::Files;
use crate::problem::step;
use crate::rules::Place;

/// Checks every file; with `bounded`, also that strings and arrays have an upper bound.
pub(super) fn lint(files: &Files, bounded: bool) -> Report {
    let mut report = Report::default();
    let schemas: Vec<_> = files.schemas().collect();
    report.files = schemas.len();
    for (path, schema) in &schemas {
        report.findings.extend(against_meta_schema(path, schema));
    }
    report.findings.extend(repeated_ids(&schemas));
    if files.has_catalogs() {
        of_catalogs(files, bounded, &mut report);
    } else {
        of_any(files, bounded, &mut report);
    }
    samples::orphans(files, &mut report);
    report
}

/// What is held to the rules for Rust types.
fn of_catalogs(files: &Files, bounded: bool, report: &mut Report) {
    let catalogs = match catalogs(files) {
        Ok(catalogs) => catalogs,
        Err(problems) => return report.findings.extend(problems.0.into_iter().map(Finding::from)),
    };
    if let Err(problems) = crate::source(&catalogs) {
        report.findings.extend(problems.0.into_iter().map(Finding::from));
    }
    for catalog in &catalogs {
        let base = format!("{}/base.json", catalog.name);
        samples::check(files, &base, &catalog.base, report);
        report.types += catalog.types.len();
        for event_type in &catalog.types {
            let path = event_type.path(catalog);
            samples::check(files, &path, &event_type.schema, report);
            report.findings.extend(unsatisfiable(&path, &event_type.schema));
            report.findings.extend(misnamed_examples(catalog, &path, &event_type.name, &event_type.examples));
        }
        if bounded || catalog.file.bounded {
            let folder = format!("{}/", catalog.name);
            for (path, schema) in files.schemas().filter(|(path, _)| path.starts_with(&folder)) {
                unbounded(path, schema, "", &mut report.findings);
            }
        }
    }
}

/// What may be any JSON Schema.
fn of_any(files: &Files, bounded: bool, report: &mut Report) {
    for (path, schema) in files.schemas() {
        report.findings.extend(dialect::check(files, path, schema, Dialect::Any).into_iter().map(Finding::from));
        let examples = schema.get("examples").and_then(Value::as_array).map_or(0, Vec::len);
        if examples == 0 && !is_library(schema) {
            let message = "give it `examples`: a list with at least one instance";
            report.findings.push(Finding::error("examples", path, "", message));
        }
        if bounded {
            unbounded(path, schema, "", &mut report.findings);
        }
    }
    let units = units(files);
    report.types = units.len();
    for Unit { path, schema, .. } in &units {
        samples::check(files, path, schema, report);
        report.findings.extend(unsatisfiable(path, schema));
    }
}

/// What the meta-schema of the draft says.
fn against_meta_schema(path: &str, schema: &Value) -> Vec<Finding> {
    let errors = jsonschema::draft202012::meta::validator();
    let errors = errors.iter_errors(schema);
    let finding = |error: jsonschema::ValidationError<'_>| {
        let message = format!("no valid JSON Schema: {}", samples::said(&error));
        Finding::error("meta-schema", path, error.instance_path().to_string(), message)
    };
    errors.map(finding).collect()
}

/// Two files with one `$id`.
fn repeated_ids(schemas: &[(&str, &Value)]) -> Vec<Finding> {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, schema) in schemas {
        let Some(id) = schema.get("$id").and_then(Value::as_str) else { continue };
        if let Some(first) = known.insert(id, path) {
            findings.push(Finding::error("id", *path, "/$id", format!("{first} has this `$id` too: change one")));
        }
    }
    findings
}

/// A schema that no value satisfies.
fn unsatisfiable(path: &str, schema: &Value) -> Option<Finding> {
    (canonical(schema)?.satisfiability() == Satisfiability::No).then(|| {
        let message = "no value can satisfy this schema: look for bounds or types that contradict each other";
        Finding::error("unsatisfiable", path, "", message)
    })
}

/// Examples that the catalog would take for another type's.
fn misnamed_examples(catalog: &Catalog, path: &str, name: &str, examples: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, example) in examples.iter().enumerate() {
        let places = catalog.file.event_type.iter();
        let whole = |place: &Place| matches!(place, Place::Whole(_));
        if !places.clone().all(whole) {
            continue;
        }
        let found = places.filter_map(|place| example.pointer(place.at())).find_map(Value::as_str);
        let found = found.or(catalog.file.untyped.as_deref());
        if found != Some(name) {
            let message = format!("this event is of the type {}, by catalog.json", found.unwrap_or("(none)"));
            findings.push(Finding::error("example-type", path, step("/examples", index), message));
        }
    }
    findings
}

/// Strings and arrays without an upper bound, in a schema and all in it.
fn unbounded(path: &str, schema: &Value, at: &str, findings: &mut Vec<Finding>) {
    let Value::Object(object) = schema else { return };
    let allows = |name: &str| match object.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(names)) => names.iter().any(|n| n == name),
        _ => false,
    };
    let says = |keywords: &[&str]| keywords.iter().any(|keyword| object.contains_key(*keyword));
    if allows("string") && !says(&["maxLength", "enum", "const", "format"]) {
        findings.push(Finding::error("unbounded", path, at, "bound the string: give it a maxLength"));
    }
    if allows("array") && !says(&["maxItems", "enum", "const"]) {
        findings.push(Finding::error("unbounded", path, at, "bound the array: give it maxItems"));
    }
    inner(object, at, &mut |schema, at| unbounded(path, schema, &at, findings));
}

/// Calls `each` with every schema that stands directly in another.
fn inner(schema: &Map<String, Value>, at: &str, each: &mut dyn FnMut(&Value, String)) {
    for (keyword, value) in schema {
        let at = step(at, keyword);
        match (keyword.as_str(), value) {
            (key, Value::Object(named)) if dialect::NAMED.contains(&key) => {
                named.iter().for_each(|(name, schema)| each(schema, step(&at, name)));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                list.iter().enumerate().for_each(|(index, schema)| each(schema, step(&at, index)));
            }
            ("additionalProperties" | "contains" | "items" | "propertyNames", schema) => each(schema, at),
            _ => {}
        }
    }
}
