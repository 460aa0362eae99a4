//! Messages of the queues of the function.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

use crate::state::State;
use crate::{nudge, replay};

/// Processes the messages of a batch, which come from one queue: replays, or nudges. The response names the messages
/// that SQS must deliver again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let source = batch.records.first().and_then(|record| record.event_source_arn.as_deref());
    let queue = source.and_then(|arn| arn.rsplit(':').next());
    if queue == Some(state.replays.name()) {
        replay::handle(state, batch).await
    } else {
        nudge::handle(state, batch).await
    }
}
