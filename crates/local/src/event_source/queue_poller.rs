//! Calls a function with the messages of a queue.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::sqs::{Message, Queue, Receipt};
use crate::stop_signal::StopSignal;

/// Delay after an error of the queue itself.
const QUEUE_ERROR_DELAY: Duration = Duration::from_secs(1);

/// Calls a function with the messages of a queue.
#[derive(Debug)]
pub(crate) struct QueuePoller {
    /// The queue.
    pub(crate) queue: Queue,
    /// Maximum number of messages of a batch. A smaller batch does not wait for more messages.
    pub(crate) batch_size: usize,
    /// Maximum number of batches that are processed at the same time.
    pub(crate) max_concurrent_batches: usize,
}

impl QueuePoller {
    /// Polls until `stop`, then waits for the batches in progress. Dropping the future ends those as well.
    ///
    /// A message is deleted when `handler` has processed it. Messages that its response reports become visible again
    /// when their visibility timeout ends; if the handler fails or panics, all messages of the batch do.
    pub(crate) async fn run<H, F>(self, handler: H, mut stop: StopSignal)
    where
        H: Fn(SqsEvent) -> F,
        F: Future<Output = anyhow::Result<SqsBatchResponse>> + Send + 'static,
    {
        let mut arrivals = self.queue.arrivals();
        let mut batches = JoinSet::new();
        while !stop.is_stopped() {
            while let Some(ended) = batches.try_join_next() {
                self.log_outcome(ended);
            }
            let has_capacity = batches.len() < self.max_concurrent_batches;
            let messages = if has_capacity { self.receive().await } else { Vec::new() };
            if !messages.is_empty() {
                batches.spawn(process_batch(self.queue.clone(), messages, &handler));
                continue;
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                Some(ended) = batches.join_next(), if !has_capacity => self.log_outcome(ended),
                waited = arrivals.wait(), if has_capacity => if waited.is_err() { sleep(QUEUE_ERROR_DELAY).await; },
            }
        }
        while let Some(ended) = batches.join_next().await {
            self.log_outcome(ended);
        }
    }

    /// Receives the visible messages. It must not be cancelled: received messages would stay invisible until their
    /// visibility timeout ends.
    async fn receive(&self) -> Vec<Message> {
        let visibility_timeout = self.queue.config().visibility_timeout;
        match self.queue.receive(self.batch_size, visibility_timeout).await {
            Ok(messages) => messages,
            Err(error) => {
                self.log_error(&error);
                sleep(QUEUE_ERROR_DELAY).await;
                Vec::new()
            }
        }
    }

    fn log_outcome(&self, ended: Result<anyhow::Result<()>, JoinError>) {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.log_error(&error),
            Err(error) => self.log_error(&error),
        }
    }

    fn log_error(&self, error: &impl Display) {
        let queue = &self.queue.config().name;
        tracing::error!(queue, error = format!("{error:#}"), "failed to process a batch of messages");
    }
}

/// Calls the function with one batch, and deletes the messages that it processed.
fn process_batch<H, F>(
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
    event.records = messages.into_iter().map(|message| sqs_record(&queue, message)).collect();
    let response = handler(event);
    async move {
        let failures = response.await?.batch_item_failures;
        let has_failed = |id: &str| failures.iter().any(|failure| failure.item_identifier == id);
        let processed = receipts.into_iter().filter(|(id, _)| !has_failed(id)).map(|(_, receipt)| receipt).collect();
        queue.delete(processed).await
    }
}

fn sqs_record(queue: &Queue, message: Message) -> SqsMessage {
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

#[cfg(test)]
#[path = "queue_poller_tests.rs"]
mod tests;
