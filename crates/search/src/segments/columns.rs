//! The columns of a segment.

use std::collections::HashMap;

use model::Field;
use serde::{Deserialize, Serialize};

/// The fields that stand in columns.
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

/// Payloads of more bytes are not in the text: whether they match is decided on the event itself.
pub(crate) const MAX_PAYLOAD: usize = 200_000;

/// One field of every event: its different values, and which of them each event has.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) values: Vec<String>,
    /// 0 for none, else one more than the value's place.
    pub(super) codes: Vec<u16>,
}

/// One field of every event that may have several values.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Lists {
    pub(super) values: Vec<String>,
    /// How many each event has.
    pub(super) counts: Vec<u32>,
    /// The places of the values, event after event.
    pub(super) codes: Vec<u32>,
}

impl Lists {
    /// The codes of a row, which begin there.
    pub(super) fn of(&self, start: usize, row: usize) -> &[u32] {
        let count = self.counts.get(row).map_or(0, |count| *count as usize);
        self.codes.get(start..start + count).unwrap_or_default()
    }
}

/// Gives each different text a place.
#[derive(Default)]
pub(super) struct ColumnBuilder {
    pub(super) values: Vec<String>,
    pub(super) codes: Vec<u16>,
    places: HashMap<String, u32>,
}

impl ColumnBuilder {
    pub(super) fn code(&mut self, value: &str) -> u32 {
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.to_owned());
        self.places.insert(value.to_owned(), place);
        place
    }
}
