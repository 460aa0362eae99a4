//! The choice of an index for a filter.

use std::ops::RangeInclusive;

use model::{Field, SearchFilter};
use store::{FilterExpression, PartitionQuery, index_key, link_key, shard_key};

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

/// An index to read: its key attribute, its partitions and the partitions of the links.
#[derive(Debug, PartialEq)]
pub(crate) struct IndexAccess {
    /// Name of the index; `None` for the log itself.
    pub(crate) index: Option<&'static str>,
    pub(crate) key: &'static str,
    pub(crate) partitions: Vec<String>,
    pub(crate) links: Vec<String>,
}

impl IndexAccess {
    /// Chooses the index for a filter; `None` if segments are the better choice.
    pub(crate) fn choose(filter: &SearchFilter, shards: u16) -> Option<Self> {
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
                return Some(Self { index: Some(index), key, partitions, links: Vec::new() });
            }
        }
        // The first entity of an event is its subject. Every other entity has a link item, which has no other fields.
        if let Some(values) = filter.values(Field::Entity) {
            let alone = filter.conditions.len() == 1 && filter.any.is_empty();
            return (alone && is_few(&values, 2)).then(|| Self {
                index: Some("by_subject"),
                key: "ks",
                partitions: partitions(&values, index_key),
                links: partitions(&values, link_key),
            });
        }
        Some(Self { index: None, key: "pk", partitions: (0..shards).map(shard_key).collect(), links: Vec::new() })
    }

    /// Returns the number of partitions, including those of the links.
    pub(crate) fn partition_count(&self) -> usize {
        self.partitions.len() + self.links.len()
    }

    /// Returns the query of a range of ids, in which one Query examines `page` items.
    pub(crate) fn query(
        self,
        range: RangeInclusive<u64>,
        ascending: bool,
        filter: Option<FilterExpression>,
        page: usize,
    ) -> PartitionQuery {
        let Self { index, key, partitions, links } = self;
        PartitionQuery { index, key, sort: "sk", ascending, range, partitions, links, filter, page, consistent: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_search_reads_the_subject_index_and_the_links() {
        let entity = SearchFilter::default().and(Field::Entity, vec!["a".to_owned()]);
        let read = IndexAccess::choose(&entity, 2).unwrap();
        assert_eq!((read.index, read.key), (Some("by_subject"), "ks"));
        assert_eq!(read.partitions, ["a#0", "a#1"]);
        assert_eq!(read.links, ["X#a#0", "X#a#1"]);
        let read = IndexAccess::choose(&entity.clone().and(Field::Type, vec!["t".to_owned()]), 2).unwrap();
        assert_eq!(
            (read.index, read.links.len()),
            (Some("by_type"), 0),
            "the items of this index contain the entities"
        );
        assert_eq!(
            IndexAccess::choose(&entity.and(Field::Source, vec!["s".to_owned()]), 2),
            None,
            "links cannot be filtered by source"
        );
        let many = (0..11).map(|n| n.to_string()).collect();
        let many = SearchFilter::default().and(Field::Entity, many);
        assert_eq!(IndexAccess::choose(&many, 4), None, "too many partitions");
    }
}
