//! Searches of the event log, which run as their plan says.

use model::{Field, SearchFilter};
use store::Error;
use tokio::time::Instant;

use crate::event_log::EventLog;
use crate::fetch_payloads::fetch_payloads;
use crate::found::Found;
use crate::index_search::IndexSearch;
use crate::request::{SearchPage, SearchRequest, SearchStats};
use crate::search_plan::{LogFacts, SearchPlan, SegmentPlan};
use crate::segment_search::{FieldCounts, Matches, SegmentSearch};

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
        let plan = SearchPlan::for_page(search, self.facts(), |ids| self.segments.has_cached_headers(ids));
        if let Some(plan) = &plan.segments {
            stats.read = "segments";
            let segments = SegmentSearch::open(self, &search.filter, plan, stats).await?;
            if !segments.is_log_scan() {
                return segments.page(search).await;
            }
        }
        if let Some(plan) = &plan.index
            && let Some(found) = IndexSearch::new(&self.events, plan).page(search, stats).await?
        {
            let Some(count) = &plan.count else { return Ok((found, None, false)) };
            let total = SegmentSearch::open(self, &search.filter, count, stats).await?.count().await?;
            return Ok((found, total, total.is_none()));
        }
        stats.read = "segments";
        SegmentSearch::open(self, &search.filter, &plan.fallback, stats).await?.page(search).await
    }

    fn facts(&self) -> LogFacts {
        LogFacts {
            shards: self.events.shards(),
            now: self.events.retention().now(),
            max_units: self.segments.max_units(),
        }
    }

    /// Returns all matching events, sorted by time and by the producer's own number, newest first. The result cannot be
    /// continued on a next page, so it may take four times the read units of a page.
    ///
    /// # Errors
    /// [`Error::Busy`] if the deadline passes or the read units are used up.
    pub async fn matches(&self, filter: &SearchFilter, deadline: Option<Instant>) -> Result<Matches, Error> {
        let (plan, mut stats) = (SegmentPlan::for_unpaged(filter, deadline, self.facts()), SearchStats::default());
        SegmentSearch::open(self, filter, &plan, &mut stats).await?.matches().await
    }

    /// Counts the matching events for each value of a field.
    pub async fn values(
        &self,
        field: Field,
        filter: &SearchFilter,
        deadline: Option<Instant>,
    ) -> Result<FieldCounts, Error> {
        let (plan, mut stats) = (SegmentPlan::for_counts(filter, deadline, self.facts()), SearchStats::default());
        SegmentSearch::open(self, filter, &plan, &mut stats).await?.values(field).await
    }
}
