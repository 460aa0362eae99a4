//! Processing a batch of SQS messages.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use events::EventId;
use futures::FutureExt;
use jiff::Timestamp;
use model::DeliveryMessage;
use tokio::time::Instant;

use crate::metrics;
use crate::process_message::{BatchData, MAX_TARGET_AGE, MessageOutcome, ProcessError, process};
use crate::queues::receive_count;
use crate::state::State;

/// Maximum age of a message. The queue drops a message after ten days, even if its next attempt is due later; a target
/// may postpone each attempt by a day.
const MAX_MESSAGE_AGE: Duration = Duration::from_hours(9 * 24);

/// Time after which the remaining events of a message are sent on as a new message. Together with the longest attempt,
/// it is shorter than the function's timeout.
const MAX_MESSAGE_TIME: Duration = Duration::from_secs(30);

/// The answer to SQS about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acknowledgement {
    Delete,
    ReceiveAgain,
}

/// Attempts the deliveries of a batch of messages concurrently, so that a batch takes little longer than its slowest
/// delivery. The response names the messages that SQS must deliver again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let messages: Vec<Result<DeliveryMessage, ProcessError>> = batch.records.iter().map(parse_message).collect();
    let data = match load(state, &messages).await {
        Ok(data) => data,
        Err(error) => {
            tracing::error!(%error, "failed to load the data of a batch; its messages are retried");
            metrics::count_unhandled(batch.records.len());
            batch.records.into_iter().filter_map(|record| record.message_id).for_each(|id| response.add_failure(id));
            return response;
        }
    };
    let records = batch.records.iter().zip(messages);
    let processing = records.map(|(record, message)| process_isolated(state, &data, record, message));
    let acknowledgements = futures::future::join_all(processing).await;
    for (record, acknowledgement) in batch.records.into_iter().zip(acknowledgements) {
        if let (Acknowledgement::ReceiveAgain, Some(id)) = (acknowledgement, record.message_id) {
            response.add_failure(id);
        }
    }
    response
}

fn parse_message(record: &SqsMessage) -> Result<DeliveryMessage, ProcessError> {
    Ok(serde_json::from_str(record.body.as_deref().unwrap_or_default())?)
}

/// Loads the events and delivery records of all messages.
async fn load(state: &State, messages: &[Result<DeliveryMessage, ProcessError>]) -> Result<BatchData, store::Error> {
    state.deployment.verify().await?;
    let messages = messages.iter().flatten();
    let keys = messages.flat_map(|message| {
        let events = std::iter::once(&message.event).chain(&message.then);
        events.map(|event| (*event, message.target.as_str()))
    });
    let mut keys: Vec<(EventId, &str)> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    let mut ids: Vec<EventId> = keys.iter().map(|(event, _)| *event).collect();
    ids.dedup();
    // Every message reads the targets itself, because the last of many may be processed much later. Reading them here
    // fills the cache, so that the first message does not wait for them.
    let (events, deliveries, _, _) = futures::try_join!(
        state.events.get_many(&ids),
        state.deliveries.get_many(&keys),
        state.targets.all(MAX_TARGET_AGE),
        state.states.all(MAX_TARGET_AGE),
    )?;
    Ok(BatchData { events, deliveries })
}

/// Processes a message, so that a panic fails only this message: the attempts of the other messages are recorded.
async fn process_isolated(
    state: &State,
    data: &BatchData,
    record: &SqsMessage,
    message: Result<DeliveryMessage, ProcessError>,
) -> Acknowledgement {
    let processed = AssertUnwindSafe(process_record(state, data, record, message)).catch_unwind().await;
    processed.unwrap_or_else(|_| {
        tracing::error!(message = record.message_id, "panicked while processing a message");
        metrics::count_unhandled(1);
        Acknowledgement::ReceiveAgain
    })
}

/// Delivers the events of a message, one after the other.
async fn process_record(
    state: &State,
    data: &BatchData,
    record: &SqsMessage,
    message: Result<DeliveryMessage, ProcessError>,
) -> Acknowledgement {
    let message = match message {
        Ok(message) => message,
        Err(error) => return settle(state, record, Err(error)).await,
    };
    if message.then.is_empty() {
        let outcome = process(state, data, record, &message, false).await;
        return settle(state, record, outcome).await;
    }
    let (started, mut hold) = (Instant::now(), false);
    for (index, single) in message.split().enumerate() {
        if started.elapsed() > MAX_MESSAGE_TIME {
            return forward_rest(state, message.skip(index), state.queues.is_slow(record)).await;
        }
        // After a held event, the following events are held too, even if the target is resumed meanwhile. Otherwise
        // they would overtake the held event.
        let outcome = process(state, data, record, &single, hold).await;
        hold = matches!(outcome, Ok(MessageOutcome::Held));
        match outcome {
            Ok(MessageOutcome::Done | MessageOutcome::Held) => {}
            // The retry is a message of its own, so that it does not block the following events. The delivery record
            // stores when it is due.
            Ok(MessageOutcome::RetryAfter(_)) => {
                if !state.queues.send(&single, state.queues.is_slow(record)).await {
                    return Acknowledgement::ReceiveAgain;
                }
            }
            // The earlier events are recorded: they are skipped when the whole message is received again.
            Ok(MessageOutcome::Busy(delay)) => {
                state.queues.hide(record, delay).await;
                return Acknowledgement::ReceiveAgain;
            }
            Ok(MessageOutcome::MoveToSlowQueue) => return forward_rest(state, message.skip(index), true).await,
            Err(error) => return settle(state, record, Err(error)).await,
        }
    }
    Acknowledgement::Delete
}

