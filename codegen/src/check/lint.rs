//! Lint: rules that each schema must keep, on its own and with its samples.

use std::collections::BTreeMap;

use jsonschema::canonical::Satisfiability;
use serde_json::{Map, Value};

use super::finding::Finding;
use super::json_schema::canonicalize;
use super::report::Report;
use super::schema_unit::{SchemaUnit, schema_units};
use super::{example_rules, sample_check};
use crate::catalog::read_catalogs;
use crate::dialect::{Dialect, check_dialect, older_draft};
use crate::generator::generate_source;
use crate::json_pointer::child_pointer;
use crate::keyword::{MAP_KEYWORDS, is_library};
use crate::schema_files::SchemaFiles;

/// Checks every file. If `bounded` is true, all strings and arrays must have an upper bound.
pub(super) fn lint(files: &SchemaFiles, bounded: bool) -> Report {
    let mut report = Report::default();
    let schemas: Vec<_> = files.schemas().collect();
    report.files = schemas.len();
    for (path, schema) in &schemas {
        report.findings.extend(check_meta_schema(path, schema));
    }
    report.findings.extend(find_duplicate_ids(&schemas));
    if files.has_catalogs() {
        lint_catalogs(files, bounded, &mut report);
    } else {
        lint_plain_schemas(files, bounded, &mut report);
    }
    sample_check::find_orphans(files, &mut report);
    report
}

/// Applies the rules for catalogs.
fn lint_catalogs(files: &SchemaFiles, bounded: bool, report: &mut Report) {
    let catalogs = match read_catalogs(files) {
        Ok(catalogs) => catalogs,
        Err(problems) => return report.findings.extend(problems.0.into_iter().map(Finding::from)),
    };
    if let Err(problems) = generate_source(&catalogs) {
        report.findings.extend(problems.0.into_iter().map(Finding::from));
    }
    for catalog in &catalogs {
        let base = format!("{}/base.json", catalog.name);
        sample_check::check_samples(files, &base, &catalog.base, report);
        report.types += catalog.types.len();
        for event_type in &catalog.types {
            let path = event_type.path(catalog);
            sample_check::check_samples(files, &path, &event_type.schema, report);
            report.findings.extend(check_satisfiable(&path, &event_type.schema));
            report.findings.extend(example_rules::check_examples(
                &catalog.file,
                &path,
                &event_type.name,
                &event_type.examples,
            ));
        }
        if bounded || catalog.file.bounded {
            let folder = format!("{}/", catalog.name);
            for (path, schema) in files.schemas().filter(|(path, _)| path.starts_with(&folder)) {
                find_unbounded(path, schema, "", &mut report.findings);
            }
        }
    }
}

/// Applies the rules for plain JSON Schemas.
fn lint_plain_schemas(files: &SchemaFiles, bounded: bool, report: &mut Report) {
    for (path, schema) in files.schemas() {
        report.findings.extend(check_dialect(files, path, schema, Dialect::Plain).into_iter().map(Finding::from));
        let examples = schema.get("examples").and_then(Value::as_array).map_or(0, Vec::len);
        if examples == 0 && !is_library(schema) {
            let message = "add `examples`: a list of at least one instance";
            report.findings.push(Finding::error("examples", path, "", message));
        }
        if bounded {
            find_unbounded(path, schema, "", &mut report.findings);
        }
    }
    let units = schema_units(files).units;
    report.types = units.len();
    for SchemaUnit { path, schema, .. } in &units {
        sample_check::check_samples(files, path, schema, report);
        report.findings.extend(check_satisfiable(path, schema));
    }
}

/// Validates a schema against the meta-schema of its draft.
fn check_meta_schema(path: &str, schema: &Value) -> Vec<Finding> {
    // A schema of an older draft is reported as such. Judged by 2020-12, it would seem invalid.
    if schema.get("$schema").and_then(Value::as_str).and_then(older_draft).is_some() {
        return Vec::new();
    }
    let validator = jsonschema::draft202012::meta::validator();
    let finding = |error: jsonschema::ValidationError<'_>| {
        let message = format!("invalid JSON Schema: {}", sample_check::error_message(&error));
        Finding::error("meta-schema", path, error.instance_path().to_string(), message)
    };
    validator.iter_errors(schema).map(finding).collect()
}

/// Finds files that have the same `$id` as another file.
fn find_duplicate_ids(schemas: &[(&str, &Value)]) -> Vec<Finding> {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, schema) in schemas {
        let Some(id) = schema.get("$id").and_then(Value::as_str) else { continue };
        if let Some(first) = known.insert(id, path) {
            findings.push(Finding::error(
                "id",
                *path,
                "/$id",
                format!("{first} has the same `$id`: change one of the two"),
            ));
        }
    }
    findings
}

/// Checks that some value satisfies the schema.
fn check_satisfiable(path: &str, schema: &Value) -> Option<Finding> {
    (canonicalize(schema)?.satisfiability() == Satisfiability::No).then(|| {
        let message = "no value can satisfy this schema: look for bounds or types that contradict each other";
        Finding::error("unsatisfiable", path, "", message)
    })
}

/// Finds strings and arrays without an upper bound, in a schema and its subschemas.
fn find_unbounded(path: &str, schema: &Value, at: &str, findings: &mut Vec<Finding>) {
    let Value::Object(object) = schema else { return };
    let allows = |name: &str| match object.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(names)) => names.iter().any(|n| n == name),
        _ => false,
    };
    let has_any = |keywords: &[&str]| keywords.iter().any(|keyword| object.contains_key(*keyword));
    if allows("string") && !has_any(&["maxLength", "enum", "const", "format"]) {
        findings.push(Finding::error("unbounded", path, at, "add a maxLength to the string"));
    }
    if allows("array") && !has_any(&["maxItems", "enum", "const"]) {
        findings.push(Finding::error("unbounded", path, at, "add maxItems to the array"));
    }
    visit_subschemas(object, at, &mut |schema, at| find_unbounded(path, schema, &at, findings));
}

/// Calls `visit` with every direct subschema and its JSON Pointer.
fn visit_subschemas(schema: &Map<String, Value>, at: &str, visit: &mut dyn FnMut(&Value, String)) {
    for (keyword, value) in schema {
        let at = child_pointer(at, keyword);
        match (keyword.as_str(), value) {
            (key, Value::Object(named)) if MAP_KEYWORDS.contains(&key) => {
                named.iter().for_each(|(name, schema)| visit(schema, child_pointer(&at, name)));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                list.iter().enumerate().for_each(|(index, schema)| visit(schema, child_pointer(&at, index)));
            }
            ("additionalProperties" | "contains" | "items" | "propertyNames", schema) => visit(schema, at),
            _ => {}
        }
    }
}
