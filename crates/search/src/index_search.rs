//! A page by the log itself or one of its indexes: for what is found soon.

use model::{Field, SearchFilter};
use store::{
    Error, EventTable, FilterExpression, PartitionQuery, PartitionScan, ScanStep, index_key, link_key, shard_key,
};

use crate::found::{Found, PayloadLocation};
use crate::request::{SearchRequest, SearchStats};

/// What is read where no index is.
const LOG: &str = "log";

/// How many items are looked at for one page, besides a few for each of its events, before the segments are
/// read instead: there a thousand events are one item.
const MAX_EXAMINED: usize = 2000;

/// The indexes, the most selective first, each with its partition key.
const INDEXES: [(Field, &str, &str); 4] = [
    (Field::Subject, "by_subject", "ks"),
    (Field::Actor, "by_actor", "ka"),
    (Field::Project, "by_project", "kp"),
    (Field::Type, "by_type", "kt"),
];

/// The most values of a field that its index is read for, and the most partitions, where there are several values:
/// each is a Query.
const MAX_VALUES: usize = 20;
const MAX_PARTITIONS: usize = 80;

/// How many events that an index of a few things has are read together.
const TOGETHER: usize = 25;

/// How many items one Query looks at, where few of them may match.
const THINNED: usize = 250;

/// Of so many events one at least must match that has one of several alternatives: reading those that do by their ids
/// takes less than reading all.
const SPARSE: usize = 8;

/// The part of a search's read units after which the segments are read instead.
const SHARE: f64 = 0.25;

/// One way through the log.
pub(crate) struct IndexSearch<'a> {
    events: &'a EventTable,
    search: &'a SearchRequest,
    merge: PartitionScan<'a>,
    read: &'static str,
    partitions: usize,
    /// Whether most of what its index has may be something else.
    pub(crate) is_thinned: bool,
}

impl<'a> IndexSearch<'a> {
    /// The way by the most selective index that there is a value for; `None` for what only segments can tell.
    pub(crate) fn plan(events: &'a EventTable, search: &'a SearchRequest) -> Option<Self> {
        let filter = &search.filter;
        let expression = FilterExpression::exact(filter, events.retention().now())?;
        let Access { index, key, partitions, links } = access(filter, events.shards())?;
        let (low, high) = search.ids().unwrap_or((1, 0));
        let count = partitions.len() + links.len();
        // A share of the page for each partition, more where a filter thins it out.
        let thinned = filter.conditions.len() > usize::from(index.is_some()) || !filter.any.is_empty();
        let share = (search.limit + 1) / count.max(1) + 8;
        let plan = PartitionQuery {
            index,
            key,
            sort: "sk",
            ascending: search.ascending,
            range: low..=high,
            partitions,
            links,
            filter: Some(expression),
            page: match thinned {
                true if filter.any.is_empty() => share.max(THINNED),
                true => THINNED,
                false => share,
            },
        };
        let merge = PartitionScan::new(events, plan);
        let is_thinned = thinned && index.is_some();
        Some(Self { events, search, merge, read: index.unwrap_or(LOG), partitions: count, is_thinned })
    }

    /// Whether it is by the log itself.
    pub(crate) fn is_log(&self) -> bool {
        self.read == LOG
    }

    /// The page; `None` where it would take too long, or too many of these read units.
    pub(crate) async fn find(mut self, units: f64, stats: &mut SearchStats) -> Result<Option<Found>, Error> {
        let (limit, max_bytes) = (self.search.limit, self.search.max_bytes);
        let (mut hits, mut bytes) = (Vec::with_capacity(limit + 1), 0);
        // One more than asked for tells whether there is a next page, which what is too large for this one is on.
        while hits.len() <= limit && bytes <= max_bytes {
            match self.merge.next_step() {
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
                ScanStep::Unread if self.is_enough(units, hits.len()) => {
                    stats.units += self.merge.units;
                    stats.examined = self.merge.examined;
                    return Ok(None);
                }
                ScanStep::Unread => self.merge.read(units * SHARE - self.merge.units).await?,
            }
        }
        let more = hits.len() > limit || bytes > max_bytes;
        hits.truncate(limit);
        stats.read = self.read;
        stats.partitions = self.partitions;
        stats.examined = self.merge.examined;
        stats.units += self.merge.units;
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Ok(Some(Found { hits, packs: Vec::new(), next, partial: false }))
    }

