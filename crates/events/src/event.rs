//! The Event model: an immutable record and the fields it is found by.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event_id::EventId;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A change in a system.
    Lifecycle,
    /// A log line of a service.
    Logging,
    /// A signal from an external system.
    Signal,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lifecycle => "lifecycle",
            Self::Logging => "logging",
            Self::Signal => "signal",
        })
    }
}

/// The severity of a log line, with the names that Migration Manager uses; ordered from least to most severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Information for developers of the service.
    Debug,
    /// Normal operation.
    Info,
    /// A possible problem.
    Warn,
    /// A failure.
    Error,
}

impl Level {
    /// Returns the name of the level, in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fields that a catalog extracts from a payload, by which events are filtered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Kind of the event.
    pub scope: Scope,
    /// Type of the event, the most specific one: `feature-created`, `instance-imported`, `logging`.
    pub event_type: String,
    /// Time at which the event occurred, by the producer's clock, to the nanosecond.
    pub time: Timestamp,
    /// True if the producer gave a time; otherwise `time` is the time of receipt.
    pub time_given: bool,
    /// Actor that caused the event.
    pub actor: Option<String>,
    /// Subject of the event.
    pub subject: Option<String>,
    /// All entities that the event is about, the subject first; empty if the catalog has no entities.
    pub entities: Vec<String>,
    /// Project that the event belongs to.
    pub project: Option<String>,
    /// Environment that the event belongs to.
    pub environment: Option<String>,
    /// Severity of a log line; `None` for other events.
    pub level: Option<Level>,
    /// Version of the schema that accepted the payload; `None` if its type is unknown and the catalog's base schema did.
    pub schema_version: Option<u32>,
}

/// An immutable record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// ID, which determines the position in the log.
    pub id: EventId,
    /// Name of the source that sent the event.
    pub source: String,
    /// Name of the source's catalog.
    pub catalog: String,
    /// Time at which the ingest function received the event.
    pub received_at: Timestamp,
    /// Time at which the event was stored, if that was long after its own time: an import, or a reingested event.
    pub stored_at: Option<Timestamp>,
    /// Number of webhooks that have forwarded the event from log to log.
    pub hops: u32,
    /// Number of the nudge that ingest announced the event with; `None` if only the stream announces it.
    pub nudge: Option<u64>,
    /// Fields that the catalog extracted from the payload.
    pub fields: Fields,
    /// The producer's JSON, byte for byte.
    pub payload: Vec<u8>,
}
