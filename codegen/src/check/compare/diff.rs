//! Where two schemas differ, keyword by keyword.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::edit::{Edit, Effect, Known, Operation};
use super::keywords;
use crate::check::cut;
use crate::merge::is_remark;
use crate::problem::step;

/// Keywords that hold one schema, and what it is for.
const ONE: [(&str, &str); 8] = [
    ("additionalProperties", "additional-properties"),
    ("unevaluatedProperties", "additional-properties"),
    ("propertyNames", "property-names"),
    ("items", "items"),
    ("unevaluatedItems", "items"),
    ("contains", "contains"),
    ("not", "not"),
    ("contentSchema", "content"),
];

/// Every edit that makes `new` of `old`, two schemas that stand alone.
pub(crate) fn diff(old: &Value, new: &Value) -> Vec<Edit> {
    let mut diff = Diff { old, new, edits: Vec::new(), seen: BTreeSet::new() };
    diff.schemas(String::new(), String::new());
    diff.edits
}

pub(super) struct Diff<'a> {
    old: &'a Value,
    new: &'a Value,
    pub(super) edits: Vec<Edit>,
    /// Pairs that have been compared: schemas may refer to themselves.
    seen: BTreeSet<(String, String)>,
}

/// One schema in its old and its new form.
pub(super) struct Pair<'a> {
    /// JSON Pointers to it.
    pub(super) at_old: String,
    pub(super) at_new: String,
    pub(super) old: &'a Map<String, Value>,
    pub(super) new: &'a Map<String, Value>,
}

