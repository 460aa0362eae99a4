//! The delivery queues: the regular queue, and the queue of slow targets.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use model::DeliveryMessage;
use runtime::sqs::Queue;

/// The delivery queues.
#[derive(Debug, Clone)]
pub struct Queues {
    /// The regular queue.
    pub regular: Queue,
    /// The queue of slow targets.
    pub slow: Queue,
}

impl Queues {
    /// Returns whether a message comes from the slow queue.
    pub(crate) fn is_slow(&self, record: &SqsMessage) -> bool {
        record.event_source_arn.as_deref().and_then(|arn| arn.rsplit(':').next()) == Some(self.slow.name())
    }

    fn get(&self, slow: bool) -> &Queue {
        if slow { &self.slow } else { &self.regular }
    }

    /// Hides a message from receivers for a time.
    pub(crate) async fn hide(&self, record: &SqsMessage, delay: Duration) {
        self.get(self.is_slow(record)).hide(record.receipt_handle.as_deref(), delay).await;
    }

    /// Sends a message to the slow or the regular queue. Returns whether SQS accepted it.
    pub(crate) async fn send(&self, message: &DeliveryMessage, slow: bool) -> bool {
        let sent = self.get(slow).send(message).await;
        sent.inspect_err(|error| tracing::warn!(%error, "failed to send a delivery message")).is_ok()
    }
}

/// Returns how often a message was received from its queue, including this time.
pub(crate) fn receive_count(record: &SqsMessage) -> u32 {
    record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}
