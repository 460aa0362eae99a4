//! Merging the partitions of the log or an index in the order of their sort keys.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use model::SearchFilter;

use super::filter_expression::FilterExpression;
use super::partition_query::PartitionQuery;
use super::table::EventTable;
use crate::batch_get::{Item, consumed_units};
use crate::error::Error;

/// Maximum number of partitions that are read in parallel. The reader may stop after each group.
const MAX_PARALLEL_PARTITIONS: f64 = 32.0;

/// Maximum read units of one `Query`, which ends after 1 MB.
const MAX_UNITS_PER_QUERY: f64 = 128.0;

/// The next step of a scan.
#[derive(Debug)]
pub enum ScanStep {
    /// The next item, and its sort key.
    Item(u64, Item),
    /// The scan has ended.
    End,
    /// More items must be read first: call [`PartitionScan::read`].
    Unread,
}

/// A scan of the partitions of a [`PartitionQuery`] from one end of the range to the other.
pub struct PartitionScan<'a> {
    events: &'a EventTable,
    query: PartitionQuery,
    partitions: Vec<Partition>,
    /// Sort key of the item returned last.
    last: Option<u64>,
    /// Consumed read units.
    pub units: f64,
    /// Number of examined items.
    pub examined: usize,
}

/// The progress in one partition.
#[derive(Debug)]
struct Partition {
    key: String,
    /// True if the partition has link items.
    is_link: bool,
    /// Items that were read and not returned yet, with their sort keys.
    items: VecDeque<(u64, Item)>,
    /// Key after which the next `Query` starts.
    resume: Option<Item>,
    is_exhausted: bool,
}

/// The result of one `Query`.
struct QueryPage {
    items: Vec<(u64, Item)>,
    resume: Option<Item>,
    units: f64,
    examined: usize,
}

impl Partition {
    fn needs_items(&self) -> bool {
        self.items.is_empty() && !self.is_exhausted
    }
}

impl<'a> PartitionScan<'a> {
    /// Creates a scan.
    pub fn new(events: &'a EventTable, query: PartitionQuery) -> Self {
        let partition = |key: &String, is_link| Partition {
            key: key.clone(),
            is_link,
            items: VecDeque::new(),
            resume: None,
            is_exhausted: query.range.is_empty(),
        };
        let partitions = query.partitions.iter().map(|key| partition(key, false));
        let partitions = partitions.chain(query.links.iter().map(|key| partition(key, true))).collect();
        Self { events, partitions, query, last: None, units: 0.0, examined: 0 }
    }

    /// Returns the next item in order. An item of several partitions is returned once, from the first of them.
    pub fn next_step(&mut self) -> ScanStep {
        loop {
            if self.partitions.iter().any(Partition::needs_items) {
                return ScanStep::Unread;
            }
            let ascending = self.query.ascending;
            let candidates = self.partitions.iter_mut().filter(|partition| !partition.items.is_empty());
            let first = candidates.min_by_key(|partition| {
                let at = partition.items.front().map_or(0, |(at, _)| *at);
                if ascending { at } else { u64::MAX - at }
            });
            let Some((at, item)) = first.and_then(|partition| partition.items.pop_front()) else {
                return ScanStep::End;
            };
            // Ids are unique. A query with another sort key has no links, and reads each item from one partition.
            if self.query.links.is_empty() || self.last != Some(at) {
                self.last = Some(at);
                return ScanStep::Item(at, item);
            }
        }
    }

    /// Returns the next item, and reads more items as needed; `None` at the end.
    pub async fn next_item(&mut self) -> Result<Option<(u64, Item)>, Error> {
        loop {
            match self.next_step() {
                ScanStep::Item(at, item) => return Ok(Some((at, item))),
                ScanStep::End => return Ok(None),
                ScanStep::Unread => self.read(f64::MAX).await?,
            }
        }
    }

