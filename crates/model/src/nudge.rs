//! Nudges: messages from ingest that let fanout send new events before their stream records arrive.
//!
//! Fanout learns of an event in two ways: by its stream record, always, and by a nudge, usually earlier. A claim decides
//! which of them sends the events of a request, so that no event is sent twice.

use std::collections::BTreeSet;

use events::EventId;
use serde::{Deserialize, Serialize};

/// A message on the nudge queue: the events that a request has just stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeMessage {
    /// Number of the nudge, which the events store too.
    pub nudge: u64,
    /// The stored events.
    pub events: Vec<EventId>,
}

/// A way by which fanout learns of a new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FanoutPath {
    /// The stream of the `events` table.
    Stream,
    /// A nudge.
    Nudge,
}

/// The decision which path sends the events of a nudge. The first claim is stored, and is never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NudgeClaim {
    /// The path that has claimed the nudge.
    pub path: FanoutPath,
    /// Events that the nudge sends; empty if the stream has claimed them all.
    pub events: BTreeSet<EventId>,
}

impl NudgeClaim {
    /// Creates the claim of the stream for every event of a nudge.
    pub fn by_stream() -> Self {
        Self { path: FanoutPath::Stream, events: BTreeSet::new() }
    }

    /// Creates the claim of a nudge for these events. The stream sends all others, such as an event whose storage was
    /// not confirmed to ingest.
    pub fn by_nudge(events: BTreeSet<EventId>) -> Self {
        Self { path: FanoutPath::Nudge, events }
    }

    /// Returns whether `path` sends an event of the nudge. Exactly one path does.
    pub fn allows(&self, path: FanoutPath, event: EventId) -> bool {
        let sender = match self.path {
            FanoutPath::Nudge if self.events.contains(&event) => FanoutPath::Nudge,
            _ => FanoutPath::Stream,
        };
        sender == path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_path_sends_an_event() {
        let id = |number| EventId::from_u64(number).unwrap();
        for claim in [NudgeClaim::by_stream(), NudgeClaim::by_nudge(BTreeSet::from([id(7)]))] {
            for event in [id(7), id(8)] {
                let paths = [FanoutPath::Stream, FanoutPath::Nudge].map(|path| claim.allows(path, event));
                assert_eq!(paths.iter().filter(|allowed| **allowed).count(), 1, "{claim:?} {event}");
            }
        }
        assert!(NudgeClaim::by_nudge(BTreeSet::from([id(7)])).allows(FanoutPath::Nudge, id(7)));
        assert!(NudgeClaim::by_nudge(BTreeSet::from([id(7)])).allows(FanoutPath::Stream, id(8)), "not in the nudge");
    }
}
