//! Sending messages to SQS queues.

use std::time::Duration;

pub use aws_sdk_sqs::Client as SqsClient;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

/// Maximum number of messages in one call of SQS.
const MAX_MESSAGES_PER_CALL: usize = 10;

/// Maximum number of concurrent calls.
const MAX_CONCURRENT_SENDS: usize = 8;

/// Maximum number of attempts to send a message of a batch.
const MAX_SEND_ATTEMPTS: u32 = 4;

/// Maximum delay of a message in SQS, in seconds.
const MAX_MESSAGE_DELAY_SECS: i32 = 900;

/// Maximum visibility timeout, in seconds. SQS allows 12 hours from the receipt of a message, and some time has passed
/// since. A message with a longer delay is received and hidden again.
const MAX_VISIBILITY_TIMEOUT_SECS: i32 = 43_000;

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: SqsClient,
    url: String,
}

/// A message that SQS did not accept.
#[derive(Debug, thiserror::Error)]
#[error("failed to send a message to SQS: {0}")]
pub struct SendError(String);

/// A message of a fair queue.
pub trait GroupedMessage: Serialize {
    /// Returns the message group. SQS fair queues prevent a group with a long backlog from delaying the others.
    fn group(&self) -> &str;
}

impl GroupedMessage for model::DeliveryMessage {
    fn group(&self) -> &str {
        &self.target
    }
}

impl Queue {
    /// Creates a handle for the queue at `url`.
    pub fn new(client: SqsClient, url: String) -> Self {
        Self { client, url }
    }

    /// Returns the name of the queue, which is the last part of its URL.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// Connects to SQS, so that the first message of the process does not wait for that.
    ///
    /// # Errors
    /// [`SendError`] if SQS does not respond.
    pub async fn connect(&self) -> Result<(), SendError> {
        let read = self.client.get_queue_attributes().queue_url(&self.url).send().await;
        read.map(drop).map_err(|error| SendError(DisplayErrorContext(&error).to_string()))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError`] if SQS does not accept it. The SDK has repeated the call by then.
    pub async fn send(&self, message: &impl GroupedMessage) -> Result<(), SendError> {
        let send = self.client.send_message().queue_url(&self.url).message_body(json(message)?);
        let sent = send.message_group_id(message.group()).send().await;
        sent.map(drop).map_err(|error| SendError(DisplayErrorContext(&error).to_string()))
    }

    /// Sends a message without a group, after a delay of at most 15 minutes.
    ///
    /// # Errors
    /// [`SendError`] if SQS does not accept it. The SDK has repeated the call by then.
    pub async fn send_delayed(&self, message: &impl Serialize, delay: Duration) -> Result<(), SendError> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(MAX_MESSAGE_DELAY_SECS).min(MAX_MESSAGE_DELAY_SECS);
        let send = self.client.send_message().queue_url(&self.url).message_body(json(message)?);
        let sent = send.delay_seconds(seconds).send().await;
        sent.map(drop).map_err(|error| SendError(DisplayErrorContext(&error).to_string()))
    }

    /// Sends messages, ten per call. Messages that SQS does not accept are sent again a few times.
    ///
    /// # Errors
    /// The index of the first message that SQS did not accept. Later messages may have been sent.
    pub async fn send_batch<T: GroupedMessage>(&self, messages: &[T]) -> Result<(), usize> {
        let mut sending = Vec::new();
        for (number, chunk) in messages.chunks(MAX_MESSAGES_PER_CALL).enumerate() {
            let first = number * MAX_MESSAGES_PER_CALL;
            sending.push(async move { self.send_chunk(chunk).await.map_err(|index| first + index) });
        }
        // `buffered` keeps the order, so that the first error has the lowest index.
        futures::stream::iter(sending).buffered(MAX_CONCURRENT_SENDS).try_collect().await
    }

    async fn send_chunk<T: GroupedMessage>(&self, messages: &[T]) -> Result<(), usize> {
        let mut remaining: Vec<usize> = (0..messages.len()).collect();
        for attempt in 0..MAX_SEND_ATTEMPTS {
            remaining = self.try_send_chunk(messages, &remaining).await;
            if remaining.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(remaining.into_iter().min().unwrap_or_default())
    }

    /// Sends some of the messages once. Returns the indexes of those that SQS did not accept.
    async fn try_send_chunk<T: GroupedMessage>(&self, messages: &[T], indexes: &[usize]) -> Vec<usize> {
        let entries: Result<Vec<_>, SendError> =
            indexes.iter().map(|index| batch_entry(*index, &messages[*index])).collect();
        let response = match entries {
            Ok(entries) => {
                self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await
            }
            Err(error) => {
                tracing::error!(%error, "failed to serialize a message");
                return indexes.to_vec();
            }
        };
        match response {
            // A successful call may have rejected some of the messages.
            Ok(response) => {
                for failed in &response.failed {
                    tracing::warn!(code = failed.code, message = failed.message, "failed to send a message");
                }
                response.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect()
            }
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "failed to send a batch of messages");
                indexes.to_vec()
            }
        }
    }

    /// Hides a received message for a time. If that fails, the message is received again after the queue's own
    /// visibility timeout: it may be late, but is not lost.
    pub async fn hide(&self, receipt_handle: Option<&str>, delay: Duration) {
        // SQS counts in seconds. Rounding up avoids a receive before the time is over.
        let seconds = i32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(MAX_VISIBILITY_TIMEOUT_SECS);
        let hide = self.client.change_message_visibility().queue_url(&self.url);
        let hide = hide.set_receipt_handle(receipt_handle.map(str::to_owned));
        let hidden = hide.visibility_timeout(seconds.min(MAX_VISIBILITY_TIMEOUT_SECS)).send().await;
        if let Err(error) = hidden {
            tracing::warn!(error = %DisplayErrorContext(&error), "failed to change the visibility of a message");
        }
    }
}

fn json(message: &impl Serialize) -> Result<String, SendError> {
    serde_json::to_string(message).map_err(|error| SendError(error.to_string()))
}

fn batch_entry(index: usize, message: &impl GroupedMessage) -> Result<SendMessageBatchRequestEntry, SendError> {
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(json(message)?)
        .message_group_id(message.group())
        .build()
        .map_err(|error| SendError(error.to_string()))
}

#[cfg(test)]
#[path = "sqs_tests.rs"]
mod tests;
