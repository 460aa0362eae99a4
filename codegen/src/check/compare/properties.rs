//! The fields of an object: which there are, and which there must be.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::diff::{Diff, Pair};
use super::edit::{Edit, Effect, Known, Operation};
use crate::problem::step;

impl Diff<'_> {
    /// `properties`, `required` and `patternProperties`.
    pub(super) fn fields(&mut self, pair: &Pair<'_>) {
        let named = |schema: &Map<String, Value>, keyword: &str| {
            schema.get(keyword).and_then(Value::as_object).cloned().unwrap_or_default()
        };
        let (old, new) = (named(pair.old, "properties"), named(pair.new, "properties"));
        let list = |schema: &Map<String, Value>| -> Vec<Value> {
            schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (must_old, must_new) = (list(pair.old), list(pair.new));
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.property_removed(pair, name, &must_old, &must_new);
        }
        for (name, schema) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.property_added(pair, name, schema, &must_old, &must_new);
        }
        for name in new.keys().filter(|name| old.contains_key(*name)) {
            self.inner(pair, &["properties", name]);
        }
        for name in union(&must_old, &must_new) {
            let name = name.as_str().unwrap_or_default();
            // Said with the property itself where it came or went.
            if old.contains_key(name) == new.contains_key(name) {
                self.required_changed(pair, name, &must_old, &must_new);
            }
        }
        let (old, new) = (named(pair.old, "patternProperties"), named(pair.new, "patternProperties"));
        for name in union_keys(&old, &new) {
            let at = &["patternProperties", name.as_str()];
            match (old.get(&name), new.get(&name)) {
                (Some(_), Some(_)) => self.inner(pair, at),
                (Some(_), None) => self.push(
                    pair,
                    "property-pattern-removed",
                    at,
                    Effect::Widens,
                    format!("fields that match {name} are no longer described"),
                    true,
                ),
                _ => self.push(
                    pair,
                    "property-pattern-added",
                    at,
                    Effect::Narrows,
                    format!("fields that match {name} have a schema"),
                    true,
                ),
            }
        }
    }

    fn property_removed(&mut self, pair: &Pair<'_>, name: &str, must_old: &[Value], must_new: &[Value]) {
        let was_required = must_old.contains(&json!(name)) && !must_new.contains(&json!(name));
        let mut operations = vec![Operation::Remove(step(&step(&pair.at_old, "properties"), name))];
        if was_required {
            operations.push(Operation::Put(step(&pair.at_old, "required"), without(must_old, name)));
        }
        self.edits.push(Edit {
            rule: "property-removed",
            pointer: step(&step(&pair.at_old, "properties"), name),
            in_new: false,
            message: format!("the {}property `{name}` was removed", if was_required { "required " } else { "" }),
            effect: if was_required { Effect::Widens } else { Effect::Keeps },
            about_unknown_fields: false,
            operations,
            known: Known::default(),
        });
    }

    fn property_added(&mut self, pair: &Pair<'_>, name: &str, schema: &Value, must_old: &[Value], must_new: &[Value]) {
        let required = must_new.contains(&json!(name)) && !must_old.contains(&json!(name));
        let properties = step(&pair.at_old, "properties");
        let mut operations = Vec::new();
        if !pair.old.contains_key("properties") {
            operations.push(Operation::Put(properties.clone(), json!({})));
        }
        operations.push(Operation::Put(step(&properties, name), schema.clone()));
        if required {
            operations.push(Operation::Put(step(&pair.at_old, "required"), with(must_old, name)));
        }
        self.edits.push(Edit {
            rule: if required { "required-property-added" } else { "property-added" },
            pointer: step(&step(&pair.at_new, "properties"), name),
            in_new: true,
            message: format!("the {} property `{name}` was added", if required { "required" } else { "optional" }),
            effect: if required { Effect::Narrows } else { Effect::Keeps },
            about_unknown_fields: false,
            operations,
            known: Known::default(),
        });
    }

    fn required_changed(&mut self, pair: &Pair<'_>, name: &str, must_old: &[Value], must_new: &[Value]) {
        let (was, is) = (must_old.contains(&json!(name)), must_new.contains(&json!(name)));
        let (rule, effect, list, words) = match (was, is) {
            (false, true) => ("property-made-required", Effect::Narrows, with(must_old, name), "is now required"),
            (true, false) => {
                ("property-made-optional", Effect::Widens, without(must_old, name), "is no longer required")
            }
            _ => return,
        };
        let in_new = is || pair.new.contains_key("required");
        self.edits.push(Edit {
            rule,
            pointer: step(if in_new { &pair.at_new } else { &pair.at_old }, "required"),
            in_new,
            message: format!("the property `{name}` {words}"),
            effect,
            about_unknown_fields: false,
            operations: vec![Operation::Put(step(&pair.at_old, "required"), list)],
            known: Known::default(),
        });
    }
}

fn with(list: &[Value], name: &str) -> Value {
    list.iter().cloned().chain([json!(name)]).collect()
}

fn without(list: &[Value], name: &str) -> Value {
    list.iter().filter(|other| *other != name).cloned().collect()
}

fn union<'v>(a: &'v [Value], b: &'v [Value]) -> Vec<&'v Value> {
    a.iter().chain(b.iter().filter(|value| !a.contains(value))).collect()
}

fn union_keys(a: &Map<String, Value>, b: &Map<String, Value>) -> BTreeSet<String> {
    a.keys().chain(b.keys()).cloned().collect()
}
