//! Searching the log or one of its indexes, for selective filters.

use store::{Error, EventTable, PartitionScan, ScanStep};

use crate::found::{Found, PayloadLocation};
use crate::request::{SearchRequest, SearchStats};
use crate::search_plan::IndexPlan;

/// The name of the log in [`SearchStats::read`].
const LOG_NAME: &str = "log";

/// A search of the log or of one of its indexes.
pub(crate) struct IndexSearch<'a> {
    events: &'a EventTable,
    plan: &'a IndexPlan,
    scan: PartitionScan<'a>,
}

impl<'a> IndexSearch<'a> {
    pub(crate) fn new(events: &'a EventTable, plan: &'a IndexPlan) -> Self {
        Self { events, plan, scan: PartitionScan::new(events, plan.query.clone()) }
    }

    /// Returns the page; `None` if the search reaches a limit of its plan or its deadline before the page is full.
    pub(crate) async fn page(
        mut self,
        search: &SearchRequest,
        stats: &mut SearchStats,
    ) -> Result<Option<Found>, Error> {
        let (limit, max_bytes) = (search.limit, search.max_bytes);
        let (mut hits, mut bytes) = (Vec::with_capacity(limit + 1), 0);
        // One event more than requested shows whether there is a next page.
        while hits.len() <= limit && bytes <= max_bytes {
            match self.scan.next_step() {
                ScanStep::Item(_, item) => {
                    let id = self.events.id_of(&item)?;
                    let event = if item.contains_key("payload") { self.events.decode(item)? } else { None };
                    bytes += event.as_ref().map_or(0, |event| event.payload.len());
                    hits.push((
                        id,
                        event.map_or(PayloadLocation::InLog, |event| PayloadLocation::Loaded(Box::new(event))),
                    ));
                }
                ScanStep::End => break,
                ScanStep::Unread if self.is_over_limit(hits.len()) || search.is_late() => {
                    stats.units += self.scan.units;
                    stats.examined = self.scan.examined;
                    return Ok(None);
                }
                ScanStep::Unread => self.scan.read(self.plan.max_units - self.scan.units).await?,
            }
        }
        let more = hits.len() > limit || bytes > max_bytes;
        hits.truncate(limit);
        stats.read = self.plan.query.index.unwrap_or(LOG_NAME);
        stats.partitions = self.plan.query.partitions.len() + self.plan.query.links.len();
        stats.examined = self.scan.examined;
        stats.units += self.scan.units;
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Ok(Some(Found { hits, sources: Vec::new(), next, partial: false }))
    }

    fn is_over_limit(&self, found: usize) -> bool {
        let is_sparse = self.plan.max_examined_per_match.is_some_and(|examined| found * examined < self.scan.examined);
        is_sparse || self.scan.examined > self.plan.max_examined || self.scan.units > self.plan.max_units
    }
}
