//! Processing one delivery message: prepare, decide, send, record.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use events::Event;
use jiff::Timestamp;
use model::delivery::decision::{
    AttemptVerdict, MessageDecision, decide_after_attempt, decide_message, lost_attempts, status_before_attempt,
};
use model::delivery::transition::DeliveryState;
use model::{
    AttemptOutcome, Delivery, DeliveryKey, DeliveryMessage, RecordedStatus, Target, TargetState, is_test_of, jittered,
};

use crate::attempt::{AttemptResult, send_attempt};
use crate::metrics::AttemptReport;
use crate::queues::receive_count;
use crate::retry_after::parse_retry_after;
use crate::state::State;
use crate::target_health;

/// Maximum age of a cached target. A paused target receives at most one more second of attempts, and a replaced secret
/// signs them at most as long.
pub(crate) const MAX_TARGET_AGE: Duration = Duration::from_secs(1);

/// Time for which a replay claims a delivery, in addition to the timeout of the attempt.
const CLAIM_LEASE: Duration = Duration::from_secs(10);

/// Delay before a message is retried whose delivery is claimed by another worker, or whose target is at its
/// concurrency limit.
const MIN_BUSY_DELAY: Duration = Duration::from_secs(5);

/// Maximum of that delay, which grows with each receive.
const MAX_BUSY_DELAY: Duration = Duration::from_mins(10);

/// The events and delivery records of a batch.
pub(crate) struct BatchData {
    pub(crate) events: Vec<Event>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// The outcome of processing a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MessageOutcome {
    /// The message was processed and can be deleted.
    Done,
    /// The target is paused and the delivery is held. The message can be deleted.
    Held,
    /// The attempt failed or is not due yet. The message is retried after this delay.
    RetryAfter(Duration),
    /// The delivery is claimed, or the target is at its concurrency limit. The message is retried after this delay.
    Busy(Duration),
    /// The target is slow. The message moves to the slow queue.
    MoveToSlowQueue,
}

/// A message that could not be processed. SQS delivers it again after the visibility timeout, and finally moves it to the
/// dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("failed to parse the delivery message: {0}")]
    InvalidMessage(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The event, target and record of a delivery.
struct DeliveryContext<'a> {
    key: DeliveryKey<'a>,
    event: &'a Event,
    target: Target,
    target_state: Option<TargetState>,
    record: Option<&'a Delivery>,
}

/// Makes an attempt if one is due and the target is not paused. `hold` holds the delivery as if the target were paused.
pub(crate) async fn process(
    state: &State,
    data: &BatchData,
    record: &SqsMessage,
    message: &DeliveryMessage,
    hold: bool,
) -> Result<MessageOutcome, ProcessError> {
    let Some(context) = prepare(state, data, message).await? else { return Ok(MessageOutcome::Done) };
    let delivery_state = context.record.map(DeliveryState::from);
    let claim_time = context.target.timeout + CLAIM_LEASE;
    let (made, is_new_run) = match decide_message(delivery_state.as_ref(), context.key, (state.clock)(), claim_time) {
        MessageDecision::Drop => return Ok(MessageOutcome::Done),
        MessageDecision::NotYet(delay) => return Ok(MessageOutcome::RetryAfter(delay)),
        // The events after this one must wait as well: the worker may have died in the middle of the attempt.
        MessageDecision::Claimed(remaining) => return Ok(MessageOutcome::Busy(remaining)),
        MessageDecision::Attempt { made, is_new_run } => (made, is_new_run),
    };
    let receives = message.taken.saturating_add(receive_count(record));
    let lost_attempts = lost_attempts(context.record, receives, made);
    if status_before_attempt(hold || context.is_paused(), context.is_test()) == RecordedStatus::Held {
        state.deliveries.hold(context.key, lost_attempts).await?;
        return Ok(MessageOutcome::Held);
    }
    if context.is_slow((state.clock)()) && !state.queues.is_slow(record) {
        return Ok(MessageOutcome::MoveToSlowQueue);
    }
    let Some(_permit) = state.permits.acquire(&context.target.name).await else {
        return Ok(MessageOutcome::Busy(busy_delay(record)));
    };
    let lost_attempts = match context.key.run {
        None => lost_attempts,
        Some(_) => match claim(state, &context, is_new_run).await? {
            Some(lost_attempts) => lost_attempts,
            None => return Ok(MessageOutcome::Busy(MIN_BUSY_DELAY)),
        },
    };
    let mut result = send_attempt(state, context.event, &context.target, context.key.run).await;
    result.attempt.unrecorded = Some(lost_attempts).filter(|count| *count > 0);
    record_result(state, &context, result, made + 1).await
}

/// Loads the target and finds the event and the record. Returns `None` if there is nothing to deliver.
async fn prepare<'a>(
    state: &State,
    data: &'a BatchData,
    message: &'a DeliveryMessage,
) -> Result<Option<DeliveryContext<'a>>, ProcessError> {
    let DeliveryMessage { event, target: name, run, undelivered, .. } = message;
    let Some(event) = data.events.iter().find(|found| found.id == *event) else {
        tracing::warn!(event = %event, target = name, "the event has expired; dropping its delivery");
        return Ok(None);
    };
    let (targets, states) = futures::try_join!(state.targets.all(MAX_TARGET_AGE), state.states.all(MAX_TARGET_AGE))?;
    // A target that is newer than the cache is read by its name. So is a tested target: callers test the change that they
    // have just made.
    let target = match targets.iter().find(|target| target.name == *name) {
        Some(target) if !is_test_of(event, name) => Some(target.clone()),
        _ => state.config.get(name).await?,
    };
    let Some(target) = target else {
        tracing::info!(event = %event.id, target = name, "the target was removed; dropping the delivery");
        return Ok(None);
    };
    let record = data.deliveries.iter().find(|delivery| delivery.event == event.id && delivery.target == *name);
    // Agrees with the explanation of the event's deliveries, which attributes other deliveries to a removed target of
    // the same name.
    let belongs_to_target = match message.target_created_at {
        Some(created_at) => created_at == target.created_at,
        // A message of an earlier version.
        None => record.is_some_and(|record| record.is_for(&target)) || event.received_at >= target.known_since(),
    };
    if run.is_none() && !belongs_to_target {
        tracing::info!(event = %event.id, target = name, "the target was replaced; dropping the delivery");
        return Ok(None);
    }
    let (target_created_at, run) = (Some(target.created_at), run.as_deref());
    let key = DeliveryKey { event: event.id, target: name, target_created_at, run, undelivered: *undelivered };
    let target_state = states.iter().find(|state| state.name == *name).cloned();
    Ok(Some(DeliveryContext { key, event, target, target_state, record }))
}

