//! Decisions about deliveries: which [event](super::transition::DeliveryEvent) follows from a message, an attempt, a pause
//! or a request to retry.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::record::{Delivery, DeliveryKey, RecordedStatus};
use super::transition::{DeliveryState, max_claim_time};
use crate::replay::run_name;
use crate::retry_policy::{RetryPolicy, retry_delay};
use crate::target::known_since;

/// Time after which a retry without an attempt counts as lost: the process that requested it ended before it sent the
/// message.
const LOST_RETRY_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The decision about a delivery message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageDecision {
    /// The message is obsolete.
    Drop,
    /// The next attempt is due after this delay.
    NotYet(Duration),
    /// Another worker has claimed the delivery, for this time at most.
    Claimed(Duration),
    /// An attempt is due.
    Attempt {
        /// Number of attempts since the retry schedule started.
        made: u32,
        /// `true` if the delivery does not belong to the run of the message yet.
        is_new_run: bool,
    },
}

/// Decides about a message for the delivery `key`. A message only suggests that something may be due: the record
/// decides, so that repeated messages do no harm. `claim_time` is the time for which a worker claims a delivery.
///
/// The clock may have gone back since the record was written. A claim that ends later than any claim of now has ended,
/// and an attempt is due if the previous one is in the future: the queue has delayed the message already.
pub fn decide_message(
    state: Option<&DeliveryState>,
    key: DeliveryKey<'_>,
    now: Timestamp,
    claim_time: Duration,
) -> MessageDecision {
    let first_of_run = MessageDecision::Attempt { made: 0, is_new_run: true };
    let Some(state) = state else { return first_of_run };
    if key.undelivered && state.status == RecordedStatus::Delivered {
        return MessageDecision::Drop;
    }
    match (state.run.as_deref(), key.run) {
        // A later replay or retry has taken the delivery over.
        (Some(_), None) => return MessageDecision::Drop,
        (Some(current), Some(run)) if current > run => return MessageDecision::Drop,
        (current, Some(run)) if current != Some(run) => return first_of_run,
        _ => {}
    }
    match state.status {
        RecordedStatus::Delivered | RecordedStatus::Failed => MessageDecision::Drop,
        RecordedStatus::Held => MessageDecision::Attempt { made: 0, is_new_run: false },
        RecordedStatus::Waiting => {
            let until =
                |at: Option<Timestamp>| at.filter(|at| *at > now).map(|at| at.duration_since(now).unsigned_abs());
            let was_set_back = state.last_attempt_at.is_some_and(|at| known_since(at) > now);
            if let Some(claimed) = until(state.claimed_until).filter(|claimed| *claimed <= max_claim_time(claim_time)) {
                return MessageDecision::Claimed(claimed);
            }
            match until(state.next_attempt_at).filter(|_| !was_set_back) {
                Some(delay) => MessageDecision::NotYet(delay),
                None => MessageDecision::Attempt { made: state.made, is_new_run: false },
            }
        }
    }
}

/// Returns the status of a delivery that is about to be attempted: held if its target is paused, otherwise waiting. A
/// test event is sent even to a paused target.
pub fn status_before_attempt(is_target_paused: bool, is_test: bool) -> RecordedStatus {
    if is_target_paused && !is_test { RecordedStatus::Held } else { RecordedStatus::Waiting }
}

/// Returns the number of attempts of a first delivery that have left no record. Each receive of its messages is an
/// attempt. Attempts that an earlier record has reported as lost are not counted again.
pub fn lost_attempts(delivery: Option<&Delivery>, receives: u32, made: u32) -> u32 {
    let attempts = delivery.map_or(&[][..], |delivery| &delivery.attempts);
    let reported: u32 = attempts.iter().filter_map(|attempt| attempt.unrecorded).sum();
    receives.saturating_sub(1 + made + reported)
}

/// The verdict on an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// The target answered with a 2xx status.
    Success,
    /// The attempt failed. The target may have requested a delay with `Retry-After`.
    Failure {
        /// The requested delay.
        retry_after: Option<Duration>,
    },
    /// The attempt failed, and every further attempt would fail in the same way.
    PermanentFailure,
    /// The attempt has paused the target, because it answered 410.
    TargetGone,
}

/// Decides the status of a delivery after an attempt, the `made`th since the retry schedule started, and the delay until
/// the next attempt. A test event (`is_test`) has one attempt. `random` is between 0 and 1.
pub fn decide_after_attempt(
    verdict: AttemptVerdict,
    is_test: bool,
    made: u32,
    policy: &RetryPolicy,
    random: f64,
) -> (RecordedStatus, Option<Duration>) {
    match verdict {
        AttemptVerdict::Success => (RecordedStatus::Delivered, None),
        _ if is_test => (RecordedStatus::Failed, None),
        // The delivery continues when the target is resumed.
        AttemptVerdict::TargetGone => (RecordedStatus::Held, None),
        AttemptVerdict::PermanentFailure => (RecordedStatus::Failed, None),
        AttemptVerdict::Failure { retry_after } => match policy.delay_after(made) {
            None => (RecordedStatus::Failed, None),
            Some(delay) => (RecordedStatus::Waiting, Some(retry_delay(delay, retry_after, random))),
        },
    }
}

/// The decision about a request to retry a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// The delivery can be released from this status.
    Release(RecordedStatus),
    /// The delivery waits for an attempt already.
    AlreadyWaiting,
    /// The delivery is held, and continues when the target is resumed.
    HeldByPause,
}

/// Decides about a request to retry a recorded delivery.
pub fn decide_retry(state: &DeliveryState, is_target_paused: bool, now: Timestamp) -> RetryDecision {
    match state.status {
        RecordedStatus::Held if is_target_paused => RetryDecision::HeldByPause,
        RecordedStatus::Waiting if !is_retry_lost(state, now) => RetryDecision::AlreadyWaiting,
        status => RetryDecision::Release(status),
    }
}

/// Returns whether a delivery waits for the first attempt of a retry whose message was never sent.
fn is_retry_lost(state: &DeliveryState, now: Timestamp) -> bool {
    let Ok(latest_lost) = now.checked_sub(LOST_RETRY_AFTER).map(run_name) else { return false };
    state.made == 0 && state.claimed_until.is_none() && state.run.as_ref().is_some_and(|run| *run < latest_lost)
}
