//! The schema diff: a parallel walk over two versions of a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::edit_recorder::{EditRecorder, display, edit};
use super::schema_pair::SchemaPair;
use super::{branch_rules, property_rules, subschema_rules, value_rules};
use crate::check::compare::edit::{Edit, Effect, Operation};
use crate::json_pointer::child_pointer;
use crate::keyword::is_annotation;

/// Maximum number of chained references that are followed.
const MAX_REFERENCE_CHAIN: usize = 32;

/// Returns the edits that turn `old` into `new`, two self-contained schemas.
pub(in crate::check::compare) fn diff_schemas(old: &Value, new: &Value) -> Vec<Edit> {
    let mut diff = SchemaDiff { old, new, recorder: EditRecorder::default(), visited: BTreeSet::new() };
    diff.compare_at(String::new(), String::new());
    diff.recorder.into_edits()
}

/// Returns an edit that replaces the whole schema, for a difference that no rule describes.
pub(in crate::check::compare) fn whole_schema_edit(new: &Value) -> Edit {
    let message = "the schema changed in a way that no rule describes".to_owned();
    let put = |(keyword, value): (&String, &Value)| {
        (keyword != "$defs").then(|| Operation::Put(child_pointer("", keyword), value.clone()))
    };
    let operations = new.as_object().into_iter().flatten().filter_map(put).collect();
    edit("not-understood", String::new(), true, Effect::Changes, message, operations)
}

struct SchemaDiff<'a> {
    old: &'a Value,
    new: &'a Value,
    recorder: EditRecorder,
    /// Pairs of pointers that were compared already: schemas may be recursive.
    visited: BTreeSet<(String, String)>,
}