impl Diff<'_> {
    /// Compares the schemas at two pointers.
    fn schemas(&mut self, at_old: String, at_new: String) {
        let (at_old, at_new) = self.followed(at_old, at_new);
        if !self.seen.insert((at_old.clone(), at_new.clone())) {
            return;
        }
        let (old, new) = (self.old.pointer(&at_old), self.new.pointer(&at_new));
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let pair = Pair { at_old, at_new, old, new };
                keywords::compare(self, &pair);
                self.fields(&pair);
                self.applied(&pair);
            }
            (Some(old), Some(new)) if old != new => {
                let effect = match (old, new) {
                    (_, Value::Bool(false)) | (Value::Bool(true), _) => Effect::Narrows,
                    _ => Effect::Widens,
                };
                let (parent, key) = at_new.rsplit_once('/').unwrap_or(("", &at_new));
                let message = format!("`{key}` was {}, and is {}", shown(old), shown(new));
                self.edits.push(Edit {
                    rule: "schema-changed",
                    pointer: format!("{parent}/{key}"),
                    in_new: true,
                    message,
                    effect,
                    about_unknown_fields: false,
                    operations: vec![Operation::Put(at_old, new.clone())],
                    known: Known::default(),
                });
            }
            _ => {}
        }
    }

    /// Follows references while they are all that both schemas say, or all that differs in form.
    fn followed(&self, mut at_old: String, mut at_new: String) -> (String, String) {
        for _ in 0..32 {
            let (to_old, to_new) = (only_reference(self.old, &at_old), only_reference(self.new, &at_new));
            if to_old.is_none() && to_new.is_none() {
                break;
            }
            at_old = to_old.unwrap_or(at_old);
            at_new = to_new.unwrap_or(at_new);
        }
        (at_old, at_new)
    }

    /// Compares `keyword`'s schema where both have one.
    pub(super) fn inner(&mut self, pair: &Pair<'_>, steps: &[&str]) {
        let at = |base: &str| steps.iter().fold(base.to_owned(), |at, key| step(&at, key));
        self.schemas(at(&pair.at_old), at(&pair.at_new));
    }

    /// Keywords that hold schemas: for what is in a value, and for the value itself.
    fn applied(&mut self, pair: &Pair<'_>) {
        for (keyword, about) in ONE {
            match (pair.old.get(keyword), pair.new.get(keyword)) {
                (Some(Value::Object(_)), Some(Value::Object(_))) if keyword != "not" => self.inner(pair, &[keyword]),
                (old, new) => self.one(pair, keyword, about, old, new),
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            super::branches::compare(self, pair, keyword);
        }
        for keyword in ["if", "then", "else"] {
            if pair.old.get(keyword) != pair.new.get(keyword) {
                self.push(
                    pair,
                    "condition-changed",
                    &[keyword],
                    Effect::Changes,
                    format!("`{keyword}` was changed"),
                    false,
                );
            }
        }
        // A reference beside other keywords: one more schema that must hold.
        match (pair.old.get("$ref"), pair.new.get("$ref")) {
            (Some(Value::String(old)), Some(Value::String(new))) => {
                self.schemas(old.replacen('#', "", 1), new.replacen('#', "", 1));
            }
            (None, Some(_)) => self.push(
                pair,
                "reference-added",
                &["$ref"],
                Effect::Narrows,
                "a reference was added".to_owned(),
                false,
            ),
            (Some(_), None) => self.push(
                pair,
                "reference-removed",
                &["$ref"],
                Effect::Widens,
                "a reference was removed".to_owned(),
                false,
            ),
            _ => {}
        }
    }

    /// A keyword with one schema, which at least one side gives as `true`, `false` or not at all.
    fn one(&mut self, pair: &Pair<'_>, keyword: &str, about: &str, old: Option<&Value>, new: Option<&Value>) {
        let open = json!(true);
        let (was, is) = (old.unwrap_or(&open), new.unwrap_or(&open));
        if was == is || (is_open(was) && is_open(is)) {
            return;
        }
        let effect = match keyword {
            "not" if old.is_none() => Effect::Narrows,
            "not" if new.is_none() => Effect::Widens,
            "not" => Effect::Changes,
            _ if *is == json!(false) || is_open(was) => Effect::Narrows,
            _ => Effect::Widens,
        };
        let rule = match (about, effect, is) {
            ("additional-properties", Effect::Narrows, Value::Bool(false)) => "additional-properties-closed",
            ("additional-properties", Effect::Narrows, _) => "additional-properties-narrowed",
            ("additional-properties", Effect::Widens, _) if *was == json!(false) => "additional-properties-opened",
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
        let message = format!("`{keyword}` was {}, and is {}", shown_or_open(old), shown_or_open(new));
        let about_unknown = matches!(about, "additional-properties" | "property-names");
        self.push(pair, rule, &[keyword], effect, message, about_unknown);
    }

    /// An edit that puts, or removes, what stands at `steps` of the schema.
    pub(super) fn push(
        &mut self,
        pair: &Pair<'_>,
        rule: &'static str,
        steps: &[&str],
        effect: Effect,
        message: String,
        about_unknown_fields: bool,
    ) {
        let at = |base: &str| steps.iter().fold(base.to_owned(), |at, key| step(&at, key));
        let found = self.new.pointer(&at(&pair.at_new)).cloned();
        let mut operations = Vec::new();
        if let ([keyword, _], false) = (steps, pair.old.contains_key(steps[0])) {
            operations.push(Operation::Put(step(&pair.at_old, keyword), json!({})));
        }
        let in_new = found.is_some();
        operations.push(match found {
            Some(value) => Operation::Put(at(&pair.at_old), value),
            None => Operation::Remove(at(&pair.at_old)),
        });
        let pointer = at(if in_new { &pair.at_new } else { &pair.at_old });
        let known = Known::default();
        self.edits.push(Edit { rule, pointer, in_new, message, effect, about_unknown_fields, operations, known });
    }

    /// Adds to the last edit what is known to show it.
    pub(super) fn knowing(&mut self, known: Known) {
        if let Some(edit) = self.edits.last_mut() {
            edit.known = known;
        }
    }

    /// An edit whose half-way form is a value of its own.
    pub(super) fn push_value(
        &mut self,
        pair: &Pair<'_>,
        rule: &'static str,
        keyword: &str,
        effect: Effect,
        message: String,
        half_way: Value,
    ) {
        let operations = vec![Operation::Put(step(&pair.at_old, keyword), half_way)];
        let pointer = step(&pair.at_new, keyword);
        self.edits.push(Edit {
            rule,
            pointer,
            in_new: true,
            message,
            effect,
            about_unknown_fields: false,
            operations,
            known: Known::default(),
        });
    }

    /// Compares the branches at two places of a list.
    pub(super) fn branch(&mut self, pair: &Pair<'_>, keyword: &str, old: usize, new: usize) {
        self.schemas(step(&step(&pair.at_old, keyword), old), step(&step(&pair.at_new, keyword), new));
    }
}

/// Where the schema at `at` refers to, if that is all it says.
fn only_reference(root: &Value, at: &str) -> Option<String> {
    let schema = root.pointer(at)?.as_object()?;
    let reference = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    let says_nothing = |key: &str| is_remark(key) || ["$defs", "$ref", "default"].contains(&key);
    schema.keys().all(|key| says_nothing(key)).then(|| reference.to_owned())
}

fn is_open(schema: &Value) -> bool {
    *schema == json!(true) || schema.as_object().is_some_and(Map::is_empty)
}

fn shown_or_open(schema: Option<&Value>) -> String {
    schema.map_or_else(|| "not given".to_owned(), shown)
}

/// A value in a message, cut short.
pub(super) fn shown(value: &Value) -> String {
    cut(value.to_string(), 80)
}
