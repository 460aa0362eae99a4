//! Changes of event types since a baseline, and findings for those that a catalog does not allow.

use serde_json::Value;

use super::catalog_changes;
use super::compare::{Compatibility, compare_schemas};
use super::finding::{Change, Finding, Severity, TypeChange};
use super::schema_unit::{SchemaUnit, schema_units};
use crate::catalog_file::{CatalogFile, CompatibilityLevel};
use crate::problem::Problem;
use crate::schema_files::SchemaFiles;

/// Name of the file with the schema that all events of a catalog must satisfy.
const BASE_FILE: &str = "base.json";

/// Compares two versions of a folder. `level` overrides the level of the catalogs.
pub(super) fn compare_folders(
    old: &SchemaFiles,
    new: &SchemaFiles,
    level: Option<CompatibilityLevel>,
) -> (Vec<TypeChange>, Vec<Finding>) {
    let (old_units, new_units) = (schema_units(old), schema_units(new));
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    for before in &old_units.units {
        let after = new_units.units.iter().find(|unit| unit.path == before.path);
        let found = match (after, new_units.unreadable.iter().find(|problem| problem.file == before.path)) {
            (Some(after), _) => compare_units(before, after),
            (None, Some(problem)) => vec![not_comparable("new", problem)],
            (None, None) => vec![type_removed(before, base_of(&new_units.units, &before.path))],
        };
        let level = level.unwrap_or_else(|| catalog_level(new, &before.path));
        findings.extend(version_not_raised(before, after, &found));
        record_changes(&before.name, found, level, &mut changes, &mut findings);
    }
    for problem in &old_units.unreadable {
        let level = level.unwrap_or_else(|| catalog_level(new, &problem.file));
        record_changes(&problem.file, vec![not_comparable("old", problem)], level, &mut changes, &mut findings);
    }
    let is_known = |path: &str| {
        old_units.units.iter().any(|old| old.path == path)
            || old_units.unreadable.iter().any(|problem| problem.file == path)
    };
    for unit in new_units.units.iter().filter(|unit| !is_known(&unit.path)) {
        let found = type_added(unit, base_of(&old_units.units, &unit.path), old);
        let level = level.unwrap_or_else(|| catalog_level(new, &unit.path));
        findings.extend(added_type_narrows(&unit.name, &found, level));
        record_changes(&unit.name, vec![found], CompatibilityLevel::None, &mut changes, &mut findings);
    }
    for (name, found) in catalog_changes::compare_catalogs(old, new, &mut findings) {
        let level = level.unwrap_or_else(|| catalog_level(new, &format!("{name}.json")));
        record_changes(&name, found, level, &mut changes, &mut findings);
    }
    changes.sort_by(|a, b| a.event_type.cmp(&b.event_type));
    (changes, findings)
}

/// Records the changes of one type, and a finding for each change that `level` does not allow.
pub(super) fn record_changes(
    name: &str,
    found: Vec<Change>,
    level: CompatibilityLevel,
    changes: &mut Vec<TypeChange>,
    findings: &mut Vec<Finding>,
) {
    let Some(compatibility) = found.iter().map(|change| change.compatibility).reduce(Compatibility::and) else {
        return;
    };
    for change in &found {
        let breaks_backward = matches!(level, CompatibilityLevel::Backward | CompatibilityLevel::Full)
            && !change.compatibility.is_backward();
        let breaks_forward = matches!(level, CompatibilityLevel::Forward | CompatibilityLevel::Full)
            && !change.compatibility.is_forward();
        if !breaks_backward && !breaks_forward {
            continue;
        }
        let is_same = |finding: &&mut Finding| {
            finding.rule == change.rule
                && finding.file == change.file
                && finding.pointer == change.pointer
                && finding.message.starts_with(&change.message)
        };
        if let Some(known) = findings.iter_mut().find(is_same) {
            if !known.types.iter().any(|known| known == name) {
                known.types.push(name.to_owned());
            }
            continue;
        }
        let reason = match (breaks_backward, breaks_forward) {
            (true, true) => "the old and the new schema reject each other's events",
            (true, false) => "the new schema rejects events that the old one accepts",
            _ => "the old schema rejects events that the new one accepts",
        };
        let message = format!("{}: {reason}", change.message);
        let mut finding = Finding::error(&change.rule, &change.file, &change.pointer, message);
        finding.types.push(name.to_owned());
        finding.compatibility = Some(change.compatibility);
        finding.example = if breaks_backward { change.refused_by_new.clone() } else { change.refused_by_old.clone() };
        if finding.example.is_none() {
            finding.message.push_str(" (according to the rule; no example was found)");
        }
        findings.push(finding);
    }
    changes.push(TypeChange { event_type: name.to_owned(), compatibility, changes: found });
}

