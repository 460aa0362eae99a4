//! Rules for keywords that hold no schemas: types, enums, bounds, patterns and formats.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::edit_recorder::{EditRecorder, display, display_optional};
use super::schema_pair::SchemaPair;
use crate::check::compare::edit::{Effect, KnownValues};
use crate::check::compare::pattern_inclusion::{Inclusion, pattern_inclusion};
use crate::check::compare::value_implication::{WIDER_FORMATS, compare_numbers};

/// Bounds that accept fewer values the higher they are.
const LOWER_BOUNDS: [&str; 6] =
    ["exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"];
/// Bounds that accept fewer values the lower they are.
const UPPER_BOUNDS: [&str; 6] =
    ["exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"];
/// Types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
/// Names of the rules for the addition, removal and change of a keyword.
type RuleNames = [&'static str; 3];

/// Compares the keywords that hold no schemas.
pub(super) fn compare_values(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    compare_types(recorder, pair);
    compare_enum(recorder, pair);
    compare_opaque(recorder, pair, "const", ["const-added", "const-removed", "const-changed"]);
    compare_pattern(recorder, pair);
    compare_format(recorder, pair);
    for keyword in LOWER_BOUNDS {
        compare_bound(recorder, pair, keyword, Ordering::Greater);
    }
    for keyword in UPPER_BOUNDS {
        compare_bound(recorder, pair, keyword, Ordering::Less);
    }
    compare_multiple_of(recorder, pair);
    compare_unique_items(recorder, pair);
    for (keyword, rules) in [
        ("dependentRequired", ["dependency-added", "dependency-removed", "dependency-changed"]),
        ("dependentSchemas", ["dependency-added", "dependency-removed", "dependency-changed"]),
        ("contentEncoding", ["content-changed"; 3]),
        ("contentMediaType", ["content-changed"; 3]),
    ] {
        compare_opaque(recorder, pair, keyword, rules);
    }
    let (old_default, new_default) = pair.values("default");
    if old_default != new_default {
        recorder.record(pair, "default-changed", &["default"], Effect::Keeps, "`default` changed".to_owned());
    }
}

/// Returns the types that a value of `type` allows; `number` also allows `integer`.
fn allowed_types(value: Option<&Value>) -> Vec<&'static str> {
    let Some(value) = value else { return TYPES.to_vec() };
    let is_named = |name: &str| *value == name || value.as_array().is_some_and(|names| names.iter().any(|n| n == name));
    TYPES.into_iter().filter(|name| is_named(name) || (*name == "integer" && is_named("number"))).collect()
}

fn compare_types(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (old, new) = pair.values("type");
    let (old_types, new_types) = (allowed_types(old), allowed_types(new));
    let has_lost = old_types.iter().any(|name| !new_types.contains(name));
    let has_gained = new_types.iter().any(|name| !old_types.contains(name));
    let (rule, effect) = match (has_lost, has_gained) {
        (false, false) => return,
        (true, false) => ("type-narrowed", Effect::Narrows),
        (false, true) => ("type-widened", Effect::Widens),
        (true, true) => ("type-changed", Effect::Changes),
    };
    let name = |value: Option<&Value>| value.map_or_else(|| "any".to_owned(), display);
    let message = format!("the type changed from {} to {}", name(old), name(new));
    recorder.record(pair, rule, &["type"], effect, message);
}

fn compare_enum(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (old, new) = pair.values("enum");
    match (old.and_then(Value::as_array), new.and_then(Value::as_array)) {
        (Some(old), Some(new)) => {
            let removed: Vec<_> = old.iter().filter(|value| !new.contains(value)).cloned().collect();
            let added: Vec<_> = new.iter().filter(|value| !old.contains(value)).cloned().collect();
            if !removed.is_empty() {
                let rest: Value = old.iter().filter(|value| new.contains(value)).cloned().collect();
                let message = format!("no longer allowed: {}", display_list(&removed));
                recorder.record_value(pair, "enum-value-removed", "enum", Effect::Narrows, message, rest);
            }
            if !added.is_empty() {
                let message = format!("newly allowed: {}", display_list(&added));
                let all: Value = old.iter().cloned().chain(added).collect();
                recorder.record_value(pair, "enum-value-added", "enum", Effect::Widens, message, all);
            }
        }
        (None, Some(new)) => {
            let message = format!("only these values are allowed: {}", display_list(new));
            recorder.record(pair, "enum-added", &["enum"], Effect::Narrows, message);
        }
        (Some(old), None) => {
            let message = format!("values are no longer limited to {}", display_list(old));
            recorder.record(pair, "enum-removed", &["enum"], Effect::Widens, message);
        }
        (None, None) => {}
    }
}

fn display_list(values: &[Value]) -> String {
    values.iter().map(display).collect::<Vec<_>>().join(", ")
}

