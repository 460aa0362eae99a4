//! Lists of schemas: which branch became which.

use serde_json::{Value, json};

use super::diff::{Diff, Pair, shown};
use super::edit::Effect;

/// Compares the lists at `keyword`.
pub(super) fn compare(diff: &mut Diff<'_>, pair: &Pair<'_>, keyword: &'static str) {
    let none = Vec::new();
    let old = pair.old.get(keyword).and_then(Value::as_array).unwrap_or(&none);
    let new = pair.new.get(keyword).and_then(Value::as_array).unwrap_or(&none);
    if (old.is_empty() || new.is_empty()) && old != new && keyword != "prefixItems" {
        let (rule, effect, word) = match (keyword, old.is_empty()) {
            ("allOf", true) => ("condition-added", Effect::Narrows, "was added"),
            ("allOf", false) => ("condition-removed", Effect::Widens, "was removed"),
            (_, true) => ("choice-added", Effect::Narrows, "was added"),
            (_, false) => ("choice-removed", Effect::Widens, "was removed"),
        };
        return diff.push(pair, rule, &[keyword], effect, format!("`{keyword}` {word}"), false);
    }
    if old == new {
        // The same words, which may refer to what has changed.
        for index in 0..new.len() {
            diff.branch(pair, keyword, index, index);
        }
        return;
    }
    let same_place = keyword == "prefixItems";
    let mut free: Vec<usize> = (0..new.len()).collect();
    let mut gone = Vec::new();
    let mut later = Vec::new();
    // Branches that stayed as they were, then those that are most alike.
    for (index, branch) in old.iter().enumerate() {
        let position = free.iter().position(|place| if same_place { *place == index } else { new[*place] == *branch });
        match position {
            Some(position) => diff.branch(pair, keyword, index, free.remove(position)),
            None => later.push(index),
        }
    }
    for index in later {
        let alike = |place: &usize| likeness(&old[index], &new[*place]);
        let best = free.iter().enumerate().max_by_key(|(_, place)| (alike(place), std::cmp::Reverse(**place)));
        match best.map(|(position, place)| (position, alike(place))) {
            // A changed branch, rather than one that went and another that came.
            Some((position, likeness)) if likeness > 0 || old.len() == new.len() => {
                diff.branch(pair, keyword, index, free.remove(position));
            }
            _ => gone.push(index),
        }
    }
    for index in gone {
        let rest: Value = old.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, b)| b.clone()).collect();
        let (rule, effect) = removed(keyword);
        let message = format!("the branch {} is gone from `{keyword}`", shown(&old[index]));
        diff.push_list(pair, rule, keyword, effect, message, rest, None);
    }
    for place in free {
        let (rule, effect) = added(keyword);
        let message = format!("`{keyword}` has the new branch {}", shown(&new[place]));
        diff.push_list(pair, rule, keyword, effect, message, Value::Array(old.clone()), Some(place));
    }
}

fn removed(keyword: &str) -> (&'static str, Effect) {
    match keyword {
        "allOf" => ("condition-removed", Effect::Widens),
        "prefixItems" => ("items-widened", Effect::Widens),
        // Of `oneOf`, by itself: what matched two branches may now match one, and be accepted.
        _ => ("branch-removed", Effect::Narrows),
    }
}

fn added(keyword: &str) -> (&'static str, Effect) {
    match keyword {
        "allOf" => ("condition-added", Effect::Narrows),
        "prefixItems" => ("items-narrowed", Effect::Narrows),
        _ => ("branch-added", Effect::Widens),
    }
}

/// How much two branches have in common: the same reference, a constant of the same name, the same
/// type, properties.
fn likeness(old: &Value, new: &Value) -> usize {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return 0 };
    let same = |keyword: &str| usize::from(old.get(keyword).is_some() && old.get(keyword) == new.get(keyword));
    let constants = |schema: &serde_json::Map<String, Value>| -> Vec<(String, Value)> {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        properties.filter_map(|(name, schema)| Some((name.clone(), schema.get("const")?.clone()))).collect()
    };
    let (tags_old, tags_new) = (constants(old), constants(new));
    if tags_old.iter().any(|(name, value)| tags_new.iter().any(|(other, is)| other == name && is != value)) {
        return 0;
    }
    let tags = tags_old.iter().filter(|tag| tags_new.contains(tag)).count();
    let properties = |schema: &serde_json::Map<String, Value>| -> Vec<String> {
        schema.get("properties").and_then(Value::as_object).map(|p| p.keys().cloned().collect()).unwrap_or_default()
    };
    let names = properties(new);
    let shared = properties(old).iter().filter(|name| names.contains(name)).count();
    if old.contains_key("$ref") && new.contains_key("$ref") {
        return 16 * same("$ref");
    }
    32 * tags + 16 * same("const") + 4 * same("type") + shared
}

impl Diff<'_> {
    /// An edit of a list: `list` with the new branch at `place`, if there is one.
    #[expect(clippy::too_many_arguments, reason = "the parts of one edit")]
    fn push_list(
        &mut self,
        pair: &Pair<'_>,
        rule: &'static str,
        keyword: &'static str,
        effect: Effect,
        message: String,
        list: Value,
        place: Option<usize>,
    ) {
        let mut list = list;
        if let (Value::Array(items), Some(place)) = (&mut list, place) {
            items.extend(pair.new.get(keyword).and_then(|branches| branches.get(place)).cloned());
        }
        if list == json!([]) {
            self.push(pair, rule, &[keyword], effect, message, false);
        } else {
            self.push_value(pair, rule, keyword, effect, message, list);
        }
    }
}
