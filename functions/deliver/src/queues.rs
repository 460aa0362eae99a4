//! The queues that messages come from: one for all, and one for targets that are slow.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use model::DeliveryMessage;

/// For how many seconds a message is hidden at most: SQS's 12 hours count from when the message was
/// received, some of which have passed. One that is to wait longer comes and is hidden again.
const MAX_HIDDEN: i32 = 43_000;

/// The queues of deliveries.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    main: String,
    slow: String,
}

impl Queues {
    /// The queues with these URLs.
    pub fn new(client: Client, main: String, slow: String) -> Self {
        Self { client, main, slow }
    }

    /// Whether a message comes from the slow lane.
    pub(crate) fn is_slow(&self, record: &SqsMessage) -> bool {
        let name = |address: &str, end: char| address.rsplit(end).next().map(str::to_owned);
        let arn = record.event_source_arn.as_deref().unwrap_or_default();
        name(arn, ':') == name(&self.slow, '/')
    }

    fn url(&self, record: &SqsMessage) -> &str {
        if self.is_slow(record) { &self.slow } else { &self.main }
    }

    /// Hides a message until it is to come again.
    pub(crate) async fn hide(&self, record: &SqsMessage, wait: Duration) {
        // SQS counts in seconds: rather a little late than a little early.
        let seconds = i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(MAX_HIDDEN).min(MAX_HIDDEN);
        let hidden = self
            .client
            .change_message_visibility()
            .queue_url(self.url(record))
            .set_receipt_handle(record.receipt_handle.clone())
            .visibility_timeout(seconds)
            .send()
            .await;
        if let Err(error) = hidden {
            // It then comes again after the queue's own timeout: late, not lost.
            tracing::warn!(error = %DisplayErrorContext(&error), "the wait of a message cannot be set");
        }
    }

    /// Sends a message, to the slow lane or the other; whether it is there.
    pub(crate) async fn send(&self, message: &DeliveryMessage, slow: bool) -> bool {
        let Ok(body) = serde_json::to_string(message) else { return false };
        let url = if slow { &self.slow } else { &self.main };
        let send = self.client.send_message().queue_url(url).message_body(body).message_group_id(&message.target);
        let sent = send.send().await;
        if let Err(error) = &sent {
            tracing::warn!(error = %DisplayErrorContext(error), "SQS did not take a message");
        }
        sent.is_ok()
    }
}
