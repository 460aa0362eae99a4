//! Processing a batch of stream records.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event as StreamBatch, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use events::{Event, TIDINGS_SOURCE};
use futures::{StreamExt, TryStreamExt};
use model::delivery::decision::status_before_attempt;
use model::{DeliveryKey, DeliveryMessage, FanoutPath, RecordedStatus, ReplayMessage, Target, TargetState};
use runtime::sqs::SendError;
use serde_json::json;

use crate::metrics::{self, FanoutReport};
use crate::nudge_claims::find_events_of_other_path;
use crate::state::State;

/// Maximum age of cached targets; see [`load_targets`].
const MAX_CACHED_TARGETS_AGE: Duration = Duration::from_secs(10);

/// Maximum number of held deliveries that are written concurrently.
const MAX_CONCURRENT_HOLDS: usize = 16;

/// Types of the audit events that start a replay.
const REPLAY_START_TYPES: [&str; 2] = ["replay-created", "target-resumed"];

/// A delivery to be sent or held, and the stream record that it comes from.
struct PendingDelivery<'a> {
    sequence: &'a str,
    message: DeliveryMessage,
}

/// Sends the delivery messages of a batch of stream records.
///
/// The response names the first record that failed. Lambda delivers it and the following records again, so that
/// messages may be sent twice, but none is lost. Deliver skips events that it has delivered already. A record that cannot
/// be read fails every time: it becomes a dead letter immediately, so that it does not block its shard.
pub async fn handle(state: &State, batch: StreamBatch) -> DynamoDbEventResponse {
    let mut events: Vec<(String, Event)> = Vec::with_capacity(batch.records.len());
    let mut failed: Option<String> = None;
    for record in batch.records {
        let sequence = record.change.sequence_number.clone().unwrap_or_default();
        let key = serde_json::to_value(&record.change.keys).unwrap_or_default();
        match catch_panic(|| parse_event(record).map_err(|error| error.to_string())).flatten() {
            Ok(event) => events.push((sequence, event)),
            Err(reason) if bury(state, &sequence, key, &reason).await => {}
            Err(_) => {
                failed = Some(sequence);
                break;
            }
        }
    }
    let began = (state.clock)();
    let failed = match fan_out(state, FanoutPath::Stream, &events).await {
        Ok(report) => {
            metrics::log(FanoutPath::Stream, &events, report, failed.is_some(), (state.clock)());
            failed
        }
        Err(sequence) => {
            metrics::log(FanoutPath::Stream, &events, FanoutReport::default(), true, (state.clock)());
            Some(sequence)
        }
    };
    metrics::trace(state, &events, began, failed.as_deref());
    let mut response = DynamoDbEventResponse::default();
    if let Some(sequence) = failed {
        // `DynamoDbEventResponse` has no `add_failure`, unlike the responses of SQS and Kinesis.
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence);
        response.batch_item_failures.push(failure);
    }
    response
}

/// Sends a dead letter in place of a stream record that no retry can process. Returns whether SQS accepted it.
async fn bury(state: &State, sequence: &str, key: serde_json::Value, reason: &str) -> bool {
    tracing::error!(sequence, %key, reason, "failed to read a stream record; moving it to the dead letters");
    let letter = json!({ "sequence_number": sequence, "key": key, "reason": reason });
    let sent = state.stream_dead_letters.send_delayed(&letter, Duration::ZERO).await;
    sent.inspect_err(|error| tracing::error!(%error, "failed to send a dead letter")).is_ok()
}

/// Calls `f`, and returns the message of its panic as an error.
fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("panicked: {}", text.unwrap_or_default())
    })
}

fn parse_event(record: EventRecord) -> Result<Event, store::Error> {
    store::event_from_image(record.change.new_image)
}

