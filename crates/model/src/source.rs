//! Sources: the producers that may post events.

use events::TIDINGS_SOURCE;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Record;

/// A registered producer of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Name of the source: `unleash-prod`.
    pub name: String,
    /// Catalog that validates the events of the source.
    pub catalog: String,
    /// Description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Time at which the source was registered.
    pub created_at: Timestamp,
}

impl Source {
    /// Returns whether the name of a source or a catalog is reserved, in any case: only Tidings writes its own events.
    pub fn is_reserved_name(name: &str) -> bool {
        name.eq_ignore_ascii_case(TIDINGS_SOURCE)
    }
}

impl Record for Source {
    const KIND: &'static str = "sources";

    fn name(&self) -> &str {
        &self.name
    }
}
