//! The installation whose cost is calculated.

use super::assumptions::DEFAULT_RECEIVER_MS;

/// An installation: its load in a month and its settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// Events a month.
    pub(crate) events: f64,
    /// Bytes of an event's payload.
    pub(crate) payload_bytes: f64,
    /// Targets whose filter matches each event.
    pub(crate) targets: f64,
    /// Retention of events in days.
    pub(crate) retention_days: f64,
    /// Searches a month.
    pub(crate) searches: f64,
    /// Events per ingest request.
    pub(crate) events_per_request: f64,
    /// Events per batch of fanout, and messages per batch of deliver.
    pub(crate) batch_size: f64,
    /// Response time of a receiver in milliseconds.
    pub(crate) receiver_ms: f64,
    /// Percentage of events that are traced.
    pub(crate) trace_percent: f64,
}

impl Default for Scenario {
    /// A million events, each in its own request and its own batches.
    fn default() -> Self {
        Self {
            events: 1e6,
            payload_bytes: 2000.0,
            targets: 1.0,
            retention_days: 365.0,
            searches: 0.0,
            events_per_request: 1.0,
            batch_size: 1.0,
            receiver_ms: DEFAULT_RECEIVER_MS,
            trace_percent: 0.0,
        }
    }
}
