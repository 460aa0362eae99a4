//! What stands on the queues.

use events::EventId;
use serde::{Deserialize, Serialize};

use crate::replay::{Replay, ReplayOf};

/// On the delivery queues: one event for one target. A reference, not the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The event.
    pub event: EventId,
    /// The target's name.
    pub target: String,
    /// The replay or retry that sends it; `None` for the event's own way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Whether that sends only what has not been delivered: what was held, or failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
    /// Further events for the same target, to be delivered after that one, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<EventId>,
    /// How often it was taken from a queue before it was sent anew, but for being moved.
    #[serde(default, skip_serializing_if = "is_none")]
    pub taken: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(times: &u32) -> bool {
    *times == 0
}

impl Message {
    /// The message of one event on its own way.
    pub fn new(event: EventId, target: &str) -> Self {
        Self { event, target: target.to_owned(), run: None, undelivered: false, then: Vec::new(), taken: 0 }
    }

    /// The message of events that a replay sends, in this order; `None` where there are none.
    pub fn of_replay(events: &[EventId], replay: &Replay) -> Option<Self> {
        let (event, then) = events.split_first()?;
        Some(Self {
            run: Some(replay.name.clone()),
            undelivered: replay.of != ReplayOf::Log,
            then: then.to_vec(),
            ..Self::new(*event, &replay.target)
        })
    }

    /// The message of its events from this one on; `None` where it has not so many.
    pub fn from(&self, index: usize) -> Option<Self> {
        let left = std::iter::once(self.event).chain(self.then.iter().copied()).skip(index).collect::<Vec<_>>();
        let (event, then) = left.split_first()?;
        Some(Self { event: *event, then: then.to_vec(), ..self.clone() })
    }

    /// A message for each of its events.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        let one = |event: &EventId| Self { event: *event, then: Vec::new(), ..self.clone() };
        std::iter::once(&self.event).chain(&self.then).map(one)
    }
}

/// On the replay queue: a replay that has something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayMessage {
    /// Its name.
    pub replay: String,
}
