//! One message's turn: whether an attempt is due, the attempt, and what follows from it.

use std::borrow::Cow;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use events::Event;
use jiff::Timestamp;
use model::{AttemptOutcome, Delivery, DeliveryKey, DeliveryMessage, RecordedStatus, Target, TargetState};

use crate::after::retry_after;
use crate::attempt::{Made, make};
use crate::plan::{Plan, plan};
use crate::tally::Told;
use crate::{Loaded, MAX_AGE, Next, State, Unhandled, standing};

/// How long a replay's delivery belongs to who attempts it, beyond the attempt's own timeout.
const CLAIM: Duration = Duration::from_secs(10);

/// How long a message waits whose delivery somebody else has, or whose target has enough to do.
const BUSY: Duration = Duration::from_secs(5);

/// How long it waits at most, when it has come often.
const BUSY_AT_MOST: Duration = Duration::from_mins(10);

/// The event, target and record that a message is about.
struct Case<'a> {
    event: &'a Event,
    target: &'a Target,
    standing: Option<&'a TargetState>,
    turn: DeliveryKey<'a>,
    /// How many attempts are on record.
    before: usize,
    /// How often it was taken up before and nothing was put on record.
    unrecorded: u32,
}

/// One attempt, if one is due, or none where the target is paused or this is to be `held`.
pub(crate) async fn take(
    state: &State,
    loaded: &Loaded,
    record: &SqsMessage,
    message: &DeliveryMessage,
    held: bool,
) -> Result<Next, Unhandled> {
    let DeliveryMessage { event, target, run, undelivered, .. } = message;
    let Some(event) = loaded.events.iter().find(|found| found.id == *event) else {
        tracing::warn!(event = %event, target, "the event is gone: nothing to deliver");
        return Ok(Next::Done);
    };
    let (targets, states) = futures::try_join!(state.targets.all(MAX_AGE), state.states.all(MAX_AGE))?;
    // One that is younger than the copy is read by itself.
    let found = match targets.iter().find(|found| found.name == *target) {
        Some(found) => Some(Cow::Borrowed(found)),
        None => state.config.get(target).await?.map(Cow::Owned),
    };
    let Some(target) = found.as_deref() else {
        tracing::info!(event = %event.id, target, "the target was removed: nothing to deliver");
        return Ok(Next::Done);
    };
    let turn = DeliveryKey { event: event.id, target: &target.name, run: run.as_deref(), undelivered: *undelivered };
    let known = loaded.records.iter().find(|known| known.event == event.id && known.target == target.name);
    // What is explained as this target's is delivered, and what as another's that had its name is not.
    let ours = known.is_some_and(|known| known.is_for(target)) || event.received_at >= target.known_since();
    if run.is_none() && !ours {
        tracing::info!(event = %event.id, target = target.name, "another target has that name now");
        return Ok(Next::Done);
    }
    let before = known.map_or(0, |known| known.attempts.len());
    let standing = states.iter().find(|standing| standing.name == target.name);
    let (made, first) = match plan(known, turn, (state.clock)()) {
        Plan::Nothing => return Ok(Next::Done),
        Plan::NotYet(wait) => return Ok(Next::Again(wait)),
        Plan::Attempt { made, first } => (made, first),
    };
    let unrecorded = unrecorded(known, message, record, made);
    let paused = held || standing.is_some_and(|standing| standing.pause.is_some());
    if paused && !target.is_tested_by(event) {
        state.deliveries.hold(turn, unrecorded).await?;
        return Ok(Next::Held);
    }
    let slow = standing.and_then(|standing| standing.slow_until).is_some_and(|until| until > (state.clock)());
    if slow && !state.queues.is_slow(record) {
        return Ok(Next::Slow);
    }
    let Some(_permit) = state.permits.take(&target.name).await else { return Ok(Next::Busy(busy(record))) };
    let claimed_until = (state.clock)().checked_add(target.timeout + CLAIM).unwrap_or(Timestamp::MAX);
    let mut claimed = Some(unrecorded);
    if let Some(run) = turn.run {
        claimed = state.deliveries.claim(turn, run, first, claimed_until).await?;
        // The replay notes what it has sent, which may come in between: then the record is this run's already.
        if first && claimed.is_none() {
            claimed = state.deliveries.claim(turn, run, false, claimed_until).await?;
        }
    }
    let Some(unrecorded) = claimed else { return Ok(Next::Busy(BUSY)) };
    attempt(state, Case { event, target, standing, turn, before, unrecorded }, made).await
}

