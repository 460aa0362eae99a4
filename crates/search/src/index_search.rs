//! Searching the log or one of its indexes, for selective filters.

use model::{Field, SearchFilter};
use store::{
    Error, EventTable, FilterExpression, PartitionQuery, PartitionScan, ScanStep, index_key, link_key, shard_key,
};

use crate::found::{Found, PayloadLocation};
use crate::request::{SearchRequest, SearchStats};

/// The name of the log in [`SearchStats::read`].
const LOG_NAME: &str = "log";

/// Maximum number of items examined for one page, plus a few per event of the page, before the search switches to
/// segments, where a thousand events are one item.
const MAX_EXAMINED_ITEMS: usize = 2000;

/// The indexes, the most selective first, each with its partition key.
const INDEXES: [(Field, &str, &str); 4] = [
    (Field::Subject, "by_subject", "ks"),
    (Field::Actor, "by_actor", "ka"),
    (Field::Project, "by_project", "kp"),
    (Field::Type, "by_type", "kt"),
];

/// Maximum number of values of a field for which its index is read, and maximum number of partitions if there are
/// several values: each partition is a Query.
const MAX_INDEX_VALUES: usize = 20;
const MAX_INDEX_PARTITIONS: usize = 80;

/// Number of events read in one page of the subject index, across its shards.
const SUBJECT_INDEX_PAGE_EVENTS: usize = 25;

/// Number of items that one Query examines if few of them may match.
const FILTERED_PAGE_ITEMS: usize = 250;

/// Maximum number of examined events per match for a filter with alternatives. Beyond it, a segment search is cheaper.
const MAX_EXAMINED_PER_MATCH: usize = 8;

/// Share of a search's read units after which the search switches to segments.
const INDEX_SHARE_OF_UNITS: f64 = 0.25;

/// A search of the log or of one of its indexes.
pub(crate) struct IndexSearch<'a> {
    events: &'a EventTable,
    search: &'a SearchRequest,
    scan: PartitionScan<'a>,
    read: &'static str,
    partitions: usize,
    /// True if the filter has conditions in addition to the index's key, so that most items may not match.
    pub(crate) is_filtered: bool,
}

impl<'a> IndexSearch<'a> {
    /// Chooses the most selective index that the filter has a value for. Returns `None` if only segments can answer the
    /// search.
    pub(crate) fn plan(events: &'a EventTable, search: &'a SearchRequest) -> Option<Self> {
        let filter = &search.filter;
        let expression = FilterExpression::exact(filter, events.retention().now())?;
        let Access { index, key, partitions, links } = choose_access(filter, events.shards())?;
        let (low, high) = search.ids().unwrap_or((1, 0));
        let count = partitions.len() + links.len();
        // Each partition reads its share of the page, and more if a filter drops items.
        let is_filtered = filter.conditions.len() > usize::from(index.is_some()) || !filter.any.is_empty();
        let share = (search.limit + 1) / count.max(1) + 8;
        let query = PartitionQuery {
            index,
            key,
            sort: "sk",
            ascending: search.ascending,
            range: low..=high,
            partitions,
            links,
            filter: Some(expression),
            page: match is_filtered {
                true if filter.any.is_empty() => share.max(FILTERED_PAGE_ITEMS),
                true => FILTERED_PAGE_ITEMS,
                false => share,
            },
        };
        let scan = PartitionScan::new(events, query);
        Some(Self {
            events,
            search,
            scan,
            read: index.unwrap_or(LOG_NAME),
            partitions: count,
            is_filtered: is_filtered && index.is_some(),
        })
    }

    /// Returns whether the search reads the log itself.
    pub(crate) fn is_log(&self) -> bool {
        self.read == LOG_NAME
    }

    /// Returns the page; `None` if it would take too long or more than its share of `units` read units.
    pub(crate) async fn find(mut self, units: f64, stats: &mut SearchStats) -> Result<Option<Found>, Error> {
        let (limit, max_bytes) = (self.search.limit, self.search.max_bytes);
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
                ScanStep::Unread if self.is_over_budget(units, hits.len()) => {
                    stats.units += self.scan.units;
                    stats.examined = self.scan.examined;
                    return Ok(None);
                }
                ScanStep::Unread => self.scan.read(units * INDEX_SHARE_OF_UNITS - self.scan.units).await?,
            }
        }
        let more = hits.len() > limit || bytes > max_bytes;
        hits.truncate(limit);
        stats.read = self.read;
        stats.partitions = self.partitions;
        stats.examined = self.scan.examined;
        stats.units += self.scan.units;
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Ok(Some(Found { hits, sources: Vec::new(), next, partial: false }))
    }

    fn is_over_budget(&self, units: f64, found: usize) -> bool {
        let most = MAX_EXAMINED_ITEMS + 4 * self.search.limit;
        let is_sparse = !self.search.filter.any.is_empty() && found * MAX_EXAMINED_PER_MATCH < self.scan.examined;
        is_sparse
            || self.scan.examined > most
            || self.scan.units > units * INDEX_SHARE_OF_UNITS
            || self.search.is_late()
    }
}