fn compare_pattern(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (old, new) = pair.values("pattern");
    let (Some(old), Some(new)) = (old.and_then(Value::as_str), new.and_then(Value::as_str)) else {
        return compare_opaque(recorder, pair, "pattern", ["pattern-added", "pattern-removed", "pattern-changed"]);
    };
    if old == new {
        return;
    }
    let (backward, forward) = (pattern_inclusion(new, old), pattern_inclusion(old, new));
    let (rule, effect) = match (&backward, &forward) {
        (Inclusion::Yes, Inclusion::Yes) => ("pattern-rewritten", Effect::Keeps),
        (Inclusion::Yes, _) => ("pattern-widened", Effect::Widens),
        (_, Inclusion::Yes) => ("pattern-narrowed", Effect::Narrows),
        _ => ("pattern-changed", Effect::Changes),
    };
    let counterexample = |inclusion| match inclusion {
        Inclusion::No(text) => Some(Value::String(text)),
        Inclusion::Yes | Inclusion::Unknown => None,
    };
    let (lost, gained) = (counterexample(backward), counterexample(forward));
    let lost_text = lost.as_ref().map(|text| format!("; {} no longer matches", display(text))).unwrap_or_default();
    let message = format!("`pattern` changed from {old} to {new}{lost_text}");
    recorder.record(pair, rule, &["pattern"], effect, message).known_values = KnownValues {
        lost: lost.map(|text| (pair.at_old.clone(), text)),
        gained: gained.map(|text| (pair.at_new.clone(), text)),
    };
}

fn compare_format(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (old, new) = pair.values("format");
    if let (Some(old), Some(new)) = (old.and_then(Value::as_str), new.and_then(Value::as_str)) {
        let (rule, effect) = if WIDER_FORMATS.contains(&(old, new)) {
            ("format-widened", Effect::Widens)
        } else if WIDER_FORMATS.contains(&(new, old)) {
            ("format-narrowed", Effect::Narrows)
        } else {
            return compare_opaque(recorder, pair, "format", ["format-added", "format-removed", "format-changed"]);
        };
        recorder.record(pair, rule, &["format"], effect, format!("`format` changed from {old} to {new}"));
        return;
    }
    compare_opaque(recorder, pair, "format", ["format-added", "format-removed", "format-changed"]);
}

/// Compares a keyword whose values are only equal or different.
fn compare_opaque(
    recorder: &mut EditRecorder,
    pair: &SchemaPair<'_>,
    keyword: &str,
    [added, removed, changed]: RuleNames,
) {
    let (rule, effect, message) = match pair.values(keyword) {
        (None, Some(new)) => (added, Effect::Narrows, format!("`{keyword}` was added: {}", display(new))),
        (Some(old), None) => (removed, Effect::Widens, format!("`{keyword}` was removed: {}", display(old))),
        (Some(old), Some(new)) if !pair.is_equivalent(keyword, old, new) => {
            (changed, Effect::Changes, format!("`{keyword}` changed from {} to {}", display(old), display(new)))
        }
        _ => return,
    };
    recorder.record(pair, rule, &[keyword], effect, message);
}

/// Compares a bound. `tighter` is the order of a tighter bound relative to a looser one.
fn compare_bound(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, keyword: &str, tighter: Ordering) {
    let (rule, effect) = match pair.values(keyword) {
        (None, None) => return,
        (None, Some(_)) => ("bound-tightened", Effect::Narrows),
        (Some(_), None) => ("bound-loosened", Effect::Widens),
        (Some(old), Some(new)) => match compare_numbers(new, old) {
            Some(Ordering::Equal) => return,
            Some(order) if order == tighter => ("bound-tightened", Effect::Narrows),
            Some(_) => ("bound-loosened", Effect::Widens),
            None if old == new => return,
            None => ("bound-changed", Effect::Changes),
        },
    };
    record_number(recorder, pair, rule, keyword, effect);
}

fn compare_multiple_of(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let divides = |factor: f64, number: f64| (number / factor).fract() == 0.0;
    let (rule, effect) = match numbers(pair, "multipleOf") {
        (None, None) => return,
        (None, Some(_)) => ("bound-tightened", Effect::Narrows),
        (Some(_), None) => ("bound-loosened", Effect::Widens),
        (Some(old), Some(new)) if divides(old, new) && divides(new, old) => return,
        (Some(old), Some(new)) if divides(old, new) => ("bound-tightened", Effect::Narrows),
        (Some(old), Some(new)) if divides(new, old) => ("bound-loosened", Effect::Widens),
        _ => ("multiple-of-changed", Effect::Changes),
    };
    record_number(recorder, pair, rule, "multipleOf", effect);
}

fn numbers(pair: &SchemaPair<'_>, keyword: &str) -> (Option<f64>, Option<f64>) {
    let (old, new) = pair.values(keyword);
    (old.and_then(Value::as_f64), new.and_then(Value::as_f64))
}

fn record_number(
    recorder: &mut EditRecorder,
    pair: &SchemaPair<'_>,
    rule: &'static str,
    keyword: &str,
    effect: Effect,
) {
    let (old, new) = pair.values(keyword);
    let message = format!("`{keyword}` changed from {} to {}", display_optional(old), display_optional(new));
    recorder.record(pair, rule, &[keyword], effect, message);
}

fn compare_unique_items(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let is_unique = |value: Option<&Value>| value == Some(&json!(true));
    let (old, new) = pair.values("uniqueItems");
    let (rule, effect, message) = match (is_unique(old), is_unique(new)) {
        (false, true) => ("unique-items-added", Effect::Narrows, "items must now be unique"),
        (true, false) => ("unique-items-removed", Effect::Widens, "items no longer need to be unique"),
        _ => return,
    };
    recorder.record(pair, rule, &["uniqueItems"], effect, message.to_owned());
}