    fn is_enough(&self, units: f64, found: usize) -> bool {
        let most = MAX_EXAMINED + 4 * self.search.limit;
        let is_sparse = !self.search.filter.any.is_empty() && found * SPARSE < self.merge.examined;
        is_sparse || self.merge.examined > most || self.merge.units > units * SHARE || self.search.is_late()
    }
}

/// What a few things had done to them within these ids, by the index of subjects, which has no payloads; `None` where
/// the filter names none. A feature of Unleash is its event's subject.
pub(crate) fn of_few(
    events: &EventTable,
    filter: &SearchFilter,
    ids: (u64, u64),
    ascending: bool,
) -> Option<PartitionQuery> {
    let values = filter.values(Field::Subject).or_else(|| filter.values(Field::Feature))?;
    // No index has what is empty.
    let named = values.iter().all(|value| !value.is_empty());
    let Access { index, key, partitions, links } =
        access(&SearchFilter::default().and(Field::Subject, values), events.shards())?;
    let expression =
        Some(FilterExpression::new(filter, events.retention().now())).filter(FilterExpression::is_within_limits);
    // Each of them is then read for itself.
    let page = TOGETHER / usize::from(events.shards()) + 1;
    let plan = PartitionQuery {
        index,
        key,
        partitions,
        links,
        filter: expression,
        page,
        ..PartitionQuery::log(events, ids, ascending)
    };
    (named && index.is_some()).then_some(plan)
}

/// Which index to read, by which of its attributes, and which partitions of it and of the links.
#[derive(Debug, PartialEq)]
struct Access {
    index: Option<&'static str>,
    key: &'static str,
    partitions: Vec<String>,
    links: Vec<String>,
}

/// How to read what a filter is for; `None` where the segments are the better way.
fn access(filter: &SearchFilter, shards: u16) -> Option<Access> {
    let partitions = |values: &[String], key: fn(&str, u16) -> String| -> Vec<String> {
        values.iter().flat_map(|value| (0..shards).map(move |shard| key(value, shard))).collect()
    };
    let few = |values: &Vec<String>, each: usize| {
        let partitions = values.len() * usize::from(shards) * each;
        values.len() == 1 || (values.len() <= MAX_VALUES && partitions <= MAX_PARTITIONS)
    };
    for (field, index, key) in INDEXES {
        if let Some(values) = filter.values(field).filter(|values| few(values, 1)) {
            let partitions = partitions(&values, index_key);
            return Some(Access { index: Some(index), key, partitions, links: Vec::new() });
        }
    }
    // The first entity of an event is its subject; each further one has a link, which says nothing else of it.
    if let Some(values) = filter.values(Field::Entity) {
        let alone = filter.conditions.len() == 1 && filter.any.is_empty();
        return (alone && few(&values, 2)).then(|| Access {
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
    fn entities_are_read_by_subject_and_by_link() {
        let entity = SearchFilter::default().and(Field::Entity, vec!["a".to_owned()]);
        let read = access(&entity, 2).unwrap();
        assert_eq!((read.index, read.key), (Some("by_subject"), "ks"));
        assert_eq!(read.partitions, ["a#0", "a#1"]);
        assert_eq!(read.links, ["X#a#0", "X#a#1"]);
        let read = access(&entity.clone().and(Field::Type, vec!["t".to_owned()]), 2).unwrap();
        assert_eq!((read.index, read.links.len()), (Some("by_type"), 0), "whose items have the entities");
        assert_eq!(access(&entity.and(Field::Source, vec!["s".to_owned()]), 2), None, "links would be read in vain");
        let many = (0..11).map(|n| n.to_string()).collect();
        assert_eq!(access(&SearchFilter::default().and(Field::Entity, many), 4), None, "too many partitions");
    }
}
