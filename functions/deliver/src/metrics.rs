//! Log lines, metrics and traces of attempts.

use events::Event;
use model::{Attempt, RecordedStatus};
use runtime::Span;

use crate::state::State;

/// Counts messages that could not be processed and will be received again.
pub(crate) fn count_unhandled(messages: usize) {
    if messages > 0 {
        tracing::info!(target: runtime::METRICS_TARGET, function = "deliver", unhandled = messages, "unhandled");
    }
}

/// An attempt, and the status of its delivery after it.
pub(crate) struct AttemptReport<'a> {
    pub(crate) event: &'a Event,
    /// Name of the target.
    pub(crate) target: &'a str,
    /// Number of the attempt.
    pub(crate) number: u32,
    /// Replay or retry that the attempt belongs to.
    pub(crate) run: Option<&'a str>,
    pub(crate) attempt: &'a Attempt,
    pub(crate) status: RecordedStatus,
}

impl AttemptReport<'_> {
    /// Logs the attempt in one line, from which `CloudWatch` reads the metrics.
    pub(crate) fn log(&self) {
        let AttemptReport { attempt, status, .. } = self;
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "deliver",
            event = %self.event.id,
            target = self.target,
            run = self.run,
            attempt = %self.number,
            code = attempt.status.map(tracing::field::display),
            class = attempt.class,
            error = attempt.error,
            delivered = u64::from(*status == RecordedStatus::Delivered),
            failed_attempts = u64::from(attempt.error.is_some()),
            given_up = u64::from(*status == RecordedStatus::Failed),
            attempt_ms = attempt.duration_ms,
            delay_ms = self.delay_ms(),
            "attempted"
        );
        self.log_for_local_stack();
    }

    /// Logs the attempt for a reader of the local stack's terminal. On AWS, the line with the metrics has the same fields.
    fn log_for_local_stack(&self) {
        let (event, target, attempt) = (self.event.id, self.target, self.number);
        let code = self.attempt.status.map(tracing::field::display);
        let attempt_ms = self.attempt.duration_ms;
        if self.status == RecordedStatus::Delivered {
            tracing::debug!(%event, target, attempt, code, attempt_ms, "delivered");
        } else {
            let error = self.attempt.error.as_deref();
            tracing::debug!(%event, target, attempt, code, error, attempt_ms, "attempt failed");
        }
    }

    /// Returns the time from storing the event to its first attempt; `None` for later attempts, which wait on purpose.
    fn delay_ms(&self) -> Option<u64> {
        let is_first = self.number == 1 && self.run.is_none();
        let since = self.event.stored_at.unwrap_or(self.event.received_at);
        let waited = || self.attempt.at.duration_since(since).as_millis();
        is_first.then(|| u64::try_from(waited()).unwrap_or_default())
    }

    /// Adds the attempt to the event's trace.
    pub(crate) fn trace(&self, state: &State) {
        let span = Span {
            function: "deliver",
            event: self.event.id,
            received_at: self.event.received_at,
            began: self.attempt.at,
            attempt: Some((self.target, self.number)),
            error: self.attempt.error.as_deref(),
        };
        state.tracer.emit(&span, (state.clock)());
    }
}
