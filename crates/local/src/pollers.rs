//! What stands for Lambda's event source mappings: they call a function with what a table's stream
//! or a queue holds, and take away what it has handled.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::dynamodb::DynamoDb;
use crate::sqs::{Message, Outgoing, Queue, Receipt};

/// Tells the pollers to end, when it turns true or its sender is gone.
pub(crate) type Stop = watch::Receiver<bool>;

/// How many records a function gets at once at most.
const STREAM_BATCH: usize = 100;

/// How often the stream is looked at when nobody says that something was written.
const STREAM_POLL: Duration = Duration::from_millis(200);

/// How often a record is given again before it goes to the dead letters.
const STREAM_RETRIES: u32 = 25;

/// How long to wait after an error of the stream or queue itself.
const TROUBLE: Duration = Duration::from_secs(1);

/// Calls a function with the new items of a table's stream.
#[derive(Debug)]
pub(crate) struct StreamPoller {
    /// Where the table is.
    pub(crate) dynamodb: Arc<DynamoDb>,
    /// The table.
    pub(crate) table: String,
    /// Notified after a write to the table, so that nothing waits for the next look.
    pub(crate) written: Arc<Notify>,
    /// Where the records go that the function could not handle, as they were given to it.
    pub(crate) dead_letters: Queue,
}

/// What came of one batch.
#[derive(Debug, PartialEq, Eq)]
enum Batch {
    /// The stream held nothing new.
    Empty,
    /// All of it was handled.
    Handled,
    /// The function named a record, now the oldest, that it could not handle; `progress` says
    /// whether it handled any before.
    StoppedAtOldest { progress: bool },
    /// The function failed without naming a record.
    Failed,
}

impl StreamPoller {
    /// Polls until `stop`. A record is taken out of the stream once `handler` has handled it.
    ///
    /// A record that the answer names is given again, with all after it, after a wait that
    /// doubles. When the function fails as a whole, the batch is halved until the record that
    /// fails it is alone. A record that keeps failing goes to the dead letters.
    pub(crate) async fn run<H, F>(self, handler: H, mut stop: Stop)
    where
        H: Fn(Event) -> F,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let mut limit = STREAM_BATCH;
        let mut retries = 0;
        loop {
            let wait = match self.batch(&handler, limit, retries).await {
                Ok(Batch::Empty) => None,
                Ok(Batch::Handled) => {
                    (limit, retries) = ((limit * 2).min(STREAM_BATCH), 0);
                    Some(Duration::ZERO)
                }
                Ok(Batch::Failed) if limit > 1 => {
                    limit /= 2;
                    Some(Duration::ZERO)
                }
                Ok(Batch::StoppedAtOldest { progress: true }) => {
                    retries = 1;
                    Some(backoff(retries))
                }
                Ok(Batch::StoppedAtOldest { progress: false } | Batch::Failed) => {
                    retries += 1;
                    Some(backoff(retries))
                }
                Err(error) => {
                    tracing::error!(table = self.table, error = format!("{error:#}"), "the stream cannot be read");
                    Some(TROUBLE)
                }
            };
            let pause = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    // Whether it was notified or the time is up: look again.
                    None => drop(timeout(STREAM_POLL, self.written.notified()).await),
                }
            };
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                () = pause => {}
            }
        }
    }

    async fn batch<H, F>(&self, handler: &H, limit: usize, retries: u32) -> anyhow::Result<Batch>
    where
        H: Fn(Event) -> F,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let batch = self.dynamodb.stream_batch(&self.table, limit).await?;
        let sequences: Vec<String> = batch.records.iter().map(|record| sequence(record).to_owned()).collect();
        let Some(last) = sequences.last() else { return Ok(Batch::Empty) };
        if retries > STREAM_RETRIES {
            self.set_aside(&batch.records[0]).await?;
            return Ok(Batch::Handled);
        }
        let mut wanted = Event::default();
        wanted.records = batch.records.into_iter().filter(is_new_event).collect();
        let answer = if wanted.records.is_empty() {
            Ok(DynamoDbEventResponse::default())
        } else {
            // A task of its own, so that a panic is its end and not ours.
            tokio::spawn(handler(wanted)).await.context("the function panicked").flatten()
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(table = self.table, error = format!("{error:#}"), "a batch of the stream failed");
                return Ok(Batch::Failed);
            }
        };
        let Some(stopped_at) = first_failure(&answer, &sequences) else {
            self.dynamodb.delete_stream_records(&self.table, last).await?;
            return Ok(Batch::Handled);
        };
        tracing::warn!(table = self.table, sequence = sequences[stopped_at], retries, "a record is given again");
        if let Some(last) = stopped_at.checked_sub(1) {
            self.dynamodb.delete_stream_records(&self.table, &sequences[last]).await?;
        }
        Ok(Batch::StoppedAtOldest { progress: stopped_at > 0 })
    }

    async fn set_aside(&self, record: &EventRecord) -> anyhow::Result<()> {
        let sequence = sequence(record);
        tracing::error!(table = self.table, sequence, "a record of the stream goes to the dead letters");
        let body = serde_json::to_string(record)?;
        self.dead_letters.send(vec![Outgoing { body, ..Outgoing::default() }]).await?;
        self.dynamodb.delete_stream_records(&self.table, sequence).await
    }
}

