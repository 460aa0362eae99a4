//! The delivery queues: the regular queue, and the queue of slow targets.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use model::DeliveryMessage;

/// Maximum visibility timeout, in seconds. SQS allows 12 hours from the receipt of a message, and some time has passed
/// since. A message with a longer delay is received and hidden again.
const MAX_VISIBILITY_TIMEOUT_SECS: i32 = 43_000;

/// The delivery queues.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    regular_url: String,
    slow_url: String,
}

impl Queues {
    /// Creates handles for the queues with these URLs.
    pub fn new(client: Client, regular_url: String, slow_url: String) -> Self {
        Self { client, regular_url, slow_url }
    }

    /// Returns whether a message comes from the slow queue.
    pub(crate) fn is_slow(&self, record: &SqsMessage) -> bool {
        let last_part = |text: &str, separator: char| text.rsplit(separator).next().map(str::to_owned);
        let arn = record.event_source_arn.as_deref().unwrap_or_default();
        last_part(arn, ':') == last_part(&self.slow_url, '/')
    }

    fn url(&self, slow: bool) -> &str {
        if slow { &self.slow_url } else { &self.regular_url }
    }

    /// Hides a message from receivers for a time.
    pub(crate) async fn hide(&self, record: &SqsMessage, delay: Duration) {
        // SQS counts in seconds. Rounding up avoids a receive before the attempt is due.
        let seconds = i32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(MAX_VISIBILITY_TIMEOUT_SECS);
        let hidden = self
            .client
            .change_message_visibility()
            .queue_url(self.url(self.is_slow(record)))
            .set_receipt_handle(record.receipt_handle.clone())
            .visibility_timeout(seconds.min(MAX_VISIBILITY_TIMEOUT_SECS))
            .send()
            .await;
        if let Err(error) = hidden {
            // The message is received again after the queue's own visibility timeout: it may be late, but is not lost.
            tracing::warn!(error = %DisplayErrorContext(&error), "failed to change the visibility of a message");
        }
    }

    /// Sends a message to the slow or the regular queue. Returns whether SQS accepted it.
    pub(crate) async fn send(&self, message: &DeliveryMessage, slow: bool) -> bool {
        let Ok(body) = serde_json::to_string(message) else { return false };
        let send = self.client.send_message().queue_url(self.url(slow)).message_body(body);
        let sent = send.message_group_id(&message.target).send().await;
        if let Err(error) = &sent {
            tracing::warn!(error = %DisplayErrorContext(error), "failed to send a delivery message");
        }
        sent.is_ok()
    }
}

/// Returns how often a message was received from its queue, including this time.
pub(crate) fn receive_count(record: &SqsMessage) -> u32 {
    record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}
