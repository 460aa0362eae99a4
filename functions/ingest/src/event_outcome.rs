//! The outcome of writing an event.

use events::{EventId, Violation};
use schemars::JsonSchema;
use serde::Serialize;
use web::Problem;

/// The outcome of one event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schemars(rename = "EventResult")]
pub(crate) enum EventOutcome {
    /// The event was stored in the log.
    Stored {
        /// ID of the event.
        id: EventId,
    },
    /// The event is already in the log, and was not stored again.
    Duplicate {
        /// ID of the event in the log.
        id: EventId,
    },
    /// The event does not match its schema, and was stored in the quarantine.
    Quarantined {
        /// ID of the event in the quarantine.
        quarantine: String,
        /// Violations of the schema. If a batch has many, only the first ones of each event.
        violations: Vec<Violation>,
    },
    /// The event was stored neither in the log nor in the quarantine.
    NotKept {
        /// Reason.
        problem: Problem,
    },
}

/// The outcome of one event, and its cost.
#[derive(Debug)]
pub(crate) struct WriteResult {
    pub(crate) outcome: EventOutcome,
    /// Consumed write units.
    pub(crate) write_units: f64,
}

impl WriteResult {
    /// The result of a failed write.
    pub(crate) fn failed(problem: impl Into<Problem>) -> Self {
        Self { outcome: EventOutcome::NotKept { problem: problem.into() }, write_units: 0.0 }
    }
}
