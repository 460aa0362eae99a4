//! What stands on the delivery queue.

use events::EventId;
use serde::{Deserialize, Serialize};

/// One event for one target: a reference, not the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The event.
    pub event: EventId,
    /// The target's name.
    pub target: String,
}