/// Returns a query of the subject index for the events of a few subjects in this id range; `None` if the filter names
/// no subject. The index has no payloads. A feature of Unleash is the subject of its events.
pub(crate) fn subject_index_query(
    events: &EventTable,
    filter: &SearchFilter,
    ids: (u64, u64),
    ascending: bool,
) -> Option<PartitionQuery> {
    let values = filter.values(Field::Subject).or_else(|| filter.values(Field::Feature))?;
    // Empty values are not indexed.
    let named = values.iter().all(|value| !value.is_empty());
    let Access { index, key, partitions, links } =
        choose_access(&SearchFilter::default().and(Field::Subject, values), events.shards())?;
    let expression =
        Some(FilterExpression::new(filter, events.retention().now())).filter(FilterExpression::is_within_limits);
    // Each event is then read by its id, so pages are small.
    let page = SUBJECT_INDEX_PAGE_EVENTS / usize::from(events.shards()) + 1;
    let query = PartitionQuery {
        index,
        key,
        partitions,
        links,
        filter: expression,
        page,
        ..PartitionQuery::log(events, ids, ascending)
    };
    (named && index.is_some()).then_some(query)
}

/// An index to read: its key attribute, its partitions and the partitions of the links.
#[derive(Debug, PartialEq)]
struct Access {
    index: Option<&'static str>,
    key: &'static str,
    partitions: Vec<String>,
    links: Vec<String>,
}

/// Chooses the index for a filter; `None` if segments are the better choice.
fn choose_access(filter: &SearchFilter, shards: u16) -> Option<Access> {
    let partitions = |values: &[String], key: fn(&str, u16) -> String| -> Vec<String> {
        values.iter().flat_map(|value| (0..shards).map(move |shard| key(value, shard))).collect()
    };
    let is_few = |values: &Vec<String>, each: usize| {
        let partitions = values.len() * usize::from(shards) * each;
        values.len() == 1 || (values.len() <= MAX_INDEX_VALUES && partitions <= MAX_INDEX_PARTITIONS)
    };
    for (field, index, key) in INDEXES {
        if let Some(values) = filter.values(field).filter(|values| is_few(values, 1)) {
            let partitions = partitions(&values, index_key);
            return Some(Access { index: Some(index), key, partitions, links: Vec::new() });
        }
    }
    // The first entity of an event is its subject. Every other entity has a link item, which has no other fields.
    if let Some(values) = filter.values(Field::Entity) {
        let alone = filter.conditions.len() == 1 && filter.any.is_empty();
        return (alone && is_few(&values, 2)).then(|| Access {
            index: Some("by_subject"),
            key: "ks",
            partitions: partitions(&values, index_key),
            links: partitions(&values, link_key),
        });
    }
    Some(Access { index: None, key: "pk", partitions: (0..shards).map(shard_key).collect(), links: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_search_reads_the_subject_index_and_the_links() {
        let entity = SearchFilter::default().and(Field::Entity, vec!["a".to_owned()]);
        let read = choose_access(&entity, 2).unwrap();
        assert_eq!((read.index, read.key), (Some("by_subject"), "ks"));
        assert_eq!(read.partitions, ["a#0", "a#1"]);
        assert_eq!(read.links, ["X#a#0", "X#a#1"]);
        let read = choose_access(&entity.clone().and(Field::Type, vec!["t".to_owned()]), 2).unwrap();
        assert_eq!(
            (read.index, read.links.len()),
            (Some("by_type"), 0),
            "the items of this index contain the entities"
        );
        assert_eq!(
            choose_access(&entity.and(Field::Source, vec!["s".to_owned()]), 2),
            None,
            "links cannot be filtered by source"
        );
        let many = (0..11).map(|n| n.to_string()).collect();
        assert_eq!(choose_access(&SearchFilter::default().and(Field::Entity, many), 4), None, "too many partitions");
    }
}
