//! Pairs of schemas: the old and the new version of one schema.

use serde_json::{Map, Value};

use crate::check::compare::equivalence::is_equivalent;
use crate::check::compare::schema_view::SchemaView;
use crate::json_pointer::child_pointer;
use crate::keyword::MAP_KEYWORDS;

/// Keywords that hold a schema and are compared as a whole.
const SUBSCHEMA_KEYWORDS: [&str; 4] = ["else", "if", "not", "then"];

/// The old and the new version of a schema.
pub(super) struct SchemaPair<'a> {
    /// The documents that the references of both versions lead into.
    pub(super) roots: (&'a Value, &'a Value),
    /// JSON Pointer to the old version.
    pub(super) at_old: String,
    /// JSON Pointer to the new version.
    pub(super) at_new: String,
    pub(super) old: &'a Map<String, Value>,
    pub(super) new: &'a Map<String, Value>,
}

impl<'a> SchemaPair<'a> {
    /// Returns the JSON Pointer to the value at `keys` of the old version.
    pub(super) fn old_pointer(&self, keys: &[&str]) -> String {
        descend(&self.at_old, keys)
    }

    /// Returns the JSON Pointer to the value at `keys` of the new version.
    pub(super) fn new_pointer(&self, keys: &[&str]) -> String {
        descend(&self.at_new, keys)
    }

    /// Returns the values of `keyword` in both versions.
    pub(super) fn values(&self, keyword: &str) -> (Option<&'a Value>, Option<&'a Value>) {
        (self.old.get(keyword), self.new.get(keyword))
    }

    /// Returns whether two values of `keyword` have the same text, with references followed.
    pub(super) fn is_equivalent(&self, keyword: &str, old: &Value, new: &Value) -> bool {
        let (old_root, new_root) = self.roots;
        let is_same = |old: &Value, new: &Value| {
            is_equivalent(SchemaView { root: old_root, schema: old }, SchemaView { root: new_root, schema: new })
        };
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if MAP_KEYWORDS.contains(&keyword) => {
                let has_twin = |(name, schema)| new.get(name).is_some_and(|twin| is_same(schema, twin));
                old.len() == new.len() && old.iter().all(has_twin)
            }
            (Value::Object(_), Value::Object(_)) if SUBSCHEMA_KEYWORDS.contains(&keyword) => is_same(old, new),
            (old, new) => old == new,
        }
    }

    /// Returns the value at `keys` of the new version.
    pub(super) fn new_value(&self, keys: &[&str]) -> Option<&'a Value> {
        let (keyword, rest) = keys.split_first()?;
        rest.iter().try_fold(self.new.get(*keyword)?, |value, key| value.get(*key))
    }

    /// Returns the lists that both versions have for `keyword`, which may be empty.
    pub(super) fn lists(&self, keyword: &str) -> (&'a [Value], &'a [Value]) {
        let list = |value: Option<&'a Value>| value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (old, new) = self.values(keyword);
        (list(old), list(new))
    }
}

fn descend(pointer: &str, keys: &[&str]) -> String {
    keys.iter().fold(pointer.to_owned(), |at, key| child_pointer(&at, key))
}
