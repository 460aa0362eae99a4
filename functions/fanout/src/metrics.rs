//! Log lines, metrics and traces of a batch.

use events::Event;
use jiff::Timestamp;
use model::FanoutPath;
use runtime::Span;

use crate::state::State;

/// The deliveries that a batch has sent and held.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FanoutReport {
    /// Number of delivery messages.
    pub(crate) messages: usize,
    /// Number of deliveries that are held because their target is paused.
    pub(crate) held: usize,
}

/// Logs a batch in one line, from which `CloudWatch` reads the metrics. The stream also reports the events that a nudge
/// has sent, so that `events` counts each event once.
pub(crate) fn log(path: FanoutPath, events: &[(String, Event)], report: FanoutReport, failed: bool, now: Timestamp) {
    let oldest = events.iter().map(|(_, event)| event.stored_at.unwrap_or(event.received_at)).min();
    let lag_ms = oldest.map(|oldest| u64::try_from(now.duration_since(oldest).as_millis()).unwrap_or_default());
    match path {
        FanoutPath::Stream => tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "fanout",
            events = events.len(),
            messages = report.messages,
            held = report.held,
            failed_batches = u64::from(failed),
            lag_ms = lag_ms,
            "fanned out"
        ),
        FanoutPath::Nudge => tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "fanout",
            nudged = events.len(),
            messages = report.messages,
            held = report.held,
            failed_batches = u64::from(failed),
            nudge_lag_ms = lag_ms,
            "fanned out nudged events"
        ),
    }
}

/// Logs the events that a page of a replay has sent.
pub(crate) fn log_replay_page(replay: &str, target: &str, events: u64) {
    tracing::info!(
        target: runtime::METRICS_TARGET,
        function = "fanout",
        replay,
        target_name = target,
        replayed = events,
        "replayed"
    );
}

/// Counts a replay message that could not be processed.
pub(crate) fn count_failed_replay_message() {
    tracing::info!(target: runtime::METRICS_TARGET, function = "fanout", failed_batches = 1, "unhandled");
}

/// Counts nudges that could not be processed.
pub(crate) fn count_failed_nudge_message() {
    tracing::info!(target: runtime::METRICS_TARGET, function = "fanout", failed_batches = 1, "unhandled nudge");
}

/// Adds the batch to the traces of its events. Events from `failed` on are processed again.
pub(crate) fn trace(state: &State, events: &[(String, Event)], began: Timestamp, failed: Option<&str>) {
    let now = (state.clock)();
    for (_, event) in events.iter().take_while(|(sequence, _)| Some(sequence.as_str()) != failed) {
        let received_at = event.received_at;
        let span = Span { function: "fanout", event: event.id, received_at, began, attempt: None, error: None };
        state.tracer.emit(&span, now);
    }
}
