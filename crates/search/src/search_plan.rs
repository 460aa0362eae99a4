//! The search planner. It decides from the filter, the caches and the budget how a search runs. It performs no I/O.

use jiff::Timestamp;
use model::{Field, SearchFilter};
use store::{FilterExpression, PartitionQuery};
use tokio::time::Instant;

use crate::index_access::IndexAccess;
use crate::request::SearchRequest;

/// Share of the read units for finding events. The rest is for reading their payloads.
const SEARCH_SHARE_OF_UNITS: f64 = 0.8;

/// Share of a search's read units after which an index search gives up.
const INDEX_SHARE_OF_UNITS: f64 = 0.25;

/// Unpaged responses may use this multiple of the maximum read units.
const UNPAGED_UNITS_FACTOR: f64 = 4.0;

/// Minimum page size for which segments are preferred. A thousand events are two items in a segment, but a thousand
/// items in the log or an index.
const SEGMENT_PAGE_THRESHOLD: usize = 250;

/// Maximum read units for late events that are not in a segment, before a search falls back to the log or an index.
const MAX_LATE_READ_UNITS: f64 = 100.0;

/// Maximum number of items that an index search examines for one page, plus a few per event of the page. In segments, a
/// thousand events are one item.
const MAX_EXAMINED_ITEMS: usize = 2000;
const MAX_EXAMINED_ITEMS_PER_EVENT: usize = 4;

/// Maximum number of examined events per match for a filter with alternatives. Beyond it, a segment search is cheaper.
const MAX_EXAMINED_PER_MATCH: usize = 8;

/// Number of items that one Query of an index search examines if few of them may match.
const FILTERED_PAGE_ITEMS: usize = 250;

/// Number of events read in one page of the subject index, across its shards.
const SUBJECT_INDEX_PAGE_EVENTS: usize = 25;

/// An empty id range, for a search that cannot match anything.
const EMPTY_ID_RANGE: (u64, u64) = (1, 0);

/// The plan of a search: the searches to attempt, in this order, and one that always returns a result.
#[derive(Debug)]
pub(crate) struct SearchPlan {
    /// The segment search to attempt first. It gives up if unpacked late events would take too many read units.
    pub(crate) segments: Option<SegmentPlan>,
    /// The index search to attempt next. It gives up if it reaches a limit before the page is full.
    pub(crate) index: Option<IndexPlan>,
    /// The segment search that runs if every attempt has given up.
    pub(crate) fallback: SegmentPlan,
}

/// A search of the log or of one of its indexes.
#[derive(Debug)]
pub(crate) struct IndexPlan {
    pub(crate) query: PartitionQuery,
    /// True if the filter has conditions in addition to the index's key, so that most items may not match.
    has_other_conditions: bool,
    /// Maximum number of items to examine.
    pub(crate) max_examined: usize,
    /// Maximum number of items to examine per match; `None` if there is no such limit.
    pub(crate) max_examined_per_match: Option<usize>,
    /// Maximum read units.
    pub(crate) max_units: f64,
    /// The segment search that counts all matches, if the total was requested.
    pub(crate) count: Option<SegmentPlan>,
}

/// A search of the segments and of the events that are not packed yet.
#[derive(Debug, Clone)]
pub(crate) struct SegmentPlan {
    /// All ids to search.
    pub(crate) ids: (u64, u64),
    /// The part of them to search first.
    pub(crate) first: (u64, u64),
    pub(crate) ascending: bool,
    pub(crate) deadline: Option<Instant>,
    /// Read units after which the search stops.
    pub(crate) max_units: f64,
    /// Maximum read units for unpacked late events. Beyond it, an attempt gives up, and other searches scan the log.
    pub(crate) max_late_units: f64,
    /// The filter as a DynamoDB expression, for reading unpacked events; `None` if it cannot be expressed or would not
    /// exclude enough.
    pub(crate) matching: Option<FilterExpression>,
    /// The query of the subject index that finds unpacked events; `None` if the filter names no subject. The index has
    /// no payloads. The walk sets its range of ids.
    pub(crate) subject_index: Option<PartitionQuery>,
}

/// The facts about the log that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogFacts {
    /// Number of shards of the log and of its indexes.
    pub(crate) shards: u16,
    /// The current time, at which events expire.
    pub(crate) now: Timestamp,
    /// Maximum read units of one search.
    pub(crate) max_units: f64,
}

impl SearchPlan {
    /// Plans the search of one page. `has_cached_headers` reports whether the headers of all segments that overlap an
    /// id range are in memory.
    pub(crate) fn for_page(
        search: &SearchRequest,
        log: LogFacts,
        has_cached_headers: impl Fn((u64, u64)) -> bool,
    ) -> Self {
        let fallback = SegmentPlan::for_page(search, log);
        let Some(index) = IndexPlan::for_page(search, log) else {
            return Self { segments: None, index: None, fallback };
        };
        let has_cached_headers = || search.ids().is_some_and(&has_cached_headers);
        let is_large = search.limit >= SEGMENT_PAGE_THRESHOLD;
        // An index returns every event with one value. Cached columns apply the other conditions without reads.
        let are_segments_better =
            (is_large && index.reads_log()) || ((is_large || index.has_other_conditions) && has_cached_headers());
        let segments = are_segments_better.then(|| SegmentPlan {
            max_late_units: if search.total { fallback.max_units } else { MAX_LATE_READ_UNITS },
            ..fallback.clone()
        });
        Self { segments, index: Some(index), fallback }
    }
}

