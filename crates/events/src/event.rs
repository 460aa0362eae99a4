//! The Event model: one immutable record and the fields it is found by.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::EventId;

/// What kind of thing an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Something was done.
    Lifecycle,
    /// A service's log line.
    Logging,
    /// A signal from an outside system.
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

/// A log line's severity, as Migration Manager names them; ordered from least to most severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For the service's developers.
    Debug,
    /// Ordinary work.
    Info,
    /// Something may need a look.
    Warn,
    /// Something failed.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}

/// What a catalog reads out of one payload: every field that events are filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Lifecycle, logging or signal.
    pub scope: Scope,
    /// The most specific name of what happened: `feature-created`, `instance-imported`, `logging`.
    pub event_type: String,
    /// When it happened, by the producer's clock, to the nanosecond.
    pub time: Timestamp,
    /// Whether the producer said when; where it did not, `time` is when the event was received.
    pub time_given: bool,
    /// Who did it.
    pub actor: Option<String>,
    /// What it was done to.
    pub subject: Option<String>,
    /// Everything it was done to, the subject first; empty where the catalog knows no entities.
    pub entities: Vec<String>,
    /// The project involved.
    pub project: Option<String>,
    /// The environment involved.
    pub environment: Option<String>,
    /// A log line's severity; `None` for every other event.
    pub level: Option<Level>,
    /// The version of the schema that accepted the payload; `None` where only the catalog's base
    /// schema did, because the type is not known.
    pub schema_version: Option<u32>,
}

/// One immutable record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it stands in the log.
    pub id: EventId,
    /// The registered producer that sent it.
    pub source: String,
    /// The source's catalog.
    pub catalog: String,
    /// When it reached the ingest function.
    pub received_at: Timestamp,
    /// When it was stored, where that was long after its own time: an import, or a replay out of the quarantine.
    pub stored_at: Option<Timestamp>,
    /// What the catalog read out of the payload.
    pub fields: Fields,
    /// The producer's JSON, byte for byte.
    pub payload: Vec<u8>,
}
