//! What is told of one attempt: in the log, the metrics and the event's trace.

use events::Event;
use store::{Attempt, Status, Step};

use crate::State;

/// Messages that could not be handled, in a line that `CloudWatch` reads a metric out of: they come again, and nobody
/// else says that they do.
pub(crate) fn unhandled(messages: usize) {
    if messages > 0 {
        tracing::info!(target: store::METRICS, function = "deliver", unhandled = messages, "unhandled");
    }
}

/// An attempt, and where its delivery stands since.
pub(crate) struct Told<'a> {
    pub(crate) event: &'a Event,
    /// The target's name.
    pub(crate) target: &'a str,
    /// The attempt's number.
    pub(crate) number: u32,
    /// The replay or retry that it belongs to.
    pub(crate) run: Option<&'a str>,
    pub(crate) attempt: &'a Attempt,
    pub(crate) status: Status,
}

impl Told<'_> {
    /// One line, which `CloudWatch` reads metrics out of.
    pub(crate) fn log(&self) {
        let Told { attempt, status, .. } = self;
        tracing::info!(
            target: store::METRICS,
            function = "deliver",
            event = %self.event.id,
            target = self.target,
            run = self.run,
            attempt = %self.number,
            code = attempt.status.map(tracing::field::display),
            class = attempt.class,
            error = attempt.error,
            delivered = u64::from(*status == Status::Delivered),
            failed_attempts = u64::from(attempt.error.is_some()),
            given_up = u64::from(*status == Status::Failed),
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
        if self.status == Status::Delivered {
            tracing::debug!(%event, target, attempt, code, attempt_ms, "delivered");
        } else {
            let error = self.attempt.error.as_deref();
            tracing::debug!(%event, target, attempt, code, error, attempt_ms, "attempt failed");
        }
    }

    /// How long the event has waited in the log for its first attempt; nothing of later ones, whose waits are meant.
    fn delay_ms(&self) -> Option<u64> {
        let first = self.number == 1 && self.run.is_none();
        let since = self.event.stored_at.unwrap_or(self.event.received_at);
        let waited = || self.attempt.at.duration_since(since).as_millis();
        first.then(|| u64::try_from(waited()).unwrap_or_default())
    }

    /// Tells the event's trace.
    pub(crate) fn trace(&self, state: &State) {
        let step = Step {
            function: "deliver",
            event: self.event.id,
            received_at: self.event.received_at,
            began: self.attempt.at,
            attempt: Some((self.target, self.number)),
            error: self.attempt.error.as_deref(),
        };
        state.tracer.tell(&step, (state.clock)());
    }
}
