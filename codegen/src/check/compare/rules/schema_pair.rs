//! Pairs of schemas: the old and the new version of one schema.

use serde_json::{Map, Value};

use crate::json_pointer::child_pointer;

/// The old and the new version of a schema.
pub(super) struct SchemaPair<'a> {
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
