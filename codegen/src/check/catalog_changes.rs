//! Changes of `catalog.json`: of the rules that decide how events are read.

use serde_json::{Value, json};

use super::compare::Compatibility;
use super::finding::{Change, Finding, Severity};
use crate::catalog_file::{CatalogFile, CompatibilityLevel, FieldPath};
use crate::json_pointer::{child_pointer, unescape_token};
use crate::schema_files::SchemaFiles;

/// Rules that decide whether an event is accepted, which type it has, and whether it is a duplicate.
const DECIDING_RULES: [&str; 5] = ["producer_id", "scope", "time", "type", "untyped"];
/// Rules that only name a property of the event.
const NAMING_RULES: [&str; 6] = ["actor", "entities", "environment", "level", "project", "subject"];

/// Returns the changes of every catalog file that both versions have, by name. Adds a warning for each
/// catalog that now demands less compatibility.
pub(super) fn compare_catalogs(
    old: &SchemaFiles,
    new: &SchemaFiles,
    findings: &mut Vec<Finding>,
) -> Vec<(String, Vec<Change>)> {
    let mut all = Vec::new();
    for path in new.catalog_files() {
        let (Some(before), Some(after)) = (old.get(path), new.get(path)) else { continue };
        if let (Ok(before), Ok(after)) = (CatalogFile::read(path, before), CatalogFile::read(path, after)) {
            findings.extend(level_lowered(path, before.compatibility, after.compatibility));
        }
        let rules = DECIDING_RULES.iter().chain(&NAMING_RULES);
        let changes: Vec<_> = rules.filter_map(|rule| compare_rule(path, rule, before, after)).collect();
        if !changes.is_empty() {
            all.push((path.trim_end_matches(".json").to_owned(), changes));
        }
    }
    all
}

fn compare_rule(path: &str, rule: &str, before: &Value, after: &Value) -> Option<Change> {
    let (old, new) = (before.get(rule), after.get(rule));
    // A rule that is not set is the same as an empty one.
    let is_empty = |value: Option<&Value>| value.is_none_or(|value| *value == json!([]));
    if old == new || (is_empty(old) && is_empty(new)) {
        return None;
    }
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_extended = list(new).starts_with(&list(old));
    let compatibility = match rule {
        // Events that were rejected are accepted.
        "untyped" if is_empty(old) => Compatibility::Backward,
        rule if NAMING_RULES.contains(&rule) && is_extended => Compatibility::Full,
        _ => Compatibility::Breaking,
    };
    let text = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), Value::to_string);
    Some(Change {
        rule: "catalog-rule-changed".to_owned(),
        compatibility,
        file: path.to_owned(),
        pointer: child_pointer("", rule),
        message: format!("the rule `{rule}` of the catalog changed from {} to {}", text(old), text(new)),
        refused_by_new: None,
        refused_by_old: None,
    })
}

/// Returns a warning if changes of the catalog must now keep less than before.
fn level_lowered(path: &str, old: CompatibilityLevel, new: CompatibilityLevel) -> Option<Finding> {
    let demands = |level| match level {
        CompatibilityLevel::Full => (true, true),
        CompatibilityLevel::Backward => (true, false),
        CompatibilityLevel::Forward => (false, true),
        CompatibilityLevel::None => (false, false),
    };
    let ((old_backward, old_forward), (new_backward, new_forward)) = (demands(old), demands(new));
    ((old_backward && !new_backward) || (old_forward && !new_forward)).then(|| {
        let message = "the catalog demands less compatibility than before, and this check uses the new level";
        let finding = Finding::error("compatibility-lowered", path, "/compatibility", message);
        Finding { severity: Severity::Warning, ..finding }
    })
}

/// Returns the schema of the events that `base` accepts and that have the type of `schema`, the file at
/// `path`, according to the catalog of `files`.
pub(super) fn events_of_type(base: &Value, files: &SchemaFiles, path: &str, schema: &Value) -> Value {
    let (folder, file) = path.rsplit_once('/').unwrap_or_default();
    let file_stem = file.trim_end_matches(".json");
    let name = schema.get("x-type").and_then(Value::as_str).unwrap_or(file_stem);
    let catalog_path = format!("{folder}/catalog.json");
    let catalog = files.get(&catalog_path).and_then(|json| CatalogFile::read(&catalog_path, json).ok());
    let paths: Option<Vec<Value>> = catalog
        .filter(|catalog| catalog.untyped.as_deref() != Some(name))
        .and_then(|catalog| catalog.event_type.iter().map(|path| constant_at(path, name)).collect());
    let mut schema = base.clone();
    let condition = match paths.unwrap_or_default().as_slice() {
        // Any event may have the type.
        [] => return schema,
        [only] => only.clone(),
        several => json!({ "anyOf": several }),
    };
    if let Some(schema) = schema.as_object_mut()
        && let Value::Array(all) = schema.entry("allOf").or_insert_with(|| json!([]))
    {
        all.push(condition);
    }
    schema
}

/// Returns the schema of the values that have `constant` at `path`, or `None` if it is only a part of the
/// value there.
fn constant_at(path: &FieldPath, constant: &str) -> Option<Value> {
    let FieldPath::Whole(pointer) = path else { return None };
    let tokens: Vec<_> = pointer.split('/').skip(1).map(unescape_token).collect();
    let object =
        |inner: Value, name: &String| json!({"type": "object", "required": [name], "properties": {name: inner}});
    Some(tokens.iter().rev().fold(json!({ "const": constant }), object))
}
