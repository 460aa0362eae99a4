//! Search requests and their results.

use events::{Event, EventId};
use model::SearchFilter;
use serde::Serialize;
use tokio::time::Instant;

/// Maximum read units of one search. When they are used up, the search returns what it has found so far. A search may
/// exceed the limit by its last read, and always makes progress.
pub const MAX_UNITS: f64 = 5000.0;

/// A search: its filter, its order and the page to return.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// The filter that events must match.
    pub filter: SearchFilter,
    /// Order: true if the oldest events come first.
    pub ascending: bool,
    /// Last event of the previous page. Only events after it, in the order of the search, are returned.
    pub after: Option<EventId>,
    /// Maximum number of events.
    pub limit: usize,
    /// Maximum total bytes of the payloads. The page ends before the event that would exceed it.
    pub max_bytes: usize,
    /// Requests a count of all matching events.
    pub total: bool,
    /// Time at which the search stops and returns what it has found.
    pub deadline: Option<Instant>,
}

/// One page of a search.
#[derive(Debug, Clone)]
pub struct SearchPage {
    /// The events of the page.
    pub events: Vec<Event>,
    /// Cursor of the next page ([`SearchRequest::after`]); `None` on the last page.
    pub next: Option<EventId>,
    /// Number of matching events, if it was requested and could be counted in time.
    pub total: Option<u64>,
    /// True if the search stopped before the page was full or before all matches were counted.
    pub partial: bool,
    /// Statistics of the search.
    pub stats: SearchStats,
}

/// Statistics of one search.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SearchStats {
    /// The source that was read: `log`, the name of an index, or `segments`.
    pub read: &'static str,
    /// Number of partitions read in parallel.
    pub partitions: usize,
    /// Number of items examined in these partitions.
    pub examined: usize,
    /// Number of segments within the time range.
    pub segments: usize,
    /// Number of segments whose payloads were read.
    pub texts: usize,
    /// Number of examined events that are not in a segment: the newest ones and late ones.
    pub unpacked: usize,
    /// Consumed read units, including those for payloads and for the count.
    pub units: f64,
}

impl SearchRequest {
    /// Returns the lowest and highest id that this page can contain; `None` if the page must be empty.
    pub(crate) fn ids(&self) -> Option<(u64, u64)> {
        let (low, high) = self.filter.ids()?;
        let (low, high) = match self.after.map(EventId::as_u64) {
            None => (low, high),
            Some(after) if self.ascending => (low.max(after + 1), high),
            Some(after) => (low, high.min(after.checked_sub(1)?)),
        };
        (low <= high).then_some((low, high))
    }

    /// Returns whether the deadline has passed.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_limits_the_id_range() {
        let search =
            |after, ascending| SearchRequest { after: EventId::from_u64(after), ascending, ..SearchRequest::default() };
        assert_eq!(search(10, false).ids(), Some((0, 9)));
        assert_eq!(search(0, false).ids(), None);
        assert_eq!(search(10, true).ids(), Some((11, EventId::MAX.as_u64())));
        assert_eq!(search(EventId::MAX.as_u64(), true).ids(), None);
    }
}