/// Compares two versions of a schema.
pub(super) fn compare_units(before: &SchemaUnit, after: &SchemaUnit) -> Vec<Change> {
    let changes = compare_schemas(&before.schema, &after.schema).into_iter().map(|change| {
        let (file, pointer) =
            if change.in_new { after.origin(&change.pointer) } else { before.origin(&change.pointer) };
        Change {
            rule: change.rule.to_owned(),
            compatibility: change.compatibility,
            file,
            pointer,
            message: change.message,
            refused_by_new: change.refused_by_new,
            refused_by_old: change.refused_by_old,
        }
    });
    changes.collect()
}

/// Returns the base of the catalog that contains the type at `path`: it decides on events of types
/// without a schema.
fn base_of<'u>(units: &'u [SchemaUnit], path: &str) -> Option<&'u SchemaUnit> {
    let (folder, file) = path.rsplit_once('/')?;
    let base = format!("{folder}/{BASE_FILE}");
    units.iter().find(|unit| unit.path == base && file != BASE_FILE)
}

fn type_removed(unit: &SchemaUnit, base: Option<&SchemaUnit>) -> Change {
    let message = format!("the schema of {} was removed", unit.name);
    match base {
        // From now on, the base decides on the events of the type.
        Some(base) => summarize("type-removed", unit, message, &compare_units(unit, base)),
        None => Change {
            refused_by_new: unit.schema.get("examples").and_then(|examples| examples.get(0)).cloned(),
            ..whole_unit("type-removed", unit, message, Compatibility::Breaking)
        },
    }
}

fn type_added(unit: &SchemaUnit, base: Option<&SchemaUnit>, old: &SchemaFiles) -> Change {
    let message = format!("the schema of {} was added", unit.name);
    match base {
        // Until now, the base decided on the events of the type.
        Some(base) => {
            let mut before = base.clone();
            before.schema = catalog_changes::events_of_type(&base.schema, old, &unit.path, &unit.schema);
            summarize("type-added", unit, message, &compare_units(&before, unit))
        }
        None => whole_unit("type-added", unit, message, Compatibility::Full),
    }
}

fn whole_unit(rule: &str, unit: &SchemaUnit, message: String, compatibility: Compatibility) -> Change {
    Change {
        rule: rule.to_owned(),
        compatibility,
        file: unit.path.clone(),
        pointer: String::new(),
        message,
        refused_by_new: None,
        refused_by_old: None,
    }
}

/// Returns one change for the whole unit, with the compatibility of all of `changes`.
fn summarize(rule: &str, unit: &SchemaUnit, message: String, changes: &[Change]) -> Change {
    let compatibility = changes.iter().fold(Compatibility::Full, |all, change| all.and(change.compatibility));
    Change {
        refused_by_new: changes.iter().find_map(|change| change.refused_by_new.clone()),
        refused_by_old: changes.iter().find_map(|change| change.refused_by_old.clone()),
        ..whole_unit(rule, unit, message, compatibility)
    }
}

/// Returns the change for a version that cannot be read.
fn not_comparable(version: &str, problem: &Problem) -> Change {
    Change {
        rule: "not-understood".to_owned(),
        compatibility: Compatibility::Breaking,
        file: problem.file.clone(),
        pointer: String::new(),
        message: format!("the {version} version cannot be compared: {}", problem.message),
        refused_by_new: None,
        refused_by_old: None,
    }
}

/// Returns a warning if a new type rejects events that the base accepted before.
fn added_type_narrows(name: &str, change: &Change, level: CompatibilityLevel) -> Option<Finding> {
    let needs_backward = matches!(level, CompatibilityLevel::Backward | CompatibilityLevel::Full);
    (needs_backward && !change.compatibility.is_backward()).then(|| {
        let message = format!(
            "{}: it rejects events that {BASE_FILE} alone accepted; check that no producer sends such events",
            change.message
        );
        let finding = Finding::error(&change.rule, &change.file, "", message);
        Finding {
            severity: Severity::Warning,
            types: vec![name.to_owned()],
            compatibility: Some(change.compatibility),
            example: change.refused_by_new.clone(),
            ..finding
        }
    })
}

/// Returns a warning if the schema's `x-version` should have been raised.
fn version_not_raised(before: &SchemaUnit, after: Option<&SchemaUnit>, found: &[Change]) -> Option<Finding> {
    let after = after?;
    let version = |unit: &SchemaUnit| unit.schema.get("x-version").and_then(Value::as_u64);
    let (old, new) = (version(before)?, version(after)?);
    let has_effect =
        found.iter().any(|change| change.compatibility != Compatibility::Full && change.file == after.path);
    (has_effect && new <= old).then(|| {
        let message = format!("the set of accepted events has changed: raise x-version to {}", old + 1);
        let finding = Finding::error("version", &after.path, "/x-version", message);
        Finding { severity: Severity::Warning, ..finding }
    })
}

/// Returns the compatibility level of the catalog that contains the file at `path`.
fn catalog_level(files: &SchemaFiles, path: &str) -> CompatibilityLevel {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if folder.is_empty() { "catalog.json".to_owned() } else { format!("{folder}/catalog.json") };
    let catalog = files.get(&file).and_then(|json| CatalogFile::read(&file, json).ok());
    catalog.map(|catalog| catalog.compatibility).unwrap_or_default()
}
