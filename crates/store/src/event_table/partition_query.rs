//! Queries of the log and its indexes across their partitions.

use std::ops::RangeInclusive;

use super::filter_expression::FilterExpression;
use super::item_key::{late_key, shard_key};
use super::table::EventTable;

/// Number of events that the partitions of the log read together.
const EVENTS_PER_READ: usize = 1000;

/// Number of items that one `Query` examines if a filter excludes most of them.
const FILTERED_PAGE_ITEMS: usize = 1000;

/// A query of several partitions of the `events` table or one of its indexes.
#[derive(Debug, Clone)]
pub struct PartitionQuery {
    /// Name of the index; `None` for the table.
    pub index: Option<&'static str>,
    /// Attribute of the partition key.
    pub key: &'static str,
    /// Attribute of the sort key.
    pub sort: &'static str,
    /// Order: true if the lowest sort key comes first.
    pub ascending: bool,
    /// Range of sort keys.
    pub range: RangeInclusive<u64>,
    /// Partition keys.
    pub partitions: Vec<String>,
    /// Partition keys of link items, each of which holds the id of an event.
    pub links: Vec<String>,
    /// Filter that DynamoDB applies.
    pub filter: Option<FilterExpression>,
    /// Number of items that one `Query` examines.
    pub page: usize,
    /// Reads everything that was written before, for twice the units. An index does not support it.
    pub consistent: bool,
}

impl PartitionQuery {
    /// Creates a query of the log in a range of ids.
    pub fn log(events: &EventTable, ids: (u64, u64), ascending: bool) -> Self {
        Self {
            index: None,
            key: "pk",
            sort: "sk",
            ascending,
            range: ids.0..=ids.1,
            partitions: (0..events.shards).map(shard_key).collect(),
            links: Vec::new(),
            filter: None,
            page: EVENTS_PER_READ / usize::from(events.shards) + 50,
            consistent: false,
        }
    }

    /// Creates a query of the log in a range of ids that applies a filter.
    pub fn matching(events: &EventTable, ids: (u64, u64), ascending: bool, filter: Option<&FilterExpression>) -> Self {
        let query = Self::log(events, ids, ascending);
        let page = if filter.is_some() { FILTERED_PAGE_ITEMS } else { query.page };
        Self { filter: filter.cloned(), page, ..query }
    }

    /// Creates a query of the log in a range of ids that excludes late events and applies a filter.
    pub fn in_time(events: &EventTable, ids: (u64, u64), ascending: bool, filter: Option<&FilterExpression>) -> Self {
        let mut in_time = filter.cloned().unwrap_or_default();
        in_time.text = ["attribute_not_exists(w)", &in_time.text].join(if filter.is_some() { " AND " } else { "" });
        Self { filter: Some(in_time), ..Self::matching(events, ids, ascending, filter) }
    }

    /// Creates a query of the late events that were stored at `from` (in milliseconds since 1970) or later, in the order
    /// of their storage.
    pub fn late(events: &EventTable, from: u64) -> Self {
        Self {
            index: Some("by_late"),
            key: "kl",
            sort: "w",
            range: from..=u64::MAX >> 11,
            partitions: (0..events.shards).map(late_key).collect(),
            ..Self::log(events, (0, 0), true)
        }
    }

    /// Creates a query of the late events, as [`Self::late`] does, that applies a filter.
    pub fn late_matching(events: &EventTable, from: u64, filter: &FilterExpression) -> Self {
        Self { filter: Some(filter.clone()), page: FILTERED_PAGE_ITEMS, ..Self::late(events, from) }
    }
}