/// Sends the remaining events of a message as one new message, which preserves their order.
async fn forward_rest(state: &State, rest: Option<DeliveryMessage>, slow: bool) -> Acknowledgement {
    match rest {
        Some(rest) if !state.queues.send(&rest, slow).await => Acknowledgement::ReceiveAgain,
        _ => Acknowledgement::Delete,
    }
}

/// Deletes, hides or moves a message according to its outcome.
async fn settle(state: &State, record: &SqsMessage, outcome: Result<MessageOutcome, ProcessError>) -> Acknowledgement {
    match outcome {
        Ok(MessageOutcome::Done | MessageOutcome::Held) => return Acknowledgement::Delete,
        // If the message cannot be moved now, it is received again and moved then.
        Ok(MessageOutcome::MoveToSlowQueue) => {
            if resend(state, record, true, 0).await {
                return Acknowledgement::Delete;
            }
        }
        // The message would expire before its next attempt. A new message has the full retention again.
        Ok(MessageOutcome::RetryAfter(delay) | MessageOutcome::Busy(delay))
            if expires_within(record, delay, (state.clock)()) =>
        {
            if resend(state, record, state.queues.is_slow(record), 1).await {
                return Acknowledgement::Delete;
            }
            state.queues.hide(record, delay).await;
        }
        Ok(MessageOutcome::RetryAfter(delay) | MessageOutcome::Busy(delay)) => state.queues.hide(record, delay).await,
        Err(error) => {
            tracing::error!(message = record.message_id, %error, "failed to process a message");
            metrics::count_unhandled(1);
        }
    }
    Acknowledgement::ReceiveAgain
}

/// Sends a copy of a message. Returns whether SQS accepted it.
async fn resend(state: &State, record: &SqsMessage, slow: bool, count_current: u32) -> bool {
    let Ok(message) = parse_message(record) else { return false };
    state.queues.send(&requeued(message, record, count_current), slow).await
}

/// Returns the copy of a message that is sent again. SQS counts the receives of a copy from zero, so that the copy
/// carries the previous count; `count_current` is 1 if the current receive counts too.
fn requeued(message: DeliveryMessage, record: &SqsMessage, count_current: u32) -> DeliveryMessage {
    let earlier = message.taken.saturating_add(receive_count(record).saturating_sub(1));
    DeliveryMessage { taken: earlier.saturating_add(count_current), ..message }
}

/// Returns whether a message would be older than [`MAX_MESSAGE_AGE`] after this delay.
fn expires_within(record: &SqsMessage, delay: Duration, now: Timestamp) -> bool {
    let sent = record.attributes.get("SentTimestamp").and_then(|sent| sent.parse().ok());
    let Some(sent) = sent.and_then(|sent| Timestamp::from_millisecond(sent).ok()) else { return false };
    Duration::try_from(now.duration_since(sent)).unwrap_or_default() + delay > MAX_MESSAGE_AGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_message_is_rejected() {
        let mut message = SqsMessage::default();
        message.body = Some("{\"event\":\"x\"}".to_owned());
        assert!(matches!(parse_message(&message), Err(ProcessError::InvalidMessage(_))));
    }

    #[test]
    fn a_requeued_message_carries_its_receive_count() {
        let mut record = SqsMessage::default();
        record.attributes.insert("ApproximateReceiveCount".to_owned(), "3".to_owned());
        let message = DeliveryMessage { taken: 2, ..DeliveryMessage::new(EventId::MIN, "t") };
        assert_eq!([0, 1].map(|current| requeued(message.clone(), &record, current).taken), [4, 5]);
    }

    #[test]
    fn a_message_that_would_outlive_its_queue_is_detected() {
        let mut message = SqsMessage::default();
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        assert!(!expires_within(&message, Duration::from_hours(999), now), "unknown age");
        let sent: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        message.attributes.insert("SentTimestamp".to_owned(), sent.as_millisecond().to_string());
        assert!(!expires_within(&message, Duration::from_hours(12), now));
        assert!(expires_within(&message, Duration::from_hours(13), now));
    }
}
