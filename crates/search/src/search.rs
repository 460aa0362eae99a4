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

/// The part of them that finding takes: the others are for the payloads of what was found.
const SEARCH_SHARE_OF_UNITS: f64 = 0.8;

/// Unpaged responses may use this multiple of the maximum read units.
const UNPAGED_UNITS_FACTOR: f64 = 4.0;

/// Pages of so many events are read by segments, where a thousand are two items: an index and the log have an item for
/// each.
const SEGMENT_PAGE_THRESHOLD: usize = 250;

/// The read units that such a search takes to know what came late and is in no segment. Where there is more of that, it
/// goes by the log or an index.
const MAX_LATE_READ_UNITS: f64 = 100.0;

impl EventLog {
    /// One page of what matches.
    ///
    /// Every part of the log is read in the order of ids, so the page is exact: nothing that matches is missed or
    /// comes twice, however the events are spread.
    pub async fn search(&self, search: &SearchRequest) -> Result<SearchPage, Error> {
        let mut stats = SearchStats::default();
        let (found, total, uncounted) = self.find(search, &mut stats).await?;
        let mut page = fetch_payloads(self, search, found, stats).await?;
        page.total = total;
        page.partial |= uncounted;
        Ok(page)
    }

    /// What belongs to the page; how many match altogether, where that is asked for; and whether that could not be
    /// counted.
    async fn find(&self, search: &SearchRequest, stats: &mut SearchStats) -> Result<(Found, Option<u64>, bool), Error> {
        let units = self.segments.max_units() * SEARCH_SHARE_OF_UNITS;
        if let Some(ordered) = IndexSearch::plan(&self.events, search) {
            if self.are_segments_better(search, &ordered) {
                let late = if search.total { units } else { MAX_LATE_READ_UNITS };
                stats.read = "segments";
                let scan = SegmentSearch::of_page(self, search, (units, late), stats).await?;
                if !scan.is_plain() {
                    return scan.page(search).await;
                }
            }
            if let Some(found) = ordered.find(self.segments.max_units(), stats).await? {
                if !search.total {
                    return Ok((found, None, false));
                }
                let total =
                    SegmentSearch::open(self, &search.filter, search.deadline, units, stats).await?.count().await?;
                return Ok((found, total, total.is_none()));
            }
        }
        stats.read = "segments";
        SegmentSearch::of_page(self, search, (units, units), stats).await?.page(search).await
    }

    /// Whether segments give the page sooner than the log or an index would.
    fn are_segments_better(&self, search: &SearchRequest, ordered: &IndexSearch<'_>) -> bool {
        let has_heads = || search.ids().is_some_and(|ids| self.segments.has_heads(ids));
        let is_large = search.limit >= SEGMENT_PAGE_THRESHOLD;
        // An index gives all that has one value. Columns in memory leave out what the other values do, for nothing.
        (is_large && ordered.is_log()) || ((is_large || ordered.is_thinned) && has_heads())
    }

    /// Everything that matches, by when it happened and the producer's own number, the newest first. As there is no
    /// going on with it, four times as much is read for it as for a page.
    ///
    /// # Errors
    /// [`Error::Busy`] where the deadline comes first, or it would take too many read units.
    pub async fn matches(&self, filter: &SearchFilter, deadline: Option<Instant>) -> Result<Matches, Error> {
        let mut stats = SearchStats::default();
        let scan =
            SegmentSearch::open(self, filter, deadline, self.segments.max_units() * UNPAGED_UNITS_FACTOR, &mut stats)
                .await?;
        scan.matches().await
    }

    /// How often each value of a field stands in what matches.
    pub async fn values(
        &self,
        field: Field,
        filter: &SearchFilter,
        deadline: Option<Instant>,
    ) -> Result<FieldCounts, Error> {
        let mut stats = SearchStats::default();
        let scan = SegmentSearch::open(self, filter, deadline, self.segments.max_units(), &mut stats).await?;
        scan.values(field).await
    }
}
