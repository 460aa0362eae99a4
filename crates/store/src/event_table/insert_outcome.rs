//! The outcomes of an insert.

use events::{AcceptedEvent, DedupKey, EventId, Rejection};

/// The result of an insert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InsertResult {
    /// Outcome of the insert.
    pub outcome: InsertOutcome,
    /// Consumed write units.
    pub write_units: f64,
}

/// The outcome of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertOutcome {
    /// The event is new and was stored under this id.
    Stored(EventId),
    /// The same event is already stored under this id.
    Duplicate(EventId),
    /// The event was not stored because of other events.
    Refused(InsertRefusal),
}

/// The reason why a valid event was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertRefusal {
    /// Another event, which is stored under this id, has the event's ID, type and time, and another payload.
    Conflict(EventId),
    /// The copy of the event with this id has expired, and is not deleted yet.
    Expired(EventId),
    /// Every slot of the event's sequence is taken by another event.
    NoFreeSlot,
}

impl InsertRefusal {
    /// Returns the reason in words for the producer.
    pub fn rejection(self, accepted: &AcceptedEvent) -> Rejection {
        let event_type = Some(accepted.event.fields.event_type.clone());
        match self {
            Self::Conflict(other) if accepted.dedup_key == DedupKey::RequestId => {
                Rejection::id_in_use(event_type, other)
            }
            Self::Conflict(other) => Rejection::id_reused(event_type, other),
            Self::Expired(other) => Rejection::expired(event_type, other),
            Self::NoFreeSlot => Rejection::no_free_slot(event_type, accepted.event.fields.time),
        }
    }
}