impl IndexPlan {
    /// Plans a search with the most selective index that the filter has a value for. Returns `None` if only segments
    /// can answer the search.
    fn for_page(search: &SearchRequest, log: LogFacts) -> Option<Self> {
        let filter = &search.filter;
        let expression = FilterExpression::exact(filter, log.now)?;
        let access = IndexAccess::choose(filter, log.shards)?;
        let is_index = access.index.is_some();
        let is_filtered = filter.conditions.len() > usize::from(is_index) || !filter.any.is_empty();
        // Each partition reads its share of the page, and more if a filter drops items.
        let share = (search.limit + 1) / access.partition_count().max(1) + 8;
        let page = match is_filtered {
            true if filter.any.is_empty() => share.max(FILTERED_PAGE_ITEMS),
            true => FILTERED_PAGE_ITEMS,
            false => share,
        };
        let (low, high) = search.ids().unwrap_or(EMPTY_ID_RANGE);
        let count = || SegmentPlan::for_all(filter, search.deadline, log.max_units * SEARCH_SHARE_OF_UNITS, log);
        Some(Self {
            query: access.query(low..=high, search.ascending, Some(expression), page),
            has_other_conditions: is_filtered && is_index,
            max_examined: MAX_EXAMINED_ITEMS + MAX_EXAMINED_ITEMS_PER_EVENT * search.limit,
            max_examined_per_match: (!filter.any.is_empty()).then_some(MAX_EXAMINED_PER_MATCH),
            max_units: log.max_units * INDEX_SHARE_OF_UNITS,
            count: search.total.then(count),
        })
    }

    /// Returns whether the search reads the log itself.
    fn reads_log(&self) -> bool {
        self.query.index.is_none()
    }
}

impl SegmentPlan {
    /// Plans the search of one page. Ids of previous pages are skipped, or searched last if the total was requested.
    fn for_page(search: &SearchRequest, log: LogFacts) -> Self {
        let first = search.ids().unwrap_or(EMPTY_ID_RANGE);
        let ids = if search.total { search.filter.ids().unwrap_or(EMPTY_ID_RANGE) } else { first };
        let max_units = log.max_units * SEARCH_SHARE_OF_UNITS;
        Self { first, ..Self::new(&search.filter, (ids, search.ascending), search.deadline, max_units, log) }
    }

    /// Plans a search for all matches whose counts may be partial.
    pub(crate) fn for_counts(filter: &SearchFilter, deadline: Option<Instant>, log: LogFacts) -> Self {
        Self::for_all(filter, deadline, log.max_units, log)
    }

    /// Plans a search for all matches whose result cannot be continued on a next page.
    pub(crate) fn for_unpaged(filter: &SearchFilter, deadline: Option<Instant>, log: LogFacts) -> Self {
        Self::for_all(filter, deadline, log.max_units * UNPAGED_UNITS_FACTOR, log)
    }

    /// Plans a search for all matches, in any order.
    fn for_all(filter: &SearchFilter, deadline: Option<Instant>, max_units: f64, log: LogFacts) -> Self {
        let ids = filter.ids().unwrap_or(EMPTY_ID_RANGE);
        Self::new(filter, (ids, false), deadline, max_units, log)
    }

    fn new(
        filter: &SearchFilter,
        (ids, ascending): ((u64, u64), bool),
        deadline: Option<Instant>,
        max_units: f64,
        log: LogFacts,
    ) -> Self {
        Self {
            ids,
            first: ids,
            ascending,
            deadline,
            max_units,
            max_late_units: max_units,
            matching: FilterExpression::exact(filter, log.now).filter(|_| filter.is_selective()),
            subject_index: subject_index_query(filter, ascending, log),
        }
    }
}

/// Returns a query of the subject index for the events of a few subjects; `None` if the filter names no subject. A
/// feature of Unleash is the subject of its events.
fn subject_index_query(filter: &SearchFilter, ascending: bool, log: LogFacts) -> Option<PartitionQuery> {
    let values = filter.values(Field::Subject).or_else(|| filter.values(Field::Feature))?;
    // Empty values are not indexed.
    let are_indexed = values.iter().all(|value| !value.is_empty());
    let access = IndexAccess::choose(&SearchFilter::default().and(Field::Subject, values), log.shards)?;
    let expression = Some(FilterExpression::new(filter, log.now)).filter(FilterExpression::is_within_limits);
    // Each event is then read by its id, so pages are small.
    let page = SUBJECT_INDEX_PAGE_EVENTS / usize::from(log.shards) + 1;
    let range = EMPTY_ID_RANGE.0..=EMPTY_ID_RANGE.1;
    (are_indexed && access.index.is_some()).then(|| access.query(range, ascending, expression, page))
}

#[cfg(test)]
#[path = "search_plan_tests.rs"]
mod tests;