/// Sends or holds the deliveries of all events that `path` may send, and starts their replays. Each event has the
/// sequence number of its record, or of its nudge. On an error, returns the number of the first event that failed.
pub(crate) async fn fan_out(
    state: &State,
    path: FanoutPath,
    events: &[(String, Event)],
) -> Result<FanoutReport, String> {
    let Some((first, _)) = events.first() else { return Ok(FanoutReport::default()) };
    let (targets, states) = load_targets(state, events).await.map_err(|error| {
        tracing::error!(%error, "failed to load the targets");
        first.clone()
    })?;
    let now = (state.clock)();
    let (mut to_send, mut to_hold): (Vec<PendingDelivery<'_>>, Vec<PendingDelivery<'_>>) = (Vec::new(), Vec::new());
    for (sequence, event) in events {
        start_replay(state, event).await.map_err(|_| sequence.clone())?;
        let matching = || targets.iter().filter(|target| target.accepts(event, now).is_ok()).collect::<Vec<_>>();
        let matching = match catch_panic(matching) {
            Ok(matching) => matching,
            Err(reason) if bury(state, sequence, json!({ "event": event.id }), &reason).await => continue,
            Err(_) => return Err(sequence.clone()),
        };
        for target in matching {
            let paused = states.iter().any(|state| state.name == target.name && state.pause.is_some());
            let message = DeliveryMessage {
                target_created_at: Some(target.created_at),
                ..DeliveryMessage::new(event.id, &target.name)
            };
            let deliveries = match status_before_attempt(paused, target.is_tested_by(event)) {
                RecordedStatus::Held => &mut to_hold,
                _ => &mut to_send,
            };
            deliveries.push(PendingDelivery { sequence, message });
        }
    }
    let matched = to_send.iter().chain(&to_hold).map(|delivery| delivery.message.event).collect();
    let others = find_events_of_other_path(state, path, events, &matched).await.map_err(|error| {
        tracing::error!(%error, "failed to claim the nudges of a batch");
        first.clone()
    })?;
    to_send.retain(|delivery| !others.contains(&delivery.message.event));
    to_hold.retain(|delivery| !others.contains(&delivery.message.event));
    let messages: Vec<DeliveryMessage> = to_send.iter().map(|delivery| delivery.message.clone()).collect();
    // The messages are in the order of their events, so that the first failed message has the first failed event.
    let sent = state.queue.send_batch(&messages).await.map_err(|index| to_send[index].sequence);
    let held = hold(state, &to_hold).await;
    // Sequence numbers are decimal numbers that grow within a shard: a longer number is larger.
    match (sent.err(), held.err()) {
        (None, None) => Ok(FanoutReport { messages: to_send.len(), held: to_hold.len() }),
        (Some(failed), None) | (None, Some(failed)) => Err(failed.to_owned()),
        (Some(a), Some(b)) => Err(if (a.len(), a) <= (b.len(), b) { a } else { b }.to_owned()),
    }
}

/// Stores the held deliveries of paused targets.
async fn hold<'a>(state: &State, deliveries: &[PendingDelivery<'a>]) -> Result<(), &'a str> {
    let writes = deliveries.iter().map(|delivery| async move {
        let DeliveryMessage { event, target, target_created_at, .. } = &delivery.message;
        let target_created_at = *target_created_at;
        let key = DeliveryKey { event: *event, target, target_created_at, run: None, undelivered: false };
        state.deliveries.hold(key, 0).await.map_err(|error| {
            tracing::error!(%error, "failed to hold a delivery");
            delivery.sequence
        })
    });
    futures::stream::iter(writes.collect::<Vec<_>>()).buffered(MAX_CONCURRENT_HOLDS).try_collect().await
}

/// Starts a replay if the event is the audit event of its creation. Both are written in one transaction, so that no
/// replay is lost.
async fn start_replay(state: &State, event: &Event) -> Result<(), SendError> {
    if event.catalog != TIDINGS_SOURCE
        || event.source != TIDINGS_SOURCE
        || !REPLAY_START_TYPES.contains(&event.fields.event_type.as_str())
    {
        return Ok(());
    }
    let payload: serde_json::Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    match payload["data"]["replay"].as_str() {
        None => Ok(()),
        Some(replay) => {
            let message = ReplayMessage::new(replay);
            state.replays.send_delayed(&message, Duration::ZERO).await
        }
    }
}

/// Returns the targets and their states, read after the newest of these events was received: a target that was created
/// before an event was sent receives the event.
async fn load_targets(
    state: &State,
    events: &[(String, Event)],
) -> Result<(Arc<Vec<Target>>, Arc<Vec<TargetState>>), store::Error> {
    state.deployment.verify().await?;
    let now = (state.clock)();
    let newest = events.iter().map(|(_, event)| event.received_at).max().unwrap_or(now);
    let age = Duration::try_from(now.duration_since(newest)).unwrap_or_default().min(MAX_CACHED_TARGETS_AGE);
    futures::future::try_join(state.targets.all(age), state.states.all(age)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(catch_panic(|| 1), Ok(1));
        assert_eq!(catch_panic(|| -> i32 { panic!("event {}", 7) }), Err("panicked: event 7".to_owned()));
    }
}
