//! API keys.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Record;

/// The permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Post events of one source.
    Ingest,
    /// Search and read events.
    Read,
    /// Change targets, sources and keys.
    Manage,
}

/// An API key. Only the hash of its token is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Name of the key.
    pub name: String,
    /// Permission of the key.
    pub scope: KeyScope,
    /// Source whose events an ingest key posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// SHA-256 of the token, in hexadecimal.
    pub sha256: String,
    /// Time at which the key was created.
    pub created_at: Timestamp,
    /// Time at which the key expires; `None` for a key that never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Record for Key {
    const KIND: &'static str = "keys";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The last day on which a key was used.
///
/// It is a record of its own, so that functions that record the use of keys do not need write access to keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// Name of the key.
    pub name: String,
    /// The day, in UTC.
    pub day: Date,
}

impl Record for KeyUse {
    const KIND: &'static str = "uses";

    fn name(&self) -> &str {
        &self.name
    }
}
