//! SQS messages in, signed webhooks out.

mod address;
mod after;
mod attempt;
mod client;
mod config;
mod permits;
mod plan;
mod queues;
mod signature;
mod standing;
mod tally;
mod turn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use events::{Event, EventId};
use jiff::Timestamp;
use model::{Delivery, DeliveryMessage, Target, TargetState};
use runtime::Tracer;
use store::{CachedRecords, ConfigTable, DeliveryTable, EventTable};
use webhook::Keyring;

pub use address::Guard;
pub use client::Client;
pub use config::from_env;
pub use permits::Permits;
pub use queues::Queues;

/// How long targets are kept: no attempt is signed with a secret that was replaced before that, and none is made
/// for a target that was paused before that.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How old a message may become. The queue keeps it for ten days and forgets it then, whatever it waits for: a target
/// may put off each of its attempts by a day.
const MAX_MESSAGE_AGE: Duration = Duration::from_hours(9 * 24);

/// How long a message's events are delivered one after the other. What is left then is a message of its own: together
/// with the longest attempt, this ends before the function does.
const IN_ORDER: Duration = Duration::from_secs(30);

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub events: EventTable,
    /// What became of each delivery.
    pub deliveries: DeliveryTable,
    /// Where targets are paused, and their failures noted.
    pub config: ConfigTable,
    /// The receivers.
    pub targets: Arc<CachedRecords<Target>>,
    /// How they are doing.
    pub states: Arc<CachedRecords<TargetState>>,
    /// What opens their secrets.
    pub keyring: Keyring,
    /// The queues that the messages come from.
    pub queues: Queues,
    /// How many attempts each target may have at once.
    pub permits: Permits,
    /// What posts.
    pub client: Client,
    /// Where what becomes of an event is told.
    pub tracer: Tracer,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// What a batch needs, read at once.
struct Loaded {
    events: Vec<Event>,
    records: Vec<Delivery>,
}

/// Whether a message is done with.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It may be deleted.
    Done,
    /// So may this one: its target is paused, and its delivery held.
    Held,
    /// It comes again after this long: its attempt failed, or is not due.
    Again(Duration),
    /// So does this one: somebody else has it, or its target has enough to do.
    Busy(Duration),
    /// It goes to the slow lane.
    Slow,
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

/// Attempts the deliveries of a batch of messages, all at the same time: it takes little longer than the
/// slowest of them. The answer names the messages that are to come again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let read: Vec<Result<DeliveryMessage, Unhandled>> = batch.records.iter().map(read).collect();
    let loaded = match load(state, &read).await {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!(%error, "what a batch needs cannot be read: all of it comes again");
            tally::unhandled(batch.records.len());
            return response(batch.records.iter().filter_map(again).collect());
        }
    };
    let work = batch.records.iter().zip(read).map(|(record, message)| work_on(state, &loaded, record, message));
    let failures = futures::future::join_all(work).await;
    response(failures.into_iter().flatten().collect())
}

/// Delivers a message's events, one after the other; the failure to report for it.
async fn work_on(
    state: &State,
    loaded: &Loaded,
    record: &SqsMessage,
    message: Result<DeliveryMessage, Unhandled>,
) -> Option<BatchItemFailure> {
    let message = match message {
        Ok(message) => message,
        Err(error) => return settle(state, record, Err(error)).await,
    };
    if message.then.is_empty() {
        let next = turn::take(state, loaded, record, &message, false).await;
        return settle(state, record, next).await;
    }
    let (started, mut held) = (Instant::now(), false);
    for (index, one) in message.split().enumerate() {
        if started.elapsed() > IN_ORDER {
            return pass_on(state, record, message.skip(index), state.queues.is_slow(record)).await;
        }
        // What follows one that is held is held too, though the target be resumed meanwhile: it would come first.
        let next = turn::take(state, loaded, record, &one, held).await;
        held = matches!(next, Ok(Next::Held));
        match next {
            Ok(Next::Done | Next::Held) => {}
            // It comes again by itself, so that it keeps the others from nothing: its record says when it is due.
            Ok(Next::Again(_)) => {
                if !state.queues.send(&one, state.queues.is_slow(record)).await {
                    return again(record);
                }
            }
            // Those before it are on record, and nothing is done for them when all of them come again.
            Ok(Next::Busy(wait)) => {
                state.queues.hide(record, wait).await;
                return again(record);
            }
            Ok(Next::Slow) => return pass_on(state, record, message.skip(index), true).await,
            Err(error) => return settle(state, record, Err(error)).await,
        }
    }
    None
}

/// Sends on what is left of a message: it stays together, so that it goes on in its order.
async fn pass_on(
    state: &State,
    record: &SqsMessage,
    left: Option<DeliveryMessage>,
    slow: bool,
) -> Option<BatchItemFailure> {
    if state.queues.send(&left?, slow).await { None } else { again(record) }
}

