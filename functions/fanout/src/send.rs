//! Sending messages to a queue.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt, TryStreamExt};
use model::DeliveryMessage;
use serde::Serialize;

/// SQS takes ten messages in one call.
const BATCH: usize = 10;

/// How many calls are under way at once.
const TOGETHER: usize = 8;

/// How often what SQS did not take is sent again.
const RETRIES: u32 = 4;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// SQS did not take a message, after some tries.
#[derive(Debug, thiserror::Error)]
#[error("SQS did not take a message")]
pub(crate) struct NotSent;

impl Queue {
    /// The queue at `url`.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends the messages; the index of the first of a group that SQS did not take.
    pub(crate) async fn send(&self, messages: &[DeliveryMessage]) -> Result<(), usize> {
        let mut sending = Vec::new();
        for (number, batch) in messages.chunks(BATCH).enumerate() {
            sending.push(async move { self.send_batch(batch).await.map_err(|index| number * BATCH + index) });
        }
        // In order, so that the first failure is the lowest.
        futures::stream::iter(sending).buffered(TOGETHER).try_collect().await
    }

    /// Sends one message that belongs to no target, to be seen after `delay`, which is at most 15 minutes.
    pub(crate) async fn send_later<T: Serialize>(&self, message: &T, delay: Duration) -> Result<(), NotSent> {
        let not_sent = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "SQS did not take a message");
            NotSent
        };
        let body = serde_json::to_string(message).map_err(|error| not_sent(&error))?;
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(900).min(900);
        let send = self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds);
        let sent = send.send().await;
        sent.map(drop).map_err(|error| not_sent(&aws_sdk_sqs::error::DisplayErrorContext(&error)))
    }

    async fn send_batch(&self, messages: &[DeliveryMessage]) -> Result<(), usize> {
        let mut left: Vec<usize> = (0..messages.len()).collect();
        for attempt in 0..RETRIES {
            left = self.try_send(messages, &left).await;
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(left.into_iter().min().unwrap_or_default())
    }

    /// Sends some of the messages; which of them SQS did not take.
    async fn try_send(&self, messages: &[DeliveryMessage], indexes: &[usize]) -> Vec<usize> {
        let entries = indexes.iter().map(|index| entry(*index, &messages[*index])).collect();
        let answer = match entries {
            Ok(entries) => {
                self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await
            }
            Err(error) => {
                tracing::error!(%error, "a message cannot be written");
                return indexes.to_vec();
            }
        };
        match answer {
            // A call that succeeds may still have left messages behind.
            Ok(answer) => {
                for failed in &answer.failed {
                    tracing::warn!(code = failed.code, message = failed.message, "SQS did not take a message");
                }
                answer.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect()
            }
            Err(error) => {
                tracing::warn!(error = %aws_sdk_sqs::error::DisplayErrorContext(&error), "SQS did not take a batch");
                indexes.to_vec()
            }
        }
    }
}

/// One entry of a batch. Its group is its target: SQS then serves targets fairly, so one with a
/// long backlog does not delay the others.
fn entry(index: usize, message: &DeliveryMessage) -> Result<SendMessageBatchRequestEntry, String> {
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(serde_json::to_string(message).map_err(|e| e.to_string())?)
        .message_group_id(&message.target)
        .build()
        .map_err(|e| e.to_string())
}