    /// Returns the first sort key, in order, of the items that were not returned yet; `None` at the end. Sort keys must
    /// be unique within each partition.
    pub fn next_key(&self) -> Option<u64> {
        let (low, high) = (*self.query.range.start(), *self.query.range.end());
        let after = |key: u64| if self.query.ascending { key.checked_add(1) } else { key.checked_sub(1) };
        let next = |partition: &Partition| match (partition.items.front(), &partition.resume) {
            (Some((at, _)), _) => Some(*at),
            (None, _) if partition.is_exhausted => None,
            (None, Some(key)) => sort_key(key, self.query.sort).and_then(after),
            (None, None) => Some(if self.query.ascending { low } else { high }),
        };
        let keys = self.partitions.iter().filter_map(next).filter(|key| self.query.range.contains(key));
        if self.query.ascending { keys.min() } else { keys.max() }
    }

    /// Reads a page of each partition without buffered items: of as many partitions as `units` read units suffice for,
    /// but of at least one.
    pub async fn read(&mut self, units: f64) -> Result<(), Error> {
        let mut pending: Vec<usize> =
            (0..self.partitions.len()).filter(|at| self.partitions[*at].needs_items()).collect();
        let max_partitions = (units / MAX_UNITS_PER_QUERY).clamp(1.0, MAX_PARALLEL_PARTITIONS);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 32")]
        pending.truncate(max_partitions as usize);
        let reads = pending.iter().map(|at| self.query_page(&self.partitions[*at]));
        let pages = futures::future::try_join_all(reads).await?;
        for (at, page) in pending.into_iter().zip(pages) {
            let partition = &mut self.partitions[at];
            partition.items.extend(page.items);
            partition.is_exhausted = page.resume.is_none();
            partition.resume = page.resume;
            self.units += page.units;
            self.examined += page.examined;
        }
        Ok(())
    }

    async fn query_page(&self, partition: &Partition) -> Result<QueryPage, Error> {
        let query = &self.query;
        let (key, sort) = if partition.is_link { ("pk", "sk") } else { (query.key, query.sort) };
        let mut values: HashMap<String, AttributeValue> = HashMap::from([
            (":key".to_owned(), AttributeValue::S(partition.key.clone())),
            (":low".to_owned(), AttributeValue::N(query.range.start().to_string())),
            (":high".to_owned(), AttributeValue::N(query.range.end().to_string())),
        ]);
        // A link item holds only the expiry of its event.
        let filter = match partition.is_link {
            true => Some(FilterExpression::new(&SearchFilter::default(), self.events.retention.now())),
            false => query.filter.clone(),
        };
        let expression = filter.map(|filter| {
            values.extend(filter.values);
            filter.text
        });
        let response = self
            .events
            .client
            .query()
            .table_name(&self.events.table)
            .set_index_name(query.index.filter(|_| !partition.is_link).map(str::to_owned))
            .key_condition_expression(format!("{key} = :key AND {sort} BETWEEN :low AND :high"))
            .set_filter_expression(expression)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(query.ascending)
            .consistent_read(query.consistent)
            .limit(i32::try_from(query.page).unwrap_or(i32::MAX))
            .set_exclusive_start_key(partition.resume.clone())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|e| Error::sdk("Query", e))?;
        let units = consumed_units(response.consumed_capacity());
        let examined = usize::try_from(response.scanned_count()).unwrap_or_default();
        let keyed = |item: Item| Ok((self.sort_key(&item, sort)?, item));
        let items = response.items.unwrap_or_default().into_iter().map(keyed).collect::<Result<_, Error>>()?;
        Ok(QueryPage { items, resume: response.last_evaluated_key, units, examined })
    }

    fn sort_key(&self, item: &Item, sort: &str) -> Result<u64, Error> {
        sort_key(item, sort).ok_or_else(|| Error::corrupt(&self.events.table, format!("the item has no {sort}")))
    }
}

fn sort_key(item: &Item, sort: &str) -> Option<u64> {
    item.get(sort)?.as_n().ok()?.parse().ok()
}
