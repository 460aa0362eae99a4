//! Messages on the SQS queues.

use events::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::replay::{Replay, ReplayOf};

/// A message on the delivery queues: deliver an event to a target. It names the event and does not carry its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// The event.
    pub event: EventId,
    /// Name of the target.
    pub target: String,
    /// Creation time of the target, which tells it from a later target of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_created_at: Option<Timestamp>,
    /// Replay or retry that sends the event; `None` for the first delivery of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Restricts the run to held and failed deliveries: events that have been delivered are skipped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
    /// More events for the same target, to be delivered after `event` in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<EventId>,
    /// Number of receives of the message before it was sent again as a new message. A move to the slow queue
    /// does not count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taken: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl DeliveryMessage {
    /// Creates the message for the first delivery of an event.
    pub fn new(event: EventId, target: &str) -> Self {
        Self {
            event,
            target: target.to_owned(),
            target_created_at: None,
            run: None,
            undelivered: false,
            then: Vec::new(),
            taken: 0,
        }
    }

    /// Creates the message of a replay that sends `events` in this order; `None` if `events` is empty.
    pub fn of_replay(events: &[EventId], replay: &Replay) -> Option<Self> {
        let (event, then) = events.split_first()?;
        Some(Self {
            run: Some(replay.name.clone()),
            undelivered: replay.of != ReplayOf::Log,
            then: then.to_vec(),
            ..Self::new(*event, &replay.target)
        })
    }

    /// Returns the message without its first `index` events; `None` if no event is left.
    pub fn skip(&self, index: usize) -> Option<Self> {
        let left = std::iter::once(self.event).chain(self.then.iter().copied()).skip(index).collect::<Vec<_>>();
        let (event, then) = left.split_first()?;
        Some(Self { event: *event, then: then.to_vec(), ..self.clone() })
    }

    /// Splits the message into one message per event.
    pub fn split(&self) -> impl Iterator<Item = Self> {
        let one = |event: &EventId| Self { event: *event, then: Vec::new(), ..self.clone() };
        std::iter::once(&self.event).chain(&self.then).map(one)
    }
}

/// A message on the replay queue: continue a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayMessage {
    /// Name of the replay.
    pub replay: String,
    /// Number of messages of this replay in a row that sent no event: the target is paused or slow, or another message
    /// continues the replay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub idle: u32,
}

impl ReplayMessage {
    /// Creates the first message of a replay.
    pub fn new(replay: &str) -> Self {
        Self { replay: replay.to_owned(), idle: 0 }
    }
}
