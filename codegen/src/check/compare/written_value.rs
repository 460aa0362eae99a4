//! Written values: the schemas that a value of the writer satisfies at one position.

use super::pattern_inclusion::{Inclusion, pattern_inclusion};
use super::schema_view::{SchemaView, certain_views};

/// A position of a written value.
#[derive(Clone)]
pub(super) struct Written<'a> {
    /// Schemas that the value satisfies.
    pub(super) certain: Vec<SchemaView<'a>>,
    /// Schemas that may apply to the value, which name its fields.
    pub(super) possible: Vec<SchemaView<'a>>,
}

impl<'a> Written<'a> {
    /// Returns the position with another schema that the value satisfies.
    pub(super) fn and(&self, more: impl IntoIterator<Item = SchemaView<'a>>) -> Self {
        let certain = self.certain.iter().copied().chain(more).collect::<Vec<_>>();
        Self { certain: certain_views(&certain), possible: self.possible.clone() }
    }

    /// Returns whether the value is known to satisfy `view`.
    pub(super) fn satisfies(&self, view: SchemaView<'_>) -> bool {
        self.certain.iter().any(|known| known.address() == view.address())
    }
}

/// Returns the schemas that the field `name` satisfies if it is written.
pub(super) fn certain_field_views<'a>(written: &Written<'a>, name: &str) -> Vec<SchemaView<'a>> {
    let mut all = Vec::new();
    for view in &written.certain {
        let declared: Vec<_> = view.entries("properties").filter(|(key, _)| *key == name).map(|(_, v)| v).collect();
        let patterns: Vec<_> = view
            .entries("patternProperties")
            .map(|(pattern, schema)| (matches_name(pattern, name), schema))
            .filter(|(matches, _)| *matches != Some(false))
            .collect();
        // A pattern that cannot be decided may match: then it is unknown which schema applies.
        if declared.is_empty() && patterns.is_empty() {
            all.extend(view.inner("additionalProperties"));
        }
        all.extend(declared);
        all.extend(patterns.into_iter().filter(|(matches, _)| *matches == Some(true)).map(|(_, schema)| schema));
    }
    all
}

/// Returns whether `pattern` matches a field's name, or `None` if that is unknown.
pub(super) fn matches_name(pattern: &str, name: &str) -> Option<bool> {
    match pattern_inclusion(pattern, &format!("^{}$", regex_syntax::escape(name))) {
        Inclusion::Yes => Some(true),
        Inclusion::No(_) => Some(false),
        Inclusion::Unknown => None,
    }
}
