//! The events table's stream in, one message for each target that wants an event out.

mod config;
mod send;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event as StreamBatch, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use events::Event;
use jiff::Timestamp;
use store::{Directory, Message, Target};

pub use config::from_env;
pub use send::Queue;

/// The longest that targets are kept; see [`targets_for`].
const MAX_AGE: Duration = Duration::from_secs(10);

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// Who wants events.
    pub targets: Arc<Directory<Target>>,
    /// Where the deliver function takes its work from.
    pub queue: Queue,
    /// The time.
    pub clock: fn() -> Timestamp,
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
    let failed = match send(state, &readable).await {
        Ok(()) => failed,
        Err(sequence) => Some(sequence),
    };
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
    store::inserted(record.change.new_image)
}

/// Sends every event's messages; the sequence number of the first event that failed.
async fn send(state: &State, events: &[(String, Event)]) -> Result<(), String> {
    let Some((first, _)) = events.first() else { return Ok(()) };
    let targets = targets_for(state, events).await.map_err(|error| {
        tracing::error!(%error, "the targets cannot be read");
        first.clone()
    })?;
    let mut messages: Vec<Message> = Vec::new();
    let mut origin: Vec<&String> = Vec::new();
    for (sequence, event) in events {
        for target in targets.iter().filter(|target| target.wants(&event.fields, event.received_at).is_ok()) {
            messages.push(Message { event: event.id, target: target.name.clone() });
            origin.push(sequence);
        }
    }
    // Messages stand in their events' order, so the first that failed is of the first event.
    state.queue.send(&messages).await.map_err(|index| origin[index].clone())
}

/// The targets, read no earlier than the newest of these events came in: a target that was created
/// before an event was sent gets that event.
async fn targets_for(state: &State, events: &[(String, Event)]) -> Result<Arc<Vec<Target>>, store::Error> {
    let now = (state.clock)();
    let newest = events.iter().map(|(_, event)| event.received_at).max().unwrap_or(now);
    let age = Duration::try_from(now.duration_since(newest)).unwrap_or_default();
    state.targets.all(age.min(MAX_AGE)).await
}
