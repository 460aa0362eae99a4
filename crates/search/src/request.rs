//! Search requests and their results.

use std::time::Instant;

use events::{Event, EventId};
use model::SearchFilter;
use serde::Serialize;

/// Maximum read units of one search. When they are used up, the search returns what it has found so far. A search may
/// exceed the limit by its last read, and always makes progress.
pub const MAX_UNITS: f64 = 5000.0;

/// What to search for, and which page of it.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// Which events.
    pub filter: SearchFilter,
    /// Whether the oldest come first.
    pub ascending: bool,
    /// Only events after this one, in the order of the search: where the page before ended.
    pub after: Option<EventId>,
    /// At most this many events.
    pub limit: usize,
    /// The page ends before the event that would bring its payloads past this many bytes.
    pub max_bytes: usize,
    /// Whether to count everything that matches.
    pub total: bool,
    /// When to stop and answer with what was found.
    pub deadline: Option<Instant>,
}

/// One page of a search.
#[derive(Debug, Clone)]
pub struct SearchPage {
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page begins ([`SearchRequest::after`]); `None` where there is nothing further.
    pub next: Option<EventId>,
    /// How many events match, where that was asked for and could be counted in time.
    pub total: Option<u64>,
    /// Whether the search ended before its page was full, or before everything was counted.
    pub partial: bool,
    /// Statistics of the search.
    pub stats: SearchStats,
}

/// How a search was answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SearchStats {
    /// What was read: `log`, an index, or `segments`.
    pub read: &'static str,
    /// How many partitions of it were read side by side.
    pub partitions: usize,
    /// How many of their items were looked at.
    pub examined: usize,
    /// How many segments there are within the range of time.
    pub segments: usize,
    /// Of how many of them the text was read.
    pub texts: usize,
    /// How many events outside of segments were looked at: the newest, and late ones.
    pub unpacked: usize,
    /// The read units that it took, payloads and count included.
    pub units: f64,
}

impl SearchRequest {
    /// The lowest and highest id that this page can have, `None` where it can have none.
    pub(crate) fn ids(&self) -> Option<(u64, u64)> {
        let (low, high) = self.filter.ids()?;
        let (low, high) = match self.after.map(EventId::as_u64) {
            None => (low, high),
            Some(after) if self.ascending => (low.max(after + 1), high),
            Some(after) => (low, high.min(after.checked_sub(1)?)),
        };
        (low <= high).then_some((low, high))
    }

    /// Whether its time is over.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_ends_the_range_at_it() {
        let search =
            |after, ascending| SearchRequest { after: EventId::from_u64(after), ascending, ..SearchRequest::default() };
        assert_eq!(search(10, false).ids(), Some((0, 9)));
        assert_eq!(search(0, false).ids(), None);
        assert_eq!(search(10, true).ids(), Some((11, EventId::MAX.as_u64())));
        assert_eq!(search(EventId::MAX.as_u64(), true).ids(), None);
    }
}
