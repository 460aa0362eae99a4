//! A page by the log itself or one of its indexes: for what is found soon.

use crate::error::Error;
use crate::events::Events;
use crate::item::{index_key, link_key, shard_key};
use crate::search::filter::{Field, Filter};
use crate::search::merge::{Merge, Next, Plan};
use crate::search::{Found, Search, Way};

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

/// The most values of a field that its index is read for: each is a Query for each shard.
const MAX_VALUES: usize = 20;

/// One way through the log.
pub(crate) struct Ordered<'a> {
    events: &'a Events,
    search: &'a Search,
    merge: Merge<'a>,
    read: &'static str,
    partitions: usize,
}

impl<'a> Ordered<'a> {
    /// The way by the most selective index that there is a value for; `None` for what only segments can tell.
    pub(crate) fn plan(events: &'a Events, search: &'a Search) -> Option<Self> {
        let filter = &search.filter;
        let told = filter.conditions.iter().all(|condition| condition.field.attribute().is_some());
        if filter.text.is_some() || !told {
            return None;
        }
        let (index, key, partitions, links) = access(filter, events.shards);
        let (low, high) = search.ids().unwrap_or((1, 0));
        let count = partitions.len() + links.len();
        // A share of the page for each partition, more where a filter thins it out.
        let thinned = filter.conditions.len() > usize::from(index.is_some());
        let share = (search.limit + 1) / count.max(1) + 8;
        let plan = Plan {
            index,
            key,
            sort: "sk",
            ascending: search.ascending,
            range: low..=high,
            partitions,
            links,
            filter: Some(filter.expression(events.retention.now())),
            page: if thinned { share.max(250) } else { share },
            consistent: false,
        };
        let merge = Merge::new(events, plan, Some(filter));
        Some(Self { events, search, merge, read: index.unwrap_or("log"), partitions: count })
    }

    /// The page; `None` where it would take too long.
    pub(crate) async fn find(mut self, way: &mut Way) -> Result<Option<Found>, Error> {
        let limit = self.search.limit;
        let mut hits = Vec::with_capacity(limit + 1);
        // One more than asked for tells whether there is a next page.
        while hits.len() <= limit {
            match self.merge.next() {
                Next::Item(_, item) => {
                    let id = self.events.id_of(&item)?;
                    let event = if item.contains_key("payload") { self.events.read(item)? } else { None };
                    hits.push((id, event));
                }
                Next::End => break,
                Next::Unread if self.merge.examined > MAX_EXAMINED + 4 * limit => {
                    way.units += self.merge.units;
                    way.examined = self.merge.examined;
                    return Ok(None);
                }
                Next::Unread => self.merge.read().await?,
            }
        }
        let more = hits.len() > limit;
        hits.truncate(limit);
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        *way = Way {
            read: self.read,
            partitions: self.partitions,
            examined: self.merge.examined,
            units: way.units + self.merge.units,
            ..Way::default()
        };
        Ok(Some(Found { hits, next, partial: false }))
    }
}

/// Which index to read, by which of its attributes, and which partitions of it and of the links.
fn access(filter: &Filter, shards: u16) -> (Option<&'static str>, &'static str, Vec<String>, Vec<String>) {
    let partitions = |values: &[String], key: fn(&str, u16) -> String| {
        values.iter().flat_map(|value| (0..shards).map(move |shard| key(value, shard))).collect()
    };
    for (field, index, key) in INDEXES {
        if let Some(values) = filter.values(field).filter(|values| values.len() <= MAX_VALUES) {
            return (Some(index), key, partitions(&values, index_key), Vec::new());
        }
        // The first entity of an event is its subject; each further one has a link.
        if field == Field::Subject
            && let Some(values) = filter.values(Field::Entity).filter(|values| values.len() <= MAX_VALUES)
        {
            return (Some(index), key, partitions(&values, index_key), partitions(&values, link_key));
        }
    }
    (None, "pk", (0..shards).map(shard_key).collect(), Vec::new())
}

impl Search {
    /// The lowest and highest id that this page can have, `None` where it can have none.
    pub(crate) fn ids(&self) -> Option<(u64, u64)> {
        let (low, high) = self.filter.ids()?;
        let (low, high) = match self.after.map(events::EventId::as_u64) {
            None => (low, high),
            Some(after) if self.ascending => (low.max(after + 1), high),
            Some(after) => (low, high.min(after.checked_sub(1)?)),
        };
        (low <= high).then_some((low, high))
    }
}

#[cfg(test)]
mod tests {
    use events::EventId;

    use super::*;

    #[test]
    fn a_cursor_ends_the_range_at_it() {
        let search = |after, ascending| Search { after: EventId::from_u64(after), ascending, ..Search::default() };
        assert_eq!(search(10, false).ids(), Some((0, 9)));
        assert_eq!(search(0, false).ids(), None);
        assert_eq!(search(10, true).ids(), Some((11, EventId::MAX.as_u64())));
        assert_eq!(search(EventId::MAX.as_u64(), true).ids(), None);
    }

    #[test]
    fn entities_are_read_by_subject_and_by_link() {
        let filter = Filter::default().and(Field::Entity, vec!["a".to_owned()]).and(Field::Type, vec!["t".to_owned()]);
        let (index, key, partitions, links) = access(&filter, 2);
        assert_eq!((index, key), (Some("by_subject"), "ks"));
        assert_eq!(
            (partitions, links),
            (vec!["a#0".to_owned(), "a#1".into()], vec!["X#a#0".to_owned(), "X#a#1".into()])
        );
    }
}
