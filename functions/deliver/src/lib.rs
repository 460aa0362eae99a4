//! SQS messages in, signed webhooks out.

mod address;
mod client;
mod config;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use events::{Event, EventId};
use jiff::Timestamp;
use store::{Attempt, Deliveries, Directory, Events, Message, Status, Target};

pub use address::Guard;
pub use client::Client;
pub use config::from_env;

/// How long targets are kept: no attempt is signed with a secret that was replaced before that.
const MAX_AGE: Duration = Duration::from_secs(1);

/// For how many seconds a message is hidden at most: SQS's 12 hours count from when the message was
/// received, some of which have passed.
const MAX_HIDDEN: i32 = 43_000;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub events: Events,
    /// What became of each delivery.
    pub deliveries: Deliveries,
    /// The receivers.
    pub targets: Arc<Directory<Target>>,
    /// The queue that the messages came from, to hide them until their next attempt.
    pub queue: aws_sdk_sqs::Client,
    /// Its URL.
    pub queue_url: String,
    /// What posts.
    pub client: Client,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// Whether a message is done with.
enum Next {
    /// It may be deleted.
    Done,
    /// It comes again after this long.
    Again(Duration),
}

/// Why a message could not be handled; it comes again after the queue's visibility timeout, and
/// goes to the dead-letter queue in the end.
#[derive(Debug, thiserror::Error)]
enum Unhandled {
    #[error("the message is not one that fanout sends: {0}")]
    NotOurs(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Attempts the deliveries of a batch of messages, all at the same time: it takes as long as the
/// slowest of them. The answer names the messages that are to come again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let read: Vec<Result<Message, Unhandled>> = batch.records.iter().map(read).collect();
    let ids: Vec<EventId> = read.iter().flatten().map(|message| message.event).collect();
    let ids = distinct(ids);
    let needed = futures::future::try_join(state.events.get_many(&ids), state.targets.all(MAX_AGE)).await;
    let (events, targets) = match needed {
        Ok(needed) => needed,
        Err(error) => {
            tracing::error!(%error, "what a batch needs cannot be read: all of it comes again");
            return response(batch.records.iter().filter_map(again).collect());
        }
    };
    let outcomes = batch.records.iter().zip(read).map(|(record, message)| {
        let (events, targets) = (&events, &targets);
        async move {
            let next = match message {
                Ok(message) => deliver(state, events, targets, &message).await,
                Err(unhandled) => Err(unhandled),
            };
            settle(state, record, next).await
        }
    });
    let failures = futures::future::join_all(outcomes).await;
    response(failures.into_iter().flatten().collect())
}

fn response(batch_item_failures: Vec<BatchItemFailure>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = batch_item_failures;
    response
}

fn read(record: &SqsMessage) -> Result<Message, Unhandled> {
    serde_json::from_str(record.body.as_deref().unwrap_or_default()).map_err(|e| Unhandled::NotOurs(e.to_string()))
}

fn distinct(mut ids: Vec<EventId>) -> Vec<EventId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// One attempt, if one is due.
async fn deliver(state: &State, events: &[Event], targets: &[Target], message: &Message) -> Result<Next, Unhandled> {
    let Message { event, target } = message;
    let Some(event) = events.iter().find(|found| found.id == *event) else {
        tracing::warn!(event = event.as_u64(), target, "the event is gone: nothing to deliver");
        return Ok(Next::Done);
    };
    let Some(target) = targets.iter().find(|found| found.name == *target) else {
        tracing::info!(event = event.id.as_u64(), target, "the target was removed: nothing to deliver");
        return Ok(Next::Done);
    };
    let made = match state.deliveries.get(event.id, &target.name).await? {
        Some(delivery) if delivery.status != Status::Waiting => return Ok(Next::Done),
        Some(delivery) => delivery.attempts.len(),
        None => 0,
    };
    let attempt = state.client.post(event, target, (state.clock)()).await;
    let number = made + 1;
    let last = u32::try_from(number).is_ok_and(|number| number >= target.retry_count);
    let (status, wait) = match &attempt.error {
        None => (Status::Delivered, None),
        Some(_) if last => (Status::Failed, None),
        Some(_) => (Status::Waiting, Some(jittered(target.retry_timeout))),
    };
    let next_attempt_at = wait.and_then(|wait| (state.clock)().checked_add(wait).ok());
    state.deliveries.record(event.id, &target.name, &attempt, status, next_attempt_at).await?;
    log(event, target, number, &attempt, status);
    Ok(wait.map_or(Next::Done, Next::Again))
}

/// Within a tenth of `wait`, so that what failed together is not tried again together.
fn jittered(wait: Duration) -> Duration {
    // Without randomness there is no jitter: no reason not to deliver.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
}

fn log(event: &Event, target: &Target, number: usize, attempt: &Attempt, status: Status) {
    let (event, target) = (event.id.as_u64(), &target.name);
    let (code, elapsed_ms) = (attempt.status, attempt.duration_ms);
    match &attempt.error {
        None => tracing::info!(event, target, number, code, elapsed_ms, "delivered"),
        Some(error) => tracing::warn!(event, target, number, code, elapsed_ms, error, ?status, "the attempt failed"),
    }
}

/// Tells the queue when the message is to come again; the failure to report for it.
async fn settle(state: &State, record: &SqsMessage, next: Result<Next, Unhandled>) -> Option<BatchItemFailure> {
    let wait = match next {
        Ok(Next::Done) => return None,
        Ok(Next::Again(wait)) => wait,
        Err(error) => {
            tracing::error!(message = record.message_id, %error, "a message cannot be handled");
            return again(record);
        }
    };
    // SQS counts in seconds: rather a little late than a little early.
    let seconds = i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(MAX_HIDDEN).min(MAX_HIDDEN);
    let hidden = state
        .queue
        .change_message_visibility()
        .queue_url(&state.queue_url)
        .set_receipt_handle(record.receipt_handle.clone())
        .visibility_timeout(seconds)
        .send()
        .await;
    if let Err(error) = hidden {
        // It then comes again after the queue's own timeout: late, not lost.
        tracing::warn!(error = %aws_sdk_sqs::error::DisplayErrorContext(&error), "the wait of a message cannot be set");
    }
    again(record)
}

fn again(record: &SqsMessage) -> Option<BatchItemFailure> {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.clone()?;
    Some(failure)
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

    #[test]
    fn a_foreign_message_is_not_handled() {
        let mut message = SqsMessage::default();
        message.body = Some("{\"event\":\"x\"}".to_owned());
        assert!(matches!(read(&message), Err(Unhandled::NotOurs(_))));
    }
}
