//! Processing a batch of nudges: the events of requests, usually before their stream records arrive.

use std::collections::HashSet;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use events::{Event, EventId};
use model::{FanoutPath, NudgeMessage};

use crate::metrics::{self, FanoutReport};
use crate::state::State;
use crate::stream::fan_out;

/// Sends the delivery messages of nudged events, as for a batch of stream records. The response names the messages that
/// SQS must deliver again.
///
/// An event that cannot be read is left to the stream. A nudge that has claimed its events and failed is received again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let mut nudges: Vec<(String, NudgeMessage)> = Vec::with_capacity(batch.records.len());
    for record in batch.records {
        match parse_nudge(&record) {
            Ok(nudge) => nudges.push((record.message_id.unwrap_or_default(), nudge)),
            Err(error) => {
                tracing::error!(message = record.message_id, %error, "failed to parse a nudge");
                metrics::count_failed_nudge_message();
                response.add_failure(record.message_id.unwrap_or_default());
            }
        }
    }
    let began = (state.clock)();
    let (events, failed) = match load_events(state, &nudges).await {
        Ok(events) => match fan_out(state, FanoutPath::Nudge, &events).await {
            Ok(report) => {
                metrics::log(FanoutPath::Nudge, &events, report, false, (state.clock)());
                (events, None)
            }
            Err(position) => {
                metrics::log(FanoutPath::Nudge, &events, FanoutReport::default(), true, (state.clock)());
                let failed = position.parse().unwrap_or(0);
                (events, Some((position, failed)))
            }
        },
        Err(error) => {
            tracing::error!(%error, "failed to read the events of nudges");
            metrics::count_failed_nudge_message();
            (Vec::new(), Some((String::new(), 0)))
        }
    };
    metrics::trace(state, &events, began, failed.as_ref().map(|(position, _)| position.as_str()));
    // As in the stream, everything from the first failed nudge on is processed again.
    let first_failed = failed.map_or(nudges.len(), |(_, first)| first);
    nudges.into_iter().skip(first_failed).for_each(|(id, _)| response.add_failure(id));
    response
}

fn parse_nudge(record: &SqsMessage) -> Result<NudgeMessage, serde_json::Error> {
    serde_json::from_str(record.body.as_deref().unwrap_or_default())
}

/// Reads the events of all nudges. Each event has the position of its nudge as its number. An event that stores another
/// nudge belongs to that one.
async fn load_events(state: &State, nudges: &[(String, NudgeMessage)]) -> Result<Vec<(String, Event)>, store::Error> {
    let mut seen = HashSet::new();
    let ids: Vec<EventId> =
        nudges.iter().flat_map(|(_, nudge)| &nudge.events).copied().filter(|id| seen.insert(*id)).collect();
    let mut events = state.log.events.get_many(&ids).await?;
    let position = |event: &Event| nudges.iter().position(|(_, nudge)| Some(nudge.nudge) == event.nudge);
    events.retain(|event| position(event).is_some());
    events.sort_by_key(|event| position(event));
    Ok(events.into_iter().map(|event| (position(&event).unwrap_or_default().to_string(), event)).collect())
}
