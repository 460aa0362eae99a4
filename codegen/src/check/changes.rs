//! What became of each event type since a baseline, and which of it a catalog does not allow.

use serde_json::Value;

use super::compare::{Compatibility, compare};
use super::finding::{Change, Finding, Severity, TypeChange};
use super::units::{Unit, units};
use crate::files::Files;
use crate::rules::{CatalogFile, Level};

/// Compares two versions of a folder. `level` goes before what the catalogs say.
pub(super) fn changes(old: &Files, new: &Files, level: Option<Level>) -> (Vec<TypeChange>, Vec<Finding>) {
    let (old_units, new_units) = (units(old), units(new));
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    for before in &old_units {
        let after = new_units.iter().find(|unit| unit.path == before.path);
        let found = match after {
            Some(after) => changed(before, after),
            None => vec![removed(before)],
        };
        let level = level.unwrap_or_else(|| level_of(new, &before.path));
        findings.extend(not_raised(before, after, &found));
        record(&before.name, found, level, &mut changes, &mut findings);
    }
    for unit in new_units.iter().filter(|unit| !old_units.iter().any(|old| old.path == unit.path)) {
        record(&unit.name, vec![added(unit)], Level::None, &mut changes, &mut findings);
    }
    changes.sort_by(|a, b| a.event_type.cmp(&b.event_type));
    (changes, findings)
}

/// Adds one type's changes, and a finding for each that is not allowed.
pub(super) fn record(
    name: &str,
    found: Vec<Change>,
    level: Level,
    changes: &mut Vec<TypeChange>,
    findings: &mut Vec<Finding>,
) {
    let Some(compatibility) = found.iter().map(|change| change.compatibility).reduce(Compatibility::and) else {
        return;
    };
    for change in &found {
        let backward = matches!(level, Level::Backward | Level::Full) && !change.compatibility.is_backward();
        let forward = matches!(level, Level::Forward | Level::Full) && !change.compatibility.is_forward();
        if !backward && !forward {
            continue;
        }
        let same = |finding: &&mut Finding| {
            finding.rule == change.rule
                && finding.file == change.file
                && finding.pointer == change.pointer
                && finding.message.starts_with(&change.message)
        };
        if let Some(known) = findings.iter_mut().find(same) {
            known.types.push(name.to_owned());
            continue;
        }
        let why = match (backward, forward) {
            (true, true) => "old and new schema refuse each other's events",
            (true, false) => "the new schema refuses events that the old one accepts",
            _ => "the old schema refuses events that the new one accepts",
        };
        let message = format!("{}: {why}", change.message);
        let mut finding = Finding::error(&change.rule, &change.file, &change.pointer, message);
        finding.types.push(name.to_owned());
        finding.compatibility = Some(change.compatibility);
        finding.example = if backward { change.refused_by_new.clone() } else { change.refused_by_old.clone() };
        if finding.example.is_none() {
            finding.message.push_str(" (by the rule: no example was found that shows it)");
        }
        findings.push(finding);
    }
    changes.push(TypeChange { event_type: name.to_owned(), compatibility, changes: found });
}

pub(super) fn changed(before: &Unit, after: &Unit) -> Vec<Change> {
    let changes = compare(&before.schema, &after.schema).into_iter().map(|change| {
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

fn removed(unit: &Unit) -> Change {
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

fn added(unit: &Unit) -> Change {
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

/// A version that should have been raised.
fn not_raised(before: &Unit, after: Option<&Unit>, found: &[Change]) -> Option<Finding> {
    let after = after?;
    let version = |unit: &Unit| unit.schema.get("x-version").and_then(Value::as_u64);
    let (old, new) = (version(before)?, version(after)?);
    let matters = found.iter().any(|change| change.compatibility != Compatibility::Full && change.file == after.path);
    (matters && new <= old).then(|| {
        let message = format!("events are accepted otherwise than before: raise x-version to {}", old + 1);
        let finding = Finding::error("version", &after.path, "/x-version", message);
        Finding { severity: Severity::Warning, ..finding }
    })
}

/// What the catalog of the file at `path` asks for.
fn level_of(files: &Files, path: &str) -> Level {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if folder.is_empty() { "catalog.json".to_owned() } else { format!("{folder}/catalog.json") };
    let catalog = files.get(&file).and_then(|json| CatalogFile::read(&file, json).ok());
    catalog.map(|catalog| catalog.compatibility).unwrap_or_default()
}
