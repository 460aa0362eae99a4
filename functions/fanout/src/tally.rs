//! What one batch did, for the metrics and the traces.

use events::Event;
use jiff::Timestamp;
use runtime::Span;

use crate::State;

/// What a batch asked for that is done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Messages to deliver.
    pub(crate) messages: usize,
    /// Deliveries that wait for a target to be resumed.
    pub(crate) held: usize,
}

/// One line, which `CloudWatch` reads metrics out of.
pub(crate) fn log(events: &[(String, Event)], sent: Sent, failed: bool, now: Timestamp) {
    let oldest = events.iter().map(|(_, event)| event.stored_at.unwrap_or(event.received_at)).min();
    tracing::info!(
        target: runtime::METRICS_TARGET,
        function = "fanout",
        events = events.len(),
        messages = sent.messages,
        held = sent.held,
        failed_batches = u64::from(failed),
        lag_ms = oldest.map(|oldest| u64::try_from(now.duration_since(oldest).as_millis()).unwrap_or_default()),
        "fanned out"
    );
}

/// Tells what became of each event: those from `failed` on come again.
pub(crate) fn trace(state: &State, events: &[(String, Event)], began: Timestamp, failed: Option<&str>) {
    let now = (state.clock)();
    for (_, event) in events.iter().take_while(|(sequence, _)| Some(sequence.as_str()) != failed) {
        let received_at = event.received_at;
        let step = Span { function: "fanout", event: event.id, received_at, began, attempt: None, error: None };
        state.tracer.emit(&step, now);
    }
}