impl DeliveryContext<'_> {
    fn is_paused(&self) -> bool {
        self.target_state.as_ref().is_some_and(|state| state.pause.is_some())
    }

    fn is_slow(&self, now: Timestamp) -> bool {
        let slow_until = self.target_state.as_ref().and_then(|state| state.slow_until);
        slow_until.is_some_and(|until| target_health::is_slow(until, now))
    }

    /// Returns whether the event tests the target. A test makes one attempt, even if the target is paused.
    fn is_test(&self) -> bool {
        self.target.is_tested_by(self.event)
    }
}

/// Claims the delivery for one attempt of a run. Returns the number of attempts that earlier claims lost; `None` if
/// another worker has claimed the delivery.
async fn claim(state: &State, context: &DeliveryContext<'_>, is_new_run: bool) -> Result<Option<u32>, store::Error> {
    let until = (state.clock)().checked_add(context.target.timeout + CLAIM_LEASE).unwrap_or(Timestamp::MAX);
    let claimed = state.deliveries.claim(context.key, is_new_run, until).await?;
    // The replay may have released the delivery since the record was read: then it belongs to this run already.
    if is_new_run && claimed.is_none() {
        return state.deliveries.claim(context.key, false, until).await;
    }
    Ok(claimed)
}

/// Records an attempt, and updates the health of its target.
async fn record_result(
    state: &State,
    context: &DeliveryContext<'_>,
    result: AttemptResult,
    made: u32,
) -> Result<MessageOutcome, ProcessError> {
    let DeliveryContext { key, event, target, target_state, record } = context;
    let attempt = &result.attempt;
    let verdict = judge_attempt(state, target, &result).await;
    let (status, delay) = decide_after_attempt(verdict, context.is_test(), made, &target.retry, random());
    // Times are stored with a resolution of one millisecond.
    let delay = delay.map(|delay| Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)));
    // The delay starts at the end of the attempt by the clock reading of its start: the clock may have been set forward
    // during the attempt.
    let ended_at = attempt.at.checked_add(Duration::from_millis(attempt.duration_ms)).unwrap_or(Timestamp::MAX);
    let next_attempt_at = delay.and_then(|delay| ended_at.checked_add(delay).ok());
    let before = record.map_or(0, |record| record.attempts.len());
    let outcome = AttemptOutcome { attempt, status, made, next_attempt_at, before };
    let is_current = state.deliveries.record_attempt(*key, outcome).await?;
    let report = AttemptReport { event, target: &target.name, number: made, run: key.run, attempt, status };
    report.log();
    report.trace(state);
    // A failed test says nothing about deliveries.
    if !context.is_test() || attempt.error.is_none() {
        target_health::record_attempt(state, target, target_state.as_ref(), attempt).await;
    }
    if status == RecordedStatus::Failed && is_current && !context.is_test() {
        target_health::report_failed_delivery(state, event, target, target_state.as_ref(), made, attempt).await;
    }
    Ok(delay.filter(|_| is_current).map_or(MessageOutcome::Done, MessageOutcome::RetryAfter))
}

/// Returns the verdict on an attempt. A target that answered 410 is paused. If the pause cannot be written, the attempt
/// counts as an ordinary failure, and the next attempt tries again.
async fn judge_attempt(state: &State, target: &Target, result: &AttemptResult) -> AttemptVerdict {
    if result.attempt.error.is_none() {
        return AttemptVerdict::Success;
    }
    if result.attempt.status == Some(410) {
        match target_health::pause(state, target, "it answered 410 Gone".to_owned()).await {
            Ok(()) => return AttemptVerdict::TargetGone,
            Err(error) => tracing::error!(%error, target = target.name, "failed to pause a target that answered 410"),
        }
    }
    if result.is_permanent {
        return AttemptVerdict::PermanentFailure;
    }
    let retry_after = |status| parse_retry_after(status, &result.headers, (state.clock)());
    AttemptVerdict::Failure { retry_after: result.attempt.status.and_then(retry_after) }
}

/// Returns a random number between 0 and 1.
fn random() -> f64 {
    fastrand::f64()
}

/// Returns the delay before a message is retried whose target is at its concurrency limit. The delay grows with each
/// receive, so that a long backlog does not use up the receives that the queue allows a message.
fn busy_delay(record: &SqsMessage) -> Duration {
    jittered(MIN_BUSY_DELAY.saturating_mul(receive_count(record)).min(MAX_BUSY_DELAY), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_delay_grows_with_each_receive() {
        let delay = |count: u32| {
            let mut record = SqsMessage::default();
            record.attributes.insert("ApproximateReceiveCount".to_owned(), count.to_string());
            busy_delay(&record).as_secs()
        };
        assert!((4..=6).contains(&delay(1)) && (45..=55).contains(&delay(10)) && delay(900) <= 660);
    }
}
