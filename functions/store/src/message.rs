//! What stands on the queues.

use events::EventId;
use serde::{Deserialize, Serialize};

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
    /// Further events for the same target, to be delivered after that one, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<EventId>,
}

impl Message {
    /// The message of one event on its own way.
    pub fn new(event: EventId, target: &str) -> Self {
        Self { event, target: target.to_owned(), run: None, then: Vec::new() }
    }

    /// The message of events that a replay or retry sends, in this order; `None` where there are none.
    pub fn of_run(events: &[EventId], target: &str, run: &str) -> Option<Self> {
        let (event, then) = events.split_first()?;
        Some(Self { event: *event, target: target.to_owned(), run: Some(run.to_owned()), then: then.to_vec() })
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