impl SchemaDiff<'_> {
    /// Compares the schemas at two pointers.
    fn compare_at(&mut self, at_old: String, at_new: String) {
        let (at_old, at_new) = self.follow_references(at_old, at_new);
        if !self.visited.insert((at_old.clone(), at_new.clone())) {
            return;
        }
        let (old, new) = (self.old.pointer(&at_old), self.new.pointer(&at_new));
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let pair = SchemaPair { roots: (self.old, self.new), at_old, at_new, old, new };
                value_rules::compare_values(&mut self.recorder, &pair);
                self.compare_properties(&pair);
                self.compare_subschemas(&pair);
            }
            (Some(old), Some(new)) if old != new => self.record_boolean_schema(at_old, at_new, old, new),
            _ => {}
        }
    }

    /// Records a change from or to a boolean schema.
    fn record_boolean_schema(&mut self, at_old: String, at_new: String, old: &Value, new: &Value) {
        let effect = match (old, new) {
            (_, Value::Bool(false)) | (Value::Bool(true), _) => Effect::Narrows,
            _ => Effect::Widens,
        };
        let key = at_new.rsplit('/').next().unwrap_or_default();
        let message = format!("`{key}` changed from {} to {}", display(old), display(new));
        // The root of a schema has no key: its pointer is empty.
        let pointer = if at_new.is_empty() { "/".to_owned() } else { at_new };
        let operations = vec![Operation::Put(at_old, new.clone())];
        self.recorder.push(edit("schema-changed", pointer, true, effect, message, operations));
    }

    /// Follows references as long as at least one of the two schemas consists only of a reference.
    fn follow_references(&self, mut at_old: String, mut at_new: String) -> (String, String) {
        for _ in 0..MAX_REFERENCE_CHAIN {
            let (to_old, to_new) = (only_reference(self.old, &at_old), only_reference(self.new, &at_new));
            if to_old.is_none() && to_new.is_none() {
                break;
            }
            at_old = to_old.unwrap_or(at_old);
            at_new = to_new.unwrap_or(at_new);
        }
        (at_old, at_new)
    }

    /// Compares the schemas that both versions have at `keys`.
    fn compare_inner(&mut self, pair: &SchemaPair<'_>, keys: &[&str]) {
        self.compare_at(pair.old_pointer(keys), pair.new_pointer(keys));
    }

    /// Compares `properties`, `required` and `patternProperties`.
    fn compare_properties(&mut self, pair: &SchemaPair<'_>) {
        property_rules::record_removed_and_added(&mut self.recorder, pair);
        for property in named_schemas(pair, "properties").iter().filter(|property| property.is_in_both()) {
            self.compare_inner(pair, &["properties", property.name]);
        }
        property_rules::record_required_changes(&mut self.recorder, pair);
        let mut patterns = named_schemas(pair, "patternProperties");
        patterns.sort_by_key(|pattern| pattern.name);
        for pattern in patterns {
            if pattern.is_in_both() {
                self.compare_inner(pair, &["patternProperties", pattern.name]);
            } else {
                property_rules::record_pattern_change(&mut self.recorder, pair, pattern.name, pattern.is_in_new);
            }
        }
    }

    /// Compares the subschemas that apply to the value itself, its items, or undeclared fields.
    fn compare_subschemas(&mut self, pair: &SchemaPair<'_>) {
        for (keyword, subject) in subschema_rules::SINGLE_SCHEMA_KEYWORDS {
            match pair.values(keyword) {
                (Some(Value::Object(_)), Some(Value::Object(_))) if keyword != "not" => {
                    self.compare_inner(pair, &[keyword]);
                }
                _ => subschema_rules::record_single_schema(&mut self.recorder, pair, keyword, subject),
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            self.compare_branches(pair, keyword);
        }
        subschema_rules::record_condition_changes(&mut self.recorder, pair);
        match pair.values("$ref") {
            // A reference with sibling keywords is one more schema for the same value.
            (Some(Value::String(old)), Some(Value::String(new))) => {
                self.compare_at(old.replacen('#', "", 1), new.replacen('#', "", 1));
            }
            _ => subschema_rules::record_reference_change(&mut self.recorder, pair),
        }
    }

    /// Compares the lists of schemas at `keyword`.
    fn compare_branches(&mut self, pair: &SchemaPair<'_>, keyword: &'static str) {
        if branch_rules::record_new_or_removed_list(&mut self.recorder, pair, keyword) {
            return;
        }
        let pairing = branch_rules::pair_branches(pair, keyword);
        for (old, new) in &pairing.pairs {
            let at_old = child_pointer(&pair.old_pointer(&[keyword]), old);
            let at_new = child_pointer(&pair.new_pointer(&[keyword]), new);
            self.compare_at(at_old, at_new);
        }
        branch_rules::record_unpaired(&mut self.recorder, pair, keyword, &pairing);
    }
}

/// A schema with a name, such as a property.
struct NamedSchema<'a> {
    name: &'a str,
    is_in_old: bool,
    is_in_new: bool,
}

impl NamedSchema<'_> {
    fn is_in_both(&self) -> bool {
        self.is_in_old && self.is_in_new
    }
}

/// Returns the named schemas that the two versions have for `keyword`: those of the new version in its
/// order, then those that only the old version has.
fn named_schemas<'a>(pair: &SchemaPair<'a>, keyword: &str) -> Vec<NamedSchema<'a>> {
    let (old, new) = pair.values(keyword);
    let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
    let has = |schemas: Option<&Map<String, Value>>, name: &str| schemas.is_some_and(|all| all.contains_key(name));
    let in_new = new.into_iter().flat_map(Map::keys);
    let in_old_only = old.into_iter().flat_map(Map::keys).filter(|name| !has(new, name));
    let named = |name: &'a String| NamedSchema { name, is_in_old: has(old, name), is_in_new: has(new, name) };
    in_new.chain(in_old_only).map(named).collect()
}

/// Returns the target of the schema at `at` if it consists only of a reference.
fn only_reference(root: &Value, at: &str) -> Option<String> {
    let schema = root.pointer(at)?.as_object()?;
    let reference = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    let is_neutral = |key: &str| is_annotation(key) || ["$defs", "$ref", "default"].contains(&key);
    schema.keys().all(|key| is_neutral(key)).then(|| reference.to_owned())
}
