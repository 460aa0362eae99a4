//! Rules for keywords that hold one schema, for conditions, and for references.

use serde_json::{Map, Value, json};

use super::edit_recorder::{EditRecorder, display_optional};
use super::schema_pair::SchemaPair;
use crate::check::compare::edit::Effect;

/// Keywords that hold one schema, with the subject of their rules.
pub(super) const SINGLE_SCHEMA_KEYWORDS: [(&str, &str); 8] = [
    ("additionalProperties", "additional-properties"),
    ("unevaluatedProperties", "additional-properties"),
    ("propertyNames", "property-names"),
    ("items", "items"),
    ("unevaluatedItems", "items"),
    ("contains", "contains"),
    ("not", "not"),
    ("contentSchema", "content"),
];

/// Records a change of a keyword with one schema that at least one version omits or sets to a boolean,
/// and any change of `not`.
pub(super) fn record_single_schema(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, keyword: &str, subject: &str) {
    let (old, new) = pair.values(keyword);
    let open = json!(true);
    let (old_schema, new_schema) = (old.unwrap_or(&open), new.unwrap_or(&open));
    let is_same = pair.is_equivalent(keyword, old_schema, new_schema);
    if is_same || (is_open(old_schema) && is_open(new_schema)) {
        return;
    }
    let effect = match keyword {
        "not" if old.is_none() => Effect::Narrows,
        "not" if new.is_none() => Effect::Widens,
        "not" => Effect::Changes,
        _ if *new_schema == json!(false) || is_open(old_schema) => Effect::Narrows,
        _ => Effect::Widens,
    };
    let rule = match (subject, effect, new_schema) {
        ("additional-properties", Effect::Narrows, Value::Bool(false)) => "additional-properties-closed",
        ("additional-properties", Effect::Narrows, _) => "additional-properties-narrowed",
        ("additional-properties", Effect::Widens, _) if *old_schema == json!(false) => "additional-properties-opened",
        ("additional-properties", ..) => "additional-properties-widened",
        ("property-names", Effect::Narrows, _) => "property-names-narrowed",
        ("property-names", ..) => "property-names-widened",
        ("items", Effect::Narrows, _) => "items-narrowed",
        ("items", ..) => "items-widened",
        ("contains", Effect::Narrows, _) => "contains-added",
        ("contains", ..) => "contains-removed",
        ("not", Effect::Narrows, _) => "not-added",
        ("not", Effect::Widens, _) => "not-removed",
        ("not", ..) => "not-changed",
        _ => "content-changed",
    };
    let message = format!("`{keyword}` changed from {} to {}", display_optional(old), display_optional(new));
    recorder.record(pair, rule, &[keyword], effect, message).affects_unknown_fields =
        matches!(subject, "additional-properties" | "property-names");
}

/// Records changes of `if`, `then` and `else`.
pub(super) fn record_condition_changes(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    for keyword in ["if", "then", "else"] {
        let (old, new) = pair.values(keyword);
        let is_same = match (old, new) {
            (Some(old), Some(new)) => pair.is_equivalent(keyword, old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !is_same {
            let message = format!("`{keyword}` changed");
            recorder.record(pair, "condition-changed", &[keyword], Effect::Changes, message);
        }
    }
}

/// Records the addition or removal of a reference.
pub(super) fn record_reference_change(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (rule, effect, message) = match pair.values("$ref") {
        (None, Some(_)) => ("reference-added", Effect::Narrows, "a reference was added"),
        (Some(_), None) => ("reference-removed", Effect::Widens, "a reference was removed"),
        _ => return,
    };
    recorder.record(pair, rule, &["$ref"], effect, message.to_owned());
}

/// Returns whether a schema accepts every value.
fn is_open(schema: &Value) -> bool {
    *schema == json!(true) || schema.as_object().is_some_and(Map::is_empty)
}
