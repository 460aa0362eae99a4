//! Keywords that hold no schemas: types, words, bounds, patterns, formats.

use serde_json::{Value, json};

use super::diff::{Diff, Pair, shown};
use super::edit::{Effect, Known};
use super::patterns::{Inclusion, includes};

/// Bounds that accept less the higher they are.
const LOWER: [&str; 6] = ["exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"];
/// Bounds that accept less the lower they are.
const UPPER: [&str; 6] = ["exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"];

/// Compares what two schemas say in such keywords.
pub(super) fn compare(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    types(diff, pair);
    words(diff, pair);
    whole(diff, pair, "const", ["const-added", "const-removed", "const-changed"]);
    pattern(diff, pair);
    format(diff, pair);
    for keyword in LOWER {
        bound(diff, pair, keyword, |old, new| new > old);
    }
    for keyword in UPPER {
        bound(diff, pair, keyword, |old, new| new < old);
    }
    multiple_of(diff, pair);
    unique_items(diff, pair);
    for (keyword, rules) in [
        ("dependentRequired", ["dependency-added", "dependency-removed", "dependency-changed"]),
        ("dependentSchemas", ["dependency-added", "dependency-removed", "dependency-changed"]),
        ("contentEncoding", ["content-changed"; 3]),
        ("contentMediaType", ["content-changed"; 3]),
    ] {
        whole(diff, pair, keyword, rules);
    }
    if pair.old.get("default") != pair.new.get("default") {
        diff.push(pair, "default-changed", &["default"], Effect::Keeps, "the default was changed".to_owned(), false);
    }
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The types that a schema allows; `integer` where `number` is allowed.
fn allowed(value: Option<&Value>) -> Vec<&'static str> {
    let Some(value) = value else { return TYPES.to_vec() };
    let named = |name: &str| *value == name || value.as_array().is_some_and(|names| names.iter().any(|n| n == name));
    TYPES.into_iter().filter(|name| named(name) || (*name == "integer" && named("number"))).collect()
}

fn types(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let (old, new) = (pair.old.get("type"), pair.new.get("type"));
    let (was, is) = (allowed(old), allowed(new));
    let lost = was.iter().any(|name| !is.contains(name));
    let gained = is.iter().any(|name| !was.contains(name));
    let (rule, effect) = match (lost, gained) {
        (false, false) => return,
        (true, false) => ("type-narrowed", Effect::Narrows),
        (false, true) => ("type-widened", Effect::Widens),
        (true, true) => ("type-changed", Effect::Changes),
    };
    let said = |value: Option<&Value>| value.map_or_else(|| "any".to_owned(), shown);
    diff.push(pair, rule, &["type"], effect, format!("the type was {}, and is {}", said(old), said(new)), false);
}

fn words(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
    match (list(pair.old.get("enum")), list(pair.new.get("enum"))) {
        (Some(old), Some(new)) => {
            let gone: Vec<_> = old.iter().filter(|word| !new.contains(word)).cloned().collect();
            let come: Vec<_> = new.iter().filter(|word| !old.contains(word)).cloned().collect();
            if !gone.is_empty() {
                let rest: Value = old.iter().filter(|word| new.contains(word)).cloned().collect();
                let message = format!("no longer allowed: {}", listed(&gone));
                diff.push_value(pair, "enum-value-removed", "enum", Effect::Narrows, message, rest);
            }
            if !come.is_empty() {
                let message = format!("newly allowed: {}", listed(&come));
                let all: Value = old.into_iter().chain(come).collect();
                diff.push_value(pair, "enum-value-added", "enum", Effect::Widens, message, all);
            }
        }
        (None, Some(new)) => {
            let message = format!("only these are allowed: {}", listed(&new));
            diff.push(pair, "enum-added", &["enum"], Effect::Narrows, message, false);
        }
        (Some(old), None) => {
            let message = format!("no longer limited to {}", listed(&old));
            diff.push(pair, "enum-removed", &["enum"], Effect::Widens, message, false);
        }
        (None, None) => {}
    }
}

