//! The configuration of a queue.

use std::time::Duration;

/// The configuration of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueConfig {
    /// Name of the queue.
    pub(crate) name: String,
    /// Time for which a received message stays invisible, unless the receive sets another.
    pub(crate) visibility_timeout: Duration,
    /// Policy for messages that are received too often. Without one, they are received forever.
    pub(crate) redrive: Option<RedrivePolicy>,
}

/// The policy for messages that are received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// Name of the dead-letter queue.
    pub(crate) dead_letter_queue: String,
    /// Maximum number of receives of a message.
    pub(crate) max_receives: u32,
}
