//! Changes of event types since a baseline, and findings for those that a catalog does not allow.

use serde_json::Value;

use super::compare::{Compatibility, compare_schemas};
use super::finding::{Change, Finding, Severity, TypeChange};
use super::schema_unit::{SchemaUnit, schema_units};
use crate::catalog_file::{CatalogFile, CompatibilityLevel};
use crate::schema_files::SchemaFiles;

/// Compares two versions of a folder. `level` overrides the level of the catalogs.
pub(super) fn compare_folders(
    old: &SchemaFiles,
    new: &SchemaFiles,
    level: Option<CompatibilityLevel>,
) -> (Vec<TypeChange>, Vec<Finding>) {
    let (old_units, new_units) = (schema_units(old), schema_units(new));
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    for before in &old_units {
        let after = new_units.iter().find(|unit| unit.path == before.path);
        let found = match after {
            Some(after) => compare_units(before, after),
            None => vec![type_removed(before)],
        };
        let level = level.unwrap_or_else(|| catalog_level(new, &before.path));
        findings.extend(version_not_raised(before, after, &found));
        record_changes(&before.name, found, level, &mut changes, &mut findings);
    }
    for unit in new_units.iter().filter(|unit| !old_units.iter().any(|old| old.path == unit.path)) {
        record_changes(&unit.name, vec![type_added(unit)], CompatibilityLevel::None, &mut changes, &mut findings);
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
            known.types.push(name.to_owned());
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

fn type_removed(unit: &SchemaUnit) -> Change {
    Change {
        rule: "type-removed".to_owned(),
        compatibility: Compatibility::Breaking,
        file: unit.path.clone(),
        pointer: String::new(),
        message: format!("the schema of {} was removed", unit.name),
        refused_by_new: unit.schema.get("examples").and_then(|examples| examples.get(0)).cloned(),
        refused_by_old: None,
    }
}

fn type_added(unit: &SchemaUnit) -> Change {
    Change {
        rule: "type-added".to_owned(),
        compatibility: Compatibility::Full,
        file: unit.path.clone(),
        pointer: String::new(),
        message: format!("the schema of {} was added", unit.name),
        refused_by_new: None,
        refused_by_old: None,
    }
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