/// Makes the attempt, and records it.
async fn attempt(state: &State, case: Case<'_>, made: u32) -> Result<Next, Unhandled> {
    let Case { event, target, standing, turn, before, unrecorded } = case;
    let mut done = make(state, event, target, turn.run).await;
    done.attempt.unrecorded = Some(unrecorded).filter(|times| *times > 0);
    let made = made + 1;
    let gone = done.attempt.status == Some(410) && gone(state, target).await;
    let (status, wait) = follows(&done, gone, target, event, made, (state.clock)());
    // To the millisecond, as all times are told.
    let wait = wait.map(|wait| Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    let next_attempt_at = wait.and_then(|wait| (state.clock)().checked_add(wait).ok());
    let outcome = AttemptOutcome { attempt: &done.attempt, status, made, next_attempt_at, before };
    let current = state.deliveries.record_attempt(turn, outcome).await?;
    let told = Told { event, target: &target.name, number: made, run: turn.run, attempt: &done.attempt, status };
    told.log();
    told.trace(state);
    if !target.is_tested_by(event) || done.attempt.error.is_none() {
        standing::note(state, target, standing, &done.attempt).await;
    }
    if status == RecordedStatus::Failed && current && !target.is_tested_by(event) {
        standing::failed(state, event, target, standing, made, &done.attempt).await;
    }
    Ok(wait.filter(|_| current).map_or(Next::Done, Next::Again))
}

/// Pauses a target that answered 410; whether it is paused. Where that cannot be written, the attempt is put on record
/// as one that failed, and the next tries again.
async fn gone(state: &State, target: &Target) -> bool {
    let paused = standing::pause(state, target, "it answered 410 Gone".to_owned()).await;
    if let Err(error) = &paused {
        tracing::error!(%error, target = target.name, "a target that is gone cannot be paused");
    }
    paused.is_ok()
}

/// Where the delivery stands after an attempt, and how long until the next; `gone` where that has paused the target.
fn follows(
    done: &Made,
    gone: bool,
    target: &Target,
    event: &Event,
    made: u32,
    now: Timestamp,
) -> (RecordedStatus, Option<Duration>) {
    if done.attempt.error.is_none() {
        return (RecordedStatus::Delivered, None);
    }
    // It is delivered when the target is resumed.
    if gone && !target.is_tested_by(event) {
        return (RecordedStatus::Held, None);
    }
    // What cannot be rendered today cannot be tomorrow; a test is made once.
    if done.is_final || target.is_tested_by(event) {
        return (RecordedStatus::Failed, None);
    }
    let Some(wait) = target.retry.delay_after(made) else { return (RecordedStatus::Failed, None) };
    let asked = done.attempt.status.and_then(|status| retry_after(status, &done.headers, now));
    (RecordedStatus::Waiting, Some(jittered(wait).max(asked.unwrap_or_default())))
}

/// Within a tenth of `wait`, so that what failed together is not tried again together.
fn jittered(wait: Duration) -> Duration {
    // Without randomness there is no jitter: no reason not to deliver.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
}

/// How long a message waits whose target has enough to do: longer each time, so that a long backlog does not use
/// up the receives that the queue allows a message.
fn busy(record: &SqsMessage) -> Duration {
    jittered(BUSY.saturating_mul(received(record)).min(BUSY_AT_MOST))
}

/// How often a message was taken from its queue.
pub(crate) fn received(record: &SqsMessage) -> u32 {
    record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// How often a delivery on its own way was taken up and nothing was put on record: the queue counts how often the message
/// was taken. What attempts have told of that is not told again.
fn unrecorded(known: Option<&Delivery>, message: &DeliveryMessage, record: &SqsMessage, made: u32) -> u32 {
    let attempts = known.map_or(&[][..], |known| &known.attempts);
    let told: u32 = attempts.iter().filter_map(|attempt| attempt.unrecorded).sum();
    message.taken.saturating_add(received(record)).saturating_sub(1 + made + told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_tenth() {
        let wait = Duration::from_secs(100);
        for _ in 0..1000 {
            let jittered = jittered(wait);
            assert!(jittered >= wait.mul_f64(0.9) && jittered <= wait.mul_f64(1.1), "{jittered:?}");
        }
    }

    fn taken(times: u32) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.attributes.insert("ApproximateReceiveCount".to_owned(), times.to_string());
        record
    }

    #[test]
    fn a_message_that_came_often_waits_longer() {
        let wait = |times| busy(&taken(times)).as_secs();
        assert!((4..=6).contains(&wait(1)) && (45..=55).contains(&wait(10)) && wait(900) <= 660);
    }

    #[test]
    fn what_left_no_record_is_told_once() {
        let record = |unrecorded: &[u64]| -> Delivery {
            let attempts: Vec<_> = unrecorded
                .iter()
                .map(|times| serde_json::json!({ "at": Timestamp::UNIX_EPOCH, "duration_ms": 1, "unrecorded": times }))
                .collect();
            let item = serde_json::json!({ "pk": 1, "sk": "t", "status": "waiting", "attempts": attempts });
            serde_json::from_value(item).unwrap()
        };
        let message = |before| DeliveryMessage { taken: before, ..DeliveryMessage::new(events::EventId::MIN, "t") };
        assert_eq!(unrecorded(None, &message(0), &taken(1), 0), 0);
        assert_eq!(unrecorded(None, &message(0), &taken(2), 0), 1);
        assert_eq!(unrecorded(Some(&record(&[1])), &message(0), &taken(3), 1), 0, "told by the first attempt");
        assert_eq!(unrecorded(Some(&record(&[1, 0])), &message(3), &taken(2), 2), 1, "sent anew after three");
    }
}
