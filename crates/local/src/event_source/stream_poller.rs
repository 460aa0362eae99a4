//! Calls a function with the new items of a table's stream.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::dynamodb::DynamoDb;
use crate::sqs::{NewMessage, Queue};
use crate::stop_signal::StopSignal;

/// Maximum number of records of a batch.
const MAX_STREAM_BATCH: usize = 100;

/// Interval between reads of the stream without a notification.
const STREAM_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Retries of a record before it is moved to the dead letters.
const MAX_RECORD_RETRIES: u32 = 25;

/// Delay before the first retry of a record; each further retry doubles it.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Maximum delay between two retries of a record.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(10);

/// Delay after an error of the stream itself.
const STREAM_ERROR_DELAY: Duration = Duration::from_secs(1);

/// Calls a function with the new items of a table's stream.
#[derive(Debug)]
pub(crate) struct StreamPoller {
    /// The database of the table.
    pub(crate) dynamodb: DynamoDb,
    /// Name of the table.
    pub(crate) table: String,
    /// Notified after each write to the table, so that its record does not wait for the next poll.
    pub(crate) written: Arc<Notify>,
    /// Delay before each batch, to imitate the latency of the stream on AWS.
    pub(crate) delay: Duration,
    /// Queue of the records that the function failed to process, unchanged.
    pub(crate) dead_letters: Queue,
}

/// The outcome of one batch.
#[derive(Debug, PartialEq, Eq)]
enum BatchOutcome {
    /// The stream has no record.
    Empty,
    /// Every record was processed.
    Processed,
    /// The function reported the record, now the oldest, that it failed to process. `progress` is true if it processed
    /// records before that one.
    StoppedAtOldest { progress: bool },
    /// The function failed without reporting a record.
    Failed,
}

impl StreamPoller {
    /// Polls until `stop`. A record is deleted from the stream when `handler` has processed it.
    ///
    /// A record that the response reports is retried with all its successors, after a delay that doubles. If the
    /// function fails as a whole, the batch is halved until it consists of the failing record. A record that keeps
    /// failing is moved to the dead letters.
    pub(crate) async fn run<H, F>(self, handler: H, mut stop: StopSignal)
    where
        H: Fn(Event) -> F,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let mut limit = MAX_STREAM_BATCH;
        let mut retries = 0;
        loop {
            let delay = match self.process_batch(&handler, limit, retries).await {
                Ok(BatchOutcome::Empty) => None,
                Ok(BatchOutcome::Processed) => {
                    (limit, retries) = ((limit * 2).min(MAX_STREAM_BATCH), 0);
                    Some(Duration::ZERO)
                }
                Ok(BatchOutcome::Failed) if limit > 1 => {
                    limit /= 2;
                    Some(Duration::ZERO)
                }
                Ok(BatchOutcome::StoppedAtOldest { progress: true }) => {
                    retries = 1;
                    Some(backoff(retries))
                }
                Ok(BatchOutcome::StoppedAtOldest { progress: false } | BatchOutcome::Failed) => {
                    retries += 1;
                    Some(backoff(retries))
                }
                Err(error) => {
                    tracing::error!(table = self.table, error = format!("{error:#}"), "failed to read the stream");
                    Some(STREAM_ERROR_DELAY)
                }
            };
            let pause = async {
                match delay {
                    Some(delay) => sleep(delay).await,
                    // Polls again, whether it was notified or the time is over.
                    None => drop(timeout(STREAM_POLL_INTERVAL, self.written.notified()).await),
                }
            };
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                () = pause => {}
            }
        }
    }

    async fn process_batch<H, F>(&self, handler: &H, limit: usize, retries: u32) -> anyhow::Result<BatchOutcome>
    where
        H: Fn(Event) -> F,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let batch = self.dynamodb.read_stream(&self.table, limit).await?;
        let sequences: Vec<String> = batch.records.iter().map(|record| sequence_number(record).to_owned()).collect();
        let Some(last) = sequences.last() else { return Ok(BatchOutcome::Empty) };
        sleep(self.delay).await;
        if retries > MAX_RECORD_RETRIES {
            self.move_to_dead_letters(&batch.records[0]).await?;
            return Ok(BatchOutcome::Processed);
        }
        let mut new_events = Event::default();
        new_events.records = batch.records.into_iter().filter(is_new_event).collect();
        let response = if new_events.records.is_empty() {
            Ok(DynamoDbEventResponse::default())
        } else {
            // In a task of its own, so that a panic does not end the poller.
            tokio::spawn(handler(new_events)).await.context("the function panicked").flatten()
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(table = self.table, error = format!("{error:#}"), "failed to process a stream batch");
                return Ok(BatchOutcome::Failed);
            }
        };
        let Some(stopped_at) = first_failure(&response, &sequences) else {
            self.dynamodb.delete_stream_records(&self.table, last).await?;
            return Ok(BatchOutcome::Processed);
        };
        tracing::warn!(table = self.table, sequence = sequences[stopped_at], retries, "retrying a stream record");
        if let Some(last) = stopped_at.checked_sub(1) {
            self.dynamodb.delete_stream_records(&self.table, &sequences[last]).await?;
        }
        Ok(BatchOutcome::StoppedAtOldest { progress: stopped_at > 0 })
    }

    async fn move_to_dead_letters(&self, record: &EventRecord) -> anyhow::Result<()> {
        let sequence = sequence_number(record);
        tracing::error!(table = self.table, sequence, "moving a stream record to the dead letters");
        let body = serde_json::to_string(record)?;
        self.dead_letters.send(vec![NewMessage { body, ..NewMessage::default() }]).await?;
        self.dynamodb.delete_stream_records(&self.table, sequence).await
    }
}

/// Returns the index of the first record that the response reports as failed. As in Lambda, an identifier that is not
/// in the batch means that the whole batch failed.
fn first_failure(response: &DynamoDbEventResponse, sequences: &[String]) -> Option<usize> {
    let position = |id: &Option<String>| sequences.iter().position(|sequence| Some(sequence) == id.as_ref());
    response.batch_item_failures.iter().map(|failure| position(&failure.item_identifier).unwrap_or(0)).min()
}

fn sequence_number(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}

/// The filter of the event source mapping in `infra/template.yaml`.
fn is_new_event(record: &EventRecord) -> bool {
    let is_event =
        |key: &serde_dynamo::AttributeValue| matches!(key, serde_dynamo::AttributeValue::S(pk) if pk.starts_with("E#"));
    record.event_name == "INSERT" && record.change.keys.get("pk").is_some_and(is_event)
}

/// The delay before a retry, where the first retry is number 1.
fn backoff(retry: u32) -> Duration {
    MIN_RETRY_DELAY.saturating_mul(1 << retry.saturating_sub(1).min(16)).min(MAX_RETRY_DELAY)
}

#[cfg(test)]
#[path = "stream_poller_tests.rs"]
mod tests;
