//! Sending messages to an SQS queue.

use std::fmt::Display;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt, TryStreamExt};
use model::DeliveryMessage;
use serde::Serialize;

/// Maximum number of messages in one call of SQS.
const MAX_MESSAGES_PER_CALL: usize = 10;

/// Maximum number of concurrent calls.
const MAX_CONCURRENT_SENDS: usize = 8;

/// Maximum number of attempts to send a message.
const MAX_SEND_ATTEMPTS: u32 = 4;

/// Maximum delay of a message in SQS, in seconds.
const MAX_DELAY_SECS: i32 = 900;

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// A message that SQS did not accept.
#[derive(Debug, thiserror::Error)]
#[error("failed to send a message to SQS")]
pub(crate) struct SendError;

impl Queue {
    /// Creates a handle for the queue at `url`.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends delivery messages. On an error, returns the index of the first message of a batch that failed.
    pub(crate) async fn send(&self, messages: &[DeliveryMessage]) -> Result<(), usize> {
        let mut sending = Vec::new();
        for (number, batch) in messages.chunks(MAX_MESSAGES_PER_CALL).enumerate() {
            let first = number * MAX_MESSAGES_PER_CALL;
            sending.push(async move { self.send_batch(batch).await.map_err(|index| first + index) });
        }
        // `buffered` keeps the order, so that the first error has the lowest index.
        futures::stream::iter(sending).buffered(MAX_CONCURRENT_SENDS).try_collect().await
    }

    /// Sends one message that belongs to no target, after a delay of at most 15 minutes.
    pub(crate) async fn send_delayed<T: Serialize>(&self, message: &T, delay: Duration) -> Result<(), SendError> {
        let failed = |error: &dyn Display| {
            tracing::warn!(%error, "failed to send a message");
            SendError
        };
        let body = serde_json::to_string(message).map_err(|error| failed(&error))?;
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(MAX_DELAY_SECS).min(MAX_DELAY_SECS);
        let send = self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds);
        let sent = send.send().await;
        sent.map(drop).map_err(|error| failed(&DisplayErrorContext(&error)))
    }

    async fn send_batch(&self, messages: &[DeliveryMessage]) -> Result<(), usize> {
        let mut remaining: Vec<usize> = (0..messages.len()).collect();
        for attempt in 0..MAX_SEND_ATTEMPTS {
            remaining = self.try_send(messages, &remaining).await;
            if remaining.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(remaining.into_iter().min().unwrap_or_default())
    }

    /// Sends some of the messages once. Returns the indexes of those that SQS did not accept.
    async fn try_send(&self, messages: &[DeliveryMessage], indexes: &[usize]) -> Vec<usize> {
        let entries = indexes.iter().map(|index| batch_entry(*index, &messages[*index])).collect();
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
}

/// Builds one entry of a batch. The message group is the target: SQS fair queues prevent a target with a long backlog
/// from delaying the others.
fn batch_entry(index: usize, message: &DeliveryMessage) -> Result<SendMessageBatchRequestEntry, String> {
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(serde_json::to_string(message).map_err(|e| e.to_string())?)
        .message_group_id(&message.target)
        .build()
        .map_err(|e| e.to_string())
}