/// Where in the batch the first record is that the answer names. A name that is not in the batch
/// stands for all of it, as it does for Lambda.
fn first_failure(answer: &DynamoDbEventResponse, sequences: &[String]) -> Option<usize> {
    let position = |named: &Option<String>| sequences.iter().position(|sequence| Some(sequence) == named.as_ref());
    answer.batch_item_failures.iter().map(|failure| position(&failure.item_identifier).unwrap_or(0)).min()
}

fn sequence(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}

/// The filter of the event source mapping in `infra/template.yaml`.
fn is_new_event(record: &EventRecord) -> bool {
    let is_event =
        |key: &serde_dynamo::AttributeValue| matches!(key, serde_dynamo::AttributeValue::S(pk) if pk.starts_with("E#"));
    record.event_name == "INSERT" && record.change.keys.get("pk").is_some_and(is_event)
}

/// 50 ms, doubling, at most 10 s.
fn backoff(retries: u32) -> Duration {
    Duration::from_millis(50).saturating_mul(1 << retries.saturating_sub(1).min(16)).min(Duration::from_secs(10))
}

/// Calls a function with a queue's messages.
#[derive(Debug)]
pub(crate) struct QueuePoller {
    /// The queue.
    pub(crate) queue: Queue,
    /// How many messages the function gets at once at most. It never waits for more than one.
    pub(crate) batch_size: usize,
    /// How many batches are in hand at once.
    pub(crate) concurrency: usize,
}

impl QueuePoller {
    /// Polls until `stop`, then waits for the batches in hand; dropping it ends those too.
    ///
    /// Messages are deleted once `handler` has handled them. Those that its answer names, or all
    /// when it fails or panics, come again when their invisibility ends.
    pub(crate) async fn run<H, F>(self, handler: H, mut stop: Stop)
    where
        H: Fn(SqsEvent) -> F,
        F: Future<Output = anyhow::Result<SqsBatchResponse>> + Send + 'static,
    {
        let mut arrivals = self.queue.arrivals();
        let mut in_hand = JoinSet::new();
        while !*stop.borrow() && stop.has_changed().is_ok() {
            while let Some(ended) = in_hand.try_join_next() {
                self.log(ended);
            }
            let free = in_hand.len() < self.concurrency;
            let received = if free { self.receive().await } else { Vec::new() };
            if !received.is_empty() {
                in_hand.spawn(handle(self.queue.clone(), received, &handler));
                continue;
            }
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {}
                Some(ended) = in_hand.join_next(), if !free => self.log(ended),
                waited = arrivals.wait(), if free => if waited.is_err() { sleep(TROUBLE).await; },
            }
        }
        while let Some(ended) = in_hand.join_next().await {
            self.log(ended);
        }
    }

    /// Takes what is there. Nothing may interrupt it, or what it took would be lost for a while.
    async fn receive(&self) -> Vec<Message> {
        let visibility = self.queue.config().visibility;
        match self.queue.receive(self.batch_size, visibility).await {
            Ok(messages) => messages,
            Err(error) => {
                self.log_error(&error);
                sleep(TROUBLE).await;
                Vec::new()
            }
        }
    }

    fn log(&self, ended: Result<anyhow::Result<()>, JoinError>) {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.log_error(&error),
            Err(error) => self.log_error(&error),
        }
    }

    fn log_error(&self, error: &impl Display) {
        tracing::error!(queue = self.queue.config().name, error = format!("{error:#}"), "a batch of messages failed");
    }
}

/// The function's work on one batch, and the deletion of what it has handled.
fn handle<H, F>(
    queue: Queue,
    messages: Vec<Message>,
    handler: &H,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static + use<H, F>
where
    H: Fn(SqsEvent) -> F,
    F: Future<Output = anyhow::Result<SqsBatchResponse>> + Send + 'static,
{
    let receipts: Vec<(String, Receipt)> = messages.iter().map(|message| (message.id(), message.receipt)).collect();
    let mut event = SqsEvent::default();
    event.records = messages.into_iter().map(|message| record(&queue, message)).collect();
    let answer = handler(event);
    async move {
        let failures = answer.await?.batch_item_failures;
        let failed = |id: &str| failures.iter().any(|failure| failure.item_identifier == id);
        let done = receipts.into_iter().filter(|(id, _)| !failed(id)).map(|(_, receipt)| receipt).collect();
        queue.delete(done).await
    }
}

fn record(queue: &Queue, message: Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.id());
    record.receipt_handle = Some(message.receipt.handle());
    record.attributes = message.attributes().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    record.body = Some(message.body);
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(queue.arn());
    record.aws_region = Some("local".to_owned());
    record
}

async fn stopped(stop: &mut Stop) {
    // An error says that the sender is gone, which means the same.
    drop(stop.wait_for(|stop| *stop).await);
}

#[cfg(test)]
mod tests;