async fn load(state: &State, read: &[Result<DeliveryMessage, Unhandled>]) -> Result<Loaded, store::Error> {
    let messages = read.iter().flatten();
    let all = messages.flat_map(|message| {
        let events = std::iter::once(&message.event).chain(&message.then);
        events.map(|event| (*event, message.target.as_str()))
    });
    let mut keys: Vec<(EventId, &str)> = all.collect();
    keys.sort_unstable();
    keys.dedup();
    let mut ids: Vec<EventId> = keys.iter().map(|(event, _)| *event).collect();
    ids.dedup();
    // Each turn asks for the targets: the last of many may be taken long after this. They are read here so that the
    // first need not wait.
    let (events, records, _, _) = futures::try_join!(
        state.events.get_many(&ids),
        state.deliveries.get_many(&keys),
        state.targets.all(MAX_AGE),
        state.states.all(MAX_AGE),
    )?;
    Ok(Loaded { events, records })
}

fn response(batch_item_failures: Vec<BatchItemFailure>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = batch_item_failures;
    response
}

fn read(record: &SqsMessage) -> Result<DeliveryMessage, Unhandled> {
    serde_json::from_str(record.body.as_deref().unwrap_or_default()).map_err(|e| Unhandled::NotOurs(e.to_string()))
}

/// Tells the queue when the message is to come again; the failure to report for it.
async fn settle(state: &State, record: &SqsMessage, next: Result<Next, Unhandled>) -> Option<BatchItemFailure> {
    match next {
        Ok(Next::Done | Next::Held) => return None,
        // A message that could not be moved comes again, and is moved then.
        Ok(Next::Slow) => {
            if send_anew(state, record, true, 0).await {
                return None;
            }
        }
        // Its time on the queue would be over before: as a new message it has all of that again.
        Ok(Next::Again(wait) | Next::Busy(wait)) if outlives(record, wait, (state.clock)()) => {
            if send_anew(state, record, state.queues.is_slow(record), 1).await {
                return None;
            }
            state.queues.hide(record, wait).await;
        }
        Ok(Next::Again(wait) | Next::Busy(wait)) => state.queues.hide(record, wait).await,
        Err(error) => {
            tracing::error!(message = record.message_id, %error, "a message cannot be handled");
            tally::unhandled(1);
        }
    }
    again(record)
}

/// Sends a message anew; whether it is there.
async fn send_anew(state: &State, record: &SqsMessage, slow: bool, now: u32) -> bool {
    let Ok(message) = read(record) else { return false };
    state.queues.send(&anew(message, record, now), slow).await
}

/// A message that is sent anew, for which its queue forgets how often it was taken: `now` says whether this time counts.
fn anew(message: DeliveryMessage, record: &SqsMessage, now: u32) -> DeliveryMessage {
    let before = message.taken.saturating_add(turn::received(record).saturating_sub(1));
    DeliveryMessage { taken: before.saturating_add(now), ..message }
}

/// Whether a message would be older than [`MAX_MESSAGE_AGE`] after this wait.
fn outlives(record: &SqsMessage, wait: Duration, now: Timestamp) -> bool {
    let sent = record.attributes.get("SentTimestamp").and_then(|sent| sent.parse().ok());
    let Some(sent) = sent.and_then(|sent| Timestamp::from_millisecond(sent).ok()) else { return false };
    Duration::try_from(now.duration_since(sent)).unwrap_or_default() + wait > MAX_MESSAGE_AGE
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
    fn a_foreign_message_is_not_handled() {
        let mut message = SqsMessage::default();
        message.body = Some("{\"event\":\"x\"}".to_owned());
        assert!(matches!(read(&message), Err(Unhandled::NotOurs(_))));
    }

    #[test]
    fn a_message_that_is_sent_anew_says_how_often_it_was_taken() {
        let mut record = SqsMessage::default();
        record.attributes.insert("ApproximateReceiveCount".to_owned(), "3".to_owned());
        let message = DeliveryMessage { taken: 2, ..DeliveryMessage::new(EventId::MIN, "t") };
        assert_eq!([0, 1].map(|now| anew(message.clone(), &record, now).taken), [4, 5]);
    }

    #[test]
    fn a_message_that_would_outlive_its_queue_is_told() {
        let mut message = SqsMessage::default();
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        assert!(!outlives(&message, Duration::from_hours(999), now), "nobody knows");
        let sent: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        message.attributes.insert("SentTimestamp".to_owned(), sent.as_millisecond().to_string());
        assert!(!outlives(&message, Duration::from_hours(12), now));
        assert!(outlives(&message, Duration::from_hours(13), now));
    }
}
