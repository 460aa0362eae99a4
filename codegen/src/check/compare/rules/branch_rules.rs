//! Rules for lists of schemas: `allOf`, `anyOf`, `oneOf` and `prefixItems`.

use serde_json::{Map, Value, json};

use super::edit_recorder::{EditRecorder, display};
use super::schema_pair::SchemaPair;
use crate::check::compare::edit::Effect;

/// Weight of the same constant property, which usually identifies a branch.
const SAME_TAG_WEIGHT: usize = 32;
/// Weight of the same reference or the same `const`.
const SAME_REFERENCE_WEIGHT: usize = 16;
/// Weight of the same `type`.
const SAME_TYPE_WEIGHT: usize = 4;

/// An assignment of old branches to new ones, by index.
pub(super) struct BranchPairing {
    /// Old branches with their new versions.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Old branches without a new version.
    removed: Vec<usize>,
    /// New branches without an old version.
    added: Vec<usize>,
}

/// Records the addition or removal of the whole list at `keyword`. Returns whether it did.
pub(super) fn record_new_or_removed_list(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, keyword: &str) -> bool {
    let (old, new) = pair.lists(keyword);
    if keyword == "prefixItems" || old.is_empty() == new.is_empty() {
        return false;
    }
    let (rule, effect, verb) = match (keyword, old.is_empty()) {
        ("allOf", true) => ("condition-added", Effect::Narrows, "added"),
        ("allOf", false) => ("condition-removed", Effect::Widens, "removed"),
        (_, true) => ("choice-added", Effect::Narrows, "added"),
        (_, false) => ("choice-removed", Effect::Widens, "removed"),
    };
    recorder.record(pair, rule, &[keyword], effect, format!("`{keyword}` was {verb}"));
    true
}

/// Pairs the branches of the lists at `keyword`: first equal branches, then the most similar ones.
pub(super) fn pair_branches(pair: &SchemaPair<'_>, keyword: &str) -> BranchPairing {
    let (old, new) = pair.lists(keyword);
    let is_positional = keyword == "prefixItems";
    let mut pairing = BranchPairing { pairs: Vec::new(), removed: Vec::new(), added: (0..new.len()).collect() };
    let mut unequal = Vec::new();
    for (index, branch) in old.iter().enumerate() {
        let is_same = |other: &usize| if is_positional { *other == index } else { new[*other] == *branch };
        match pairing.added.iter().position(is_same) {
            Some(position) => pairing.pairs.push((index, pairing.added.remove(position))),
            None => unequal.push(index),
        }
    }
    for index in unequal {
        let score = |other: &usize| similarity(&old[index], &new[*other]);
        let candidates = pairing.added.iter().enumerate();
        let best = candidates.max_by_key(|(_, other)| (score(other), std::cmp::Reverse(**other)));
        match best.map(|(position, other)| (position, score(other))) {
            // A changed branch, rather than a removed one and an added one.
            Some((position, score)) if score > 0 || old.len() == new.len() => {
                pairing.pairs.push((index, pairing.added.remove(position)));
            }
            _ => pairing.removed.push(index),
        }
    }
    pairing
}

/// Records the branches of `pairing` that only one version has.
pub(super) fn record_unpaired(
    recorder: &mut EditRecorder,
    pair: &SchemaPair<'_>,
    keyword: &str,
    pairing: &BranchPairing,
) {
    let (old, new) = pair.lists(keyword);
    for index in &pairing.removed {
        let rest = old.iter().enumerate().filter(|(other, _)| other != index).map(|(_, branch)| branch.clone());
        let (rule, effect) = match keyword {
            "allOf" => ("condition-removed", Effect::Widens),
            "prefixItems" => ("items-widened", Effect::Widens),
            // For `oneOf` this is the usual effect only: a value that matched two branches may now match
            // one, and be accepted.
            _ => ("branch-removed", Effect::Narrows),
        };
        let message = format!("the branch {} was removed from `{keyword}`", display(&old[*index]));
        record_list(recorder, pair, rule, keyword, effect, message, rest.collect());
    }
    for index in &pairing.added {
        let all = old.iter().chain([&new[*index]]).cloned();
        let (rule, effect) = match keyword {
            "allOf" => ("condition-added", Effect::Narrows),
            "prefixItems" => ("items-narrowed", Effect::Narrows),
            _ => ("branch-added", Effect::Widens),
        };
        let message = format!("the branch {} was added to `{keyword}`", display(&new[*index]));
        record_list(recorder, pair, rule, keyword, effect, message, all.collect());
    }
}

/// Records an edit that replaces the list at `keyword`; an empty list is removed.
fn record_list(
    recorder: &mut EditRecorder,
    pair: &SchemaPair<'_>,
    rule: &'static str,
    keyword: &str,
    effect: Effect,
    message: String,
    list: Value,
) {
    if list == json!([]) {
        recorder.record(pair, rule, &[keyword], effect, message);
    } else {
        recorder.record_value(pair, rule, keyword, effect, message, list);
    }
}

/// Returns how similar two branches are: by constant properties, reference, constant, type, and
/// property names. Branches with different values of a constant property are not similar.
fn similarity(old: &Value, new: &Value) -> usize {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return 0 };
    let same = |keyword: &str| usize::from(old.get(keyword).is_some() && old.get(keyword) == new.get(keyword));
    let (old_tags, new_tags) = (constant_properties(old), constant_properties(new));
    if old_tags.iter().any(|(name, value)| new_tags.iter().any(|(other, constant)| other == name && constant != value))
    {
        return 0;
    }
    if old.contains_key("$ref") && new.contains_key("$ref") {
        return SAME_REFERENCE_WEIGHT * same("$ref");
    }
    let same_tags = old_tags.iter().filter(|tag| new_tags.contains(tag)).count();
    let new_names = property_names(new);
    let same_names = property_names(old).iter().filter(|name| new_names.contains(name)).count();
    SAME_TAG_WEIGHT * same_tags + SAME_REFERENCE_WEIGHT * same("const") + SAME_TYPE_WEIGHT * same("type") + same_names
}

fn constant_properties(schema: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name.as_str(), schema.get("const")?))).collect()
}

fn property_names(schema: &Map<String, Value>) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.map(|(name, _)| name.as_str()).collect()
}
