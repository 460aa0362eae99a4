//! The events table's stream in, one message for each target that wants an event out. Replays too.

mod config;
mod replay;
mod send;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event as StreamBatch, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use events::{Event, TIDINGS_SOURCE};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use model::{DeliveryKey, DeliveryMessage, ReplayMessage, Target, TargetState};
use runtime::Tracer;
use search::EventLog;
use store::{CachedRecords, ConfigTable, DeliveryTable};

pub use config::from_env;
pub use replay::handle as handle_replays;
pub use send::Queue;
use tally::Sent;

/// The longest that targets are kept; see [`targets_for`].
const MAX_AGE: Duration = Duration::from_secs(10);

/// How many held deliveries are noted at the same time.
const HELD_TOGETHER: usize = 16;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// Who wants events.
    pub targets: Arc<CachedRecords<Target>>,
    /// Which of them are paused.
    pub states: Arc<CachedRecords<TargetState>>,
    /// Targets, their states and replays, as they are at this moment.
    pub config: ConfigTable,
    /// What is held for targets that are paused.
    pub deliveries: DeliveryTable,
    /// The log, for replays.
    pub log: EventLog,
    /// Where the deliver function takes its work from.
    pub queue: Queue,
    /// Where this function takes replays from.
    pub replays: Queue,
    /// Where what becomes of an event is told.
    pub tracer: Tracer,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// What one event asks for: a message, or to be held.
struct Work<'a> {
    /// The stream's number for the event.
    origin: &'a str,
    message: DeliveryMessage,
}

/// Sends the messages of a batch of stream records.
///
/// The answer names the first record that could not be handled: Lambda gives that one and those
/// after it again, so messages may be sent twice and are never left out. What deliver has
/// delivered, it does not deliver again.
pub async fn handle(state: &State, batch: StreamBatch) -> DynamoDbEventResponse {
    let mut readable: Vec<(String, Event)> = Vec::with_capacity(batch.records.len());
    let mut failed: Option<String> = None;
    for record in batch.records {
        let sequence = record.change.sequence_number.clone().unwrap_or_default();
        match read(record) {
            Ok(event) => readable.push((sequence, event)),
            Err(error) => {
                tracing::error!(sequence, %error, "a stream record holds no event");
                failed = Some(sequence);
                break;
            }
        }
    }
    let began = (state.clock)();
    let failed = match send(state, &readable).await {
        Ok(sent) => {
            tally::log(&readable, sent, failed.is_some(), (state.clock)());
            failed
        }
        Err(sequence) => {
            tally::log(&readable, Sent::default(), true, (state.clock)());
            Some(sequence)
        }
    };
    tally::trace(state, &readable, began, failed.as_deref());
    let batch_item_failures = failed
        .map(|sequence| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(sequence);
            failure
        })
        .into_iter()
        .collect();
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = batch_item_failures;
    response
}

fn read(record: EventRecord) -> Result<Event, store::Error> {
    store::event_from_image(record.change.new_image)
}

/// Does what every event asks for; the sequence number of the first event that failed.
async fn send(state: &State, events: &[(String, Event)]) -> Result<Sent, String> {
    let Some((first, _)) = events.first() else { return Ok(Sent::default()) };
    let (targets, states) = targets_for(state, events).await.map_err(|error| {
        tracing::error!(%error, "the targets cannot be read");
        first.clone()
    })?;
    let (mut sent, mut held): (Vec<Work<'_>>, Vec<Work<'_>>) = (Vec::new(), Vec::new());
    for (origin, event) in events {
        start_replay(state, event).await.map_err(|_| origin.clone())?;
        for target in targets.iter().filter(|target| target.accepts(event).is_ok()) {
            let paused = states.iter().any(|state| state.name == target.name && state.pause.is_some());
            let message = DeliveryMessage::new(event.id, &target.name);
            let work = if paused && !target.is_tested_by(event) { &mut held } else { &mut sent };
            work.push(Work { origin, message });
        }
    }
    let messages: Vec<DeliveryMessage> = sent.iter().map(|work| work.message.clone()).collect();
    // Messages stand in their events' order, so the first that failed is of the first event.
    let unsent = state.queue.send(&messages).await.map_err(|index| sent[index].origin);
    let unheld = hold(state, &held).await;
    // Numbers of one shard of a stream grow, and sort as numbers do: the longer ones last.
    match (unsent.err(), unheld.err()) {
        (None, None) => Ok(Sent { messages: sent.len(), held: held.len() }),
        (Some(one), None) | (None, Some(one)) => Err(one.to_owned()),
        (Some(a), Some(b)) => Err(if (a.len(), a) <= (b.len(), b) { a } else { b }.to_owned()),
    }
}

/// Notes what is held for targets that are paused.
async fn hold<'a>(state: &State, held: &[Work<'a>]) -> Result<(), &'a str> {
    let notes = held.iter().map(|work| async move {
        let turn =
            DeliveryKey { event: work.message.event, target: &work.message.target, run: None, undelivered: false };
        state.deliveries.hold(turn, 0).await.map_err(|error| {
            tracing::error!(%error, "a held delivery cannot be noted");
            work.origin
        })
    });
    futures::stream::iter(notes.collect::<Vec<_>>()).buffered(HELD_TOGETHER).try_collect().await
}

/// Sets a replay going when the event is its start: the change that made it and this event were written together,
/// so none is forgotten.
async fn start_replay(state: &State, event: &Event) -> Result<(), send::NotSent> {
    const STARTS: [&str; 2] = ["replay-created", "target-resumed"];
    if event.catalog != TIDINGS_SOURCE
        || event.source != TIDINGS_SOURCE
        || !STARTS.contains(&event.fields.event_type.as_str())
    {
        return Ok(());
    }
    let payload: serde_json::Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    match payload["data"]["replay"].as_str() {
        None => Ok(()),
        Some(replay) => {
            let message = ReplayMessage { replay: replay.to_owned() };
            state.replays.send_later(&message, Duration::ZERO).await
        }
    }
}

/// The targets and their states, read no earlier than the newest of these events came in: a target that was
/// created before an event was sent gets that event.
async fn targets_for(
    state: &State,
    events: &[(String, Event)],
) -> Result<(Arc<Vec<Target>>, Arc<Vec<TargetState>>), store::Error> {
    let now = (state.clock)();
    let newest = events.iter().map(|(_, event)| event.received_at).max().unwrap_or(now);
    let age = Duration::try_from(now.duration_since(newest)).unwrap_or_default().min(MAX_AGE);
    futures::future::try_join(state.targets.all(age), state.states.all(age)).await
}