fn listed(words: &[Value]) -> String {
    words.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn pattern(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let text =
        |schema: &serde_json::Map<String, Value>| schema.get("pattern").and_then(Value::as_str).map(str::to_owned);
    let (Some(old), Some(new)) = (text(pair.old), text(pair.new)) else {
        return whole(diff, pair, "pattern", ["pattern-added", "pattern-removed", "pattern-changed"]);
    };
    if old == new {
        return;
    }
    let (backward, forward) = (includes(&new, &old), includes(&old, &new));
    let (rule, effect) = match (&backward, &forward) {
        (Inclusion::Yes, Inclusion::Yes) => ("pattern-rewritten", Effect::Keeps),
        (Inclusion::Yes, _) => ("pattern-widened", Effect::Widens),
        (_, Inclusion::Yes) => ("pattern-narrowed", Effect::Narrows),
        _ => ("pattern-changed", Effect::Changes),
    };
    let text = |answer| match answer {
        Inclusion::No(text) => Some(Value::String(text)),
        _ => None,
    };
    let (lost, gained) = (text(backward), text(forward));
    let said = lost.as_ref().map(|text| format!("; {} no longer matches", shown(text))).unwrap_or_default();
    let message = format!("`pattern` was {old}, and is {new}{said}");
    diff.push(pair, rule, &["pattern"], effect, message, false);
    diff.knowing(Known {
        lost: lost.map(|text| (pair.at_old.clone(), text)),
        gained: gained.map(|text| (pair.at_new.clone(), text)),
    });
}

/// Formats, and those that allow all that they do.
const WIDER: [(&str, &str); 7] = [
    ("email", "idn-email"),
    ("hostname", "idn-hostname"),
    ("uri", "uri-reference"),
    ("uri", "iri"),
    ("uri", "iri-reference"),
    ("uri-reference", "iri-reference"),
    ("iri", "iri-reference"),
];

fn format(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let name =
        |schema: &serde_json::Map<String, Value>| schema.get("format").and_then(Value::as_str).map(str::to_owned);
    if let (Some(old), Some(new)) = (name(pair.old), name(pair.new)) {
        let (rule, effect) = if WIDER.contains(&(old.as_str(), new.as_str())) {
            ("format-widened", Effect::Widens)
        } else if WIDER.contains(&(new.as_str(), old.as_str())) {
            ("format-narrowed", Effect::Narrows)
        } else {
            return whole(diff, pair, "format", ["format-added", "format-removed", "format-changed"]);
        };
        return diff.push(pair, rule, &["format"], effect, format!("`format` was {old}, and is {new}"), false);
    }
    whole(diff, pair, "format", ["format-added", "format-removed", "format-changed"]);
}

/// A keyword that is the same, or is not: added, removed or changed.
fn whole(diff: &mut Diff<'_>, pair: &Pair<'_>, keyword: &str, [added, removed, changed]: [&'static str; 3]) {
    let (old, new) = (pair.old.get(keyword), pair.new.get(keyword));
    let (rule, effect, message) = match (old, new) {
        (None, Some(new)) => (added, Effect::Narrows, format!("`{keyword}` is now {}", shown(new))),
        (Some(old), None) => (removed, Effect::Widens, format!("`{keyword}` was {}, and is gone", shown(old))),
        (Some(old), Some(new)) if old != new => {
            (changed, Effect::Changes, format!("`{keyword}` was {}, and is {}", shown(old), shown(new)))
        }
        _ => return,
    };
    diff.push(pair, rule, &[keyword], effect, message, false);
}

fn bound(diff: &mut Diff<'_>, pair: &Pair<'_>, keyword: &str, tighter: fn(f64, f64) -> bool) {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let (old, new) = (number(pair.old.get(keyword)), number(pair.new.get(keyword)));
    let narrows = match (old, new) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) if tighter(old, new) => true,
        (Some(old), Some(new)) if tighter(new, old) => false,
        _ => return,
    };
    let said = |value: Option<f64>| value.map_or_else(|| "not given".to_owned(), |number| number.to_string());
    let message = format!("`{keyword}` was {}, and is {}", said(old), said(new));
    let (rule, effect) =
        if narrows { ("bound-tightened", Effect::Narrows) } else { ("bound-loosened", Effect::Widens) };
    diff.push(pair, rule, &[keyword], effect, message, false);
}

fn multiple_of(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let (old, new) = (number(pair.old.get("multipleOf")), number(pair.new.get("multipleOf")));
    let divides = |factor: f64, number: f64| (number / factor).fract() == 0.0;
    let (rule, effect) = match (old, new) {
        (None, None) => return,
        (None, Some(_)) => ("bound-tightened", Effect::Narrows),
        (Some(_), None) => ("bound-loosened", Effect::Widens),
        (Some(old), Some(new)) if divides(old, new) && divides(new, old) => return,
        (Some(old), Some(new)) if divides(old, new) => ("bound-tightened", Effect::Narrows),
        (Some(old), Some(new)) if divides(new, old) => ("bound-loosened", Effect::Widens),
        _ => ("multiple-of-changed", Effect::Changes),
    };
    let said = |value: Option<f64>| value.map_or_else(|| "not given".to_owned(), |number| number.to_string());
    let message = format!("`multipleOf` was {}, and is {}", said(old), said(new));
    diff.push(pair, rule, &["multipleOf"], effect, message, false);
}

fn unique_items(diff: &mut Diff<'_>, pair: &Pair<'_>) {
    let unique = |value: Option<&Value>| value == Some(&json!(true));
    match (unique(pair.old.get("uniqueItems")), unique(pair.new.get("uniqueItems"))) {
        (false, true) => {
            let message = "items must differ from each other".to_owned();
            diff.push(pair, "unique-items-added", &["uniqueItems"], Effect::Narrows, message, false);
        }
        (true, false) => {
            let message = "items may repeat".to_owned();
            diff.push(pair, "unique-items-removed", &["uniqueItems"], Effect::Widens, message, false);
        }
        _ => {}
    }
}
