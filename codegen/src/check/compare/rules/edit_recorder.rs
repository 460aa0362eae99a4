//! The recorder: collects the edits between two schemas.

use serde_json::{Value, json};

use super::schema_pair::SchemaPair;
use crate::check::compare::edit::{Edit, Effect, KnownValues, Operation};
use crate::check::text::truncate;

/// Maximum length of a value in a message.
const MAX_VALUE_CHARACTERS: usize = 80;

/// The edits between two schemas.
#[derive(Default)]
pub(super) struct EditRecorder {
    edits: Vec<Edit>,
}

impl EditRecorder {
    /// Records an edit that replaces the value at `keys` of the old schema with that of the new schema,
    /// or removes it if it is missing in the new schema. Returns the edit, so that details can be added.
    pub(super) fn record(
        &mut self,
        pair: &SchemaPair<'_>,
        rule: &'static str,
        keys: &[&str],
        effect: Effect,
        message: String,
    ) -> &mut Edit {
        let mut operations = Vec::new();
        if let [keyword, _] = keys
            && !pair.old.contains_key(*keyword)
        {
            operations.push(Operation::Put(pair.old_pointer(&[keyword]), json!({})));
        }
        let new_value = pair.new_value(keys);
        operations.push(match new_value {
            Some(value) => Operation::Put(pair.old_pointer(keys), value.clone()),
            None => Operation::Remove(pair.old_pointer(keys)),
        });
        let in_new = new_value.is_some();
        let pointer = if in_new { pair.new_pointer(keys) } else { pair.old_pointer(keys) };
        self.push(edit(rule, pointer, in_new, effect, message, operations))
    }

    /// Records an edit that replaces the value of `keyword` in the old schema with `value`.
    pub(super) fn record_value(
        &mut self,
        pair: &SchemaPair<'_>,
        rule: &'static str,
        keyword: &str,
        effect: Effect,
        message: String,
        value: Value,
    ) {
        let operations = vec![Operation::Put(pair.old_pointer(&[keyword]), value)];
        self.push(edit(rule, pair.new_pointer(&[keyword]), true, effect, message, operations));
    }

    /// Records an edit.
    pub(super) fn push(&mut self, edit: Edit) -> &mut Edit {
        let index = self.edits.len();
        self.edits.push(edit);
        &mut self.edits[index]
    }

    /// Returns the recorded edits.
    pub(super) fn into_edits(self) -> Vec<Edit> {
        self.edits
    }
}

/// Creates an edit that does not affect unknown fields and has no known values.
pub(super) fn edit(
    rule: &'static str,
    pointer: String,
    in_new: bool,
    effect: Effect,
    message: String,
    operations: Vec<Operation>,
) -> Edit {
    let known_values = KnownValues::default();
    Edit { rule, pointer, in_new, message, effect, affects_unknown_fields: false, operations, known_values }
}

/// Formats a value for a message, truncated.
pub(super) fn display(value: &Value) -> String {
    truncate(value.to_string(), MAX_VALUE_CHARACTERS)
}

/// Formats an optional value for a message.
pub(super) fn display_optional(value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".to_owned(), display)
}
