//! The state of the function.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use jiff::Timestamp;
use model::Source;
use runtime::Tracer;
use store::{CachedRecords, EventTable, Quarantine};
use web::Keys;

use crate::nudger::Nudger;
use crate::quarantine_alert::QuarantineAlertLimiter;

/// The state of the function.
#[derive(Debug, Clone)]
pub struct State {
    /// Table of events.
    pub events: EventTable,
    /// Table of rejected events.
    pub quarantine: Quarantine,
    /// API keys.
    pub keys: Keys,
    /// Registered sources.
    pub sources: Arc<CachedRecords<Source>>,
    /// Limiter of the events that report quarantined events.
    pub quarantine_alerts: Arc<QuarantineAlertLimiter>,
    /// Sender of nudges; `None` if only the stream announces events.
    pub nudger: Option<Nudger>,
    /// Time for which a request retries throttled writes.
    pub write_timeout: Duration,
    /// Tracer of stored events.
    pub tracer: Tracer,
    /// Clock.
    pub clock: fn() -> Timestamp,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}
