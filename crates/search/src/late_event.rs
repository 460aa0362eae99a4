//! The late event that was stored last.

use events::Event;
use jiff::Timestamp;
use model::SearchFilter;
use store::{Error, FilterExpression, PartitionQuery, PartitionScan, ScanStep};

use crate::event_log::EventLog;

/// Number of late events of each partition that one read examines.
const LATE_PAGE_ITEMS: usize = 100;

/// Number of such reads of every partition after which the search ends.
const MAX_LATE_PAGES: usize = 5;

impl EventLog {
    /// Returns the late event that was stored last, at `since` or later, matches the filter by its attributes, and is
    /// accepted by `accepts`; `None` if the latest 500 late events of each partition contain no such event.
    ///
    /// Imported events are late: a search by event time finds them among the events of their time.
    ///
    /// # Errors
    /// If `DynamoDB` fails, or an item is invalid.
    pub async fn latest_late_event(
        &self,
        filter: &SearchFilter,
        since: Timestamp,
        accepts: impl Fn(&Event) -> bool,
    ) -> Result<Option<Event>, Error> {
        let since_ms = u64::try_from(since.as_millisecond()).unwrap_or_default();
        let filter = FilterExpression::new(filter, self.events.retention().now());
        let query = PartitionQuery {
            ascending: false,
            page: LATE_PAGE_ITEMS,
            filter: Some(filter).filter(FilterExpression::is_within_limits),
            ..PartitionQuery::late(&self.events, since_ms)
        };
        let max_examined = query.partitions.len() * LATE_PAGE_ITEMS * MAX_LATE_PAGES;
        let mut scan = PartitionScan::new(&self.events, query);
        loop {
            match scan.next_step() {
                ScanStep::Item(_, item) => {
                    if let Some(event) = self.events.decode(item)?.filter(&accepts) {
                        return Ok(Some(event));
                    }
                }
                ScanStep::End => return Ok(None),
                ScanStep::Unread if scan.examined >= max_examined => return Ok(None),
                ScanStep::Unread => scan.read(f64::MAX).await?,
            }
        }
    }
}
