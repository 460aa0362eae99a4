//! Choosing between an index search and a segment search.

use std::time::Instant;

use model::{Field, SearchFilter};
use store::Error;

use crate::event_log::EventLog;
use crate::fetch_payloads::fetch_payloads;
use crate::found::Found;
use crate::index_search::IndexSearch;
use crate::request::{SearchPage, SearchRequest, SearchStats};
use crate::segment_search::{FieldCounts, Matches, SegmentSearch};

/// Share of the read units for finding events. The rest is for reading their payloads.
const SEARCH_SHARE_OF_UNITS: f64 = 0.8;

/// Unpaged responses may use this multiple of the maximum read units.
const UNPAGED_UNITS_FACTOR: f64 = 4.0;

/// Minimum page size for which segments are preferred. A thousand events are two items in a segment, but a thousand
/// items in the log or an index.
const SEGMENT_PAGE_THRESHOLD: usize = 250;

/// Maximum read units for late events that are not in a segment, before a search falls back to the log or an index.
const MAX_LATE_READ_UNITS: f64 = 100.0;

impl EventLog {
    /// Returns one page of matching events.
    ///
    /// Every part of the log is read in the order of ids, so the page is exact: no matching event is missing or
    /// repeated, however the events are distributed.
    pub async fn search(&self, search: &SearchRequest) -> Result<SearchPage, Error> {
        let mut stats = SearchStats::default();
        let (found, total, uncounted) = self.find(search, &mut stats).await?;
        let mut page = fetch_payloads(self, search, found, stats).await?;
        page.total = total;
        page.partial |= uncounted;
        Ok(page)
    }

    /// Returns the events of the page, the total number of matches if it was requested, and whether counting failed to
    /// finish.
    async fn find(&self, search: &SearchRequest, stats: &mut SearchStats) -> Result<(Found, Option<u64>, bool), Error> {
        let max_units = self.segments.max_units() * SEARCH_SHARE_OF_UNITS;
        if let Some(index) = IndexSearch::plan(&self.events, search) {
            if self.are_segments_better(search, &index) {
                let max_late_units = if search.total { max_units } else { MAX_LATE_READ_UNITS };
                stats.read = "segments";
                let segments = SegmentSearch::for_page(self, search, (max_units, max_late_units), stats).await?;
                if !segments.is_log_scan() {
                    return segments.page(search).await;
                }
            }
            if let Some(found) = index.find(self.segments.max_units(), stats).await? {
                if !search.total {
                    return Ok((found, None, false));
                }
                let total =
                    SegmentSearch::open(self, &search.filter, search.deadline, max_units, stats).await?.count().await?;
                return Ok((found, total, total.is_none()));
            }
        }
        stats.read = "segments";
        SegmentSearch::for_page(self, search, (max_units, max_units), stats).await?.page(search).await
    }

    /// Returns whether segments are expected to be cheaper than the log or an index.
    fn are_segments_better(&self, search: &SearchRequest, index: &IndexSearch<'_>) -> bool {
        let has_cached_headers = || search.ids().is_some_and(|ids| self.segments.has_cached_headers(ids));
        let is_large = search.limit >= SEGMENT_PAGE_THRESHOLD;
        // An index returns every event with one value. Cached columns apply the other conditions without reads.
        (is_large && index.is_log()) || ((is_large || index.is_filtered) && has_cached_headers())
    }

    /// Returns all matching events, sorted by time and by the producer's own number, newest first. The result cannot be
    /// continued on a next page, so it may take four times the read units of a page.
    ///
    /// # Errors
    /// [`Error::Busy`] if the deadline passes or the read units are used up.
    pub async fn matches(&self, filter: &SearchFilter, deadline: Option<Instant>) -> Result<Matches, Error> {
        let mut stats = SearchStats::default();
        let segments =
            SegmentSearch::open(self, filter, deadline, self.segments.max_units() * UNPAGED_UNITS_FACTOR, &mut stats)
                .await?;
        segments.matches().await
    }

    /// Counts the matching events for each value of a field.
    pub async fn values(
        &self,
        field: Field,
        filter: &SearchFilter,
        deadline: Option<Instant>,
    ) -> Result<FieldCounts, Error> {
        let mut stats = SearchStats::default();
        let segments = SegmentSearch::open(self, filter, deadline, self.segments.max_units(), &mut stats).await?;
        segments.values(field).await
    }
}
