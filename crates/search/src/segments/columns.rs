//! The columns of a segment.

use std::collections::HashMap;

use model::Field;
use serde::{Deserialize, Serialize};

/// The fields that are stored as columns, in their order in the header. The order is part of the format of segments,
/// so new columns are added at the end.
pub(crate) const COLUMNS: [Field; 12] = [
    Field::Source,
    Field::Catalog,
    Field::Scope,
    Field::Type,
    Field::Actor,
    Field::Subject,
    Field::Project,
    Field::Environment,
    Field::Level,
    Field::Feature,
    Field::User,
    Field::Group,
];

/// The columns whose values a description may contain, although the payload may not: CloudEvents may have them in its
/// their headers.
pub(super) const DESCRIBED_FIELDS: [Field; 5] =
    [Field::Type, Field::Actor, Field::Subject, Field::Project, Field::Environment];

/// Maximum bytes of a payload in a segment's body. Larger payloads are read from the log.
pub(crate) const MAX_PAYLOAD: usize = 200_000;

/// A field of every event: its distinct values, and the value of each event.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) values: Vec<String>,
    /// For each event, 0 for no value, otherwise the index of its value plus 1.
    pub(super) codes: Vec<u16>,
}

/// A field of which an event may have several values.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ListColumn {
    pub(super) values: Vec<String>,
    /// Number of values of each event.
    pub(super) counts: Vec<u32>,
    /// Indexes of the values of all events, one event after the other.
    pub(super) codes: Vec<u32>,
}

impl ListColumn {
    /// Returns the codes of a row, which begin at `start`.
    pub(super) fn codes_of(&self, start: usize, row: usize) -> &[u32] {
        let count = self.counts.get(row).map_or(0, |count| *count as usize);
        self.codes.get(start..start + count).unwrap_or_default()
    }
}

/// Assigns an index to each distinct value.
#[derive(Default)]
pub(super) struct ColumnBuilder {
    pub(super) values: Vec<String>,
    pub(super) codes: Vec<u16>,
    indexes: HashMap<String, u32>,
}

impl ColumnBuilder {
    pub(super) fn code(&mut self, value: &str) -> u32 {
        if let Some(index) = self.indexes.get(value) {
            return *index;
        }
        let index = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.to_owned());
        self.indexes.insert(value.to_owned(), index);
        index
    }
}
