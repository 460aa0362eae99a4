//! Messages of a queue, and their receipts.

use std::time::Duration;

/// AWS account of the queues, part of their URLs and ARNs.
pub(super) const ACCOUNT_ID: &str = "000000000000";

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewMessage {
    /// Text, at most 1 MiB.
    pub(crate) body: String,
    /// Message group, among which receives are fair; see [`super::Queue::receive`].
    pub(crate) group: Option<String>,
    /// Delay before the message becomes visible.
    pub(crate) delay: Duration,
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Receipt of this receive.
    pub(crate) receipt: Receipt,
    /// Text.
    pub(crate) body: String,
    /// Message group that the sender set.
    pub(crate) group: Option<String>,
    /// Time of sending, in milliseconds since 1970.
    pub(crate) sent_at: i64,
    /// Time of the first receive, in milliseconds since 1970.
    pub(crate) first_received_at: i64,
}

impl Message {
    /// The message's id.
    pub(crate) fn id(&self) -> String {
        self.receipt.number.to_string()
    }

    /// Number of receives, including this one.
    pub(crate) fn receives(&self) -> u32 {
        self.receipt.receives
    }

    /// The message's system attributes, as SQS names them.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("ApproximateReceiveCount", self.receives().to_string()),
            ("SentTimestamp", self.sent_at.to_string()),
            ("SenderId", ACCOUNT_ID.to_owned()),
            ("ApproximateFirstReceiveTimestamp", self.first_received_at.to_string()),
        ];
        all.extend(self.group.clone().map(|group| ("MessageGroupId", group)));
        all
    }
}

/// Identifies one receive of one message. The receipt is stale when the message is received again, since the number
/// of receives then differs. No receipt handle is therefore stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(super) number: i64,
    pub(super) receives: u32,
}

impl Receipt {
    /// The receipt handle of the AWS protocol.
    pub(crate) fn handle(self) -> String {
        format!("{}.{}", self.number, self.receives)
    }

    /// Parses a receipt handle.
    pub(crate) fn parse(handle: &str) -> Option<Self> {
        let (number, receives) = handle.split_once('.')?;
        Some(Self { number: number.parse().ok()?, receives: receives.parse().ok()? })
    }
}

/// The outcome of changing a message's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VisibilityOutcome {
    /// The visibility was changed.
    Changed,
    /// The message is visible already.
    NotInFlight,
    /// The receipt is stale or the message was deleted.
    Unknown,
}

/// Number of messages of a queue by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MessageCounts {
    /// Messages ready to be received.
    pub(crate) visible: u64,
    /// Messages received and not yet deleted or visible again.
    pub(crate) in_flight: u64,
    /// Messages sent with a delay that has not passed.
    pub(crate) delayed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_handles_are_parsed() {
        let receipt = Receipt { number: 17, receives: 3 };
        assert_eq!(Receipt::parse(&receipt.handle()), Some(receipt));
        for handle in ["", "17", "17.", ".3", "17.-1", "seventeen.3"] {
            assert_eq!(Receipt::parse(handle), None, "{handle}");
        }
    }
}
