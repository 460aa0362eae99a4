//! Searching the log: one Query per shard of the most selective index, merged by id.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use ::events::{Event, EventId};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::error::Error;
use crate::events::Events;
use crate::item::{index_key, nanoseconds, shard_key};
use crate::put::MAX_SPILL_MS;

type Item = HashMap<String, AttributeValue>;

/// What to search for: every condition must hold; within one, any of its values may.
/// An empty list is no condition.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Sources.
    pub sources: Vec<String>,
    /// Types.
    pub types: Vec<String>,
    /// Subjects.
    pub subjects: Vec<String>,
    /// Actors.
    pub actors: Vec<String>,
    /// Projects.
    pub projects: Vec<String>,
    /// No event before this time.
    pub from: Option<Timestamp>,
    /// No event at or after this time.
    pub until: Option<Timestamp>,
    /// Only events older than this one: where the page before ended.
    pub before: Option<EventId>,
    /// At most this many events.
    pub limit: usize,
    /// The page ends with the event that brings its payloads past this many bytes.
    pub max_bytes: usize,
    /// When to stop and answer with what was found.
    pub deadline: Option<Instant>,
}

/// One page of a search, newest event first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page begins ([`Search::before`]); `None` where there is nothing further.
    pub next: Option<EventId>,
    /// Whether the deadline ended the page before it was full.
    pub partial: bool,
}

/// Which partitions to read, and from which index.
struct Plan {
    index: Option<&'static str>,
    key: &'static str,
    partitions: Vec<String>,
}

/// An event that matched: by itself where the base table was read, else by its id.
struct Hit {
    id: EventId,
    event: Option<Event>,
}

/// One partition being read from its newest event to its oldest.
struct Partition {
    key: String,
    hits: VecDeque<Hit>,
    resume: Option<Item>,
    /// The oldest id looked at, once one was.
    reached: Option<EventId>,
    exhausted: bool,
}

impl Events {
    /// One page of what matches, newest first.
    ///
    /// Every partition is read in id order, so the merged page is exact: nothing that matches is
    /// missed or comes twice, however the events are spread.
    pub async fn search(&self, search: &Search) -> Result<Page, Error> {
        let plan = self.plan(search);
        let mut partitions: Vec<Partition> = plan.partitions.iter().cloned().map(Partition::new).collect();
        let mut hits: Vec<Hit> = Vec::with_capacity(search.limit.min(1000));
        // One more than asked for tells whether there is a next page.
        while hits.len() <= search.limit {
            if partitions.iter().any(Partition::wants_more) {
                if search.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return self.partial_page(search, partitions, hits).await;
                }
                let filled = partitions.iter_mut().filter(|p| p.wants_more()).map(|p| self.fill(search, &plan, p));
                futures::future::try_join_all(filled).await?;
                continue;
            }
            match newest(&mut partitions) {
                Some(hit) => hits.push(hit),
                None => break,
            }
        }
        let more = hits.len() > search.limit;
        hits.truncate(search.limit);
        let next = if more { hits.last().map(|hit| hit.id) } else { None };
        self.page(search, hits, next, false).await
    }

    /// What was found when time ran out: everything newer than where the least advanced partition
    /// stands, which is where the next page begins.
    async fn partial_page(
        &self,
        search: &Search,
        mut partitions: Vec<Partition>,
        mut hits: Vec<Hit>,
    ) -> Result<Page, Error> {
        let start = search.before.unwrap_or(EventId::MAX);
        let reached = partitions.iter().filter(|p| p.wants_more()).filter_map(|p| p.reached).max();
        let reached = if partitions.iter().any(|p| p.wants_more() && p.reached.is_none()) {
            start
        } else {
            reached.unwrap_or(start)
        };
        while let Some(hit) = newest(&mut partitions) {
            if hit.id < reached || hits.len() == search.limit {
                break;
            }
            hits.push(hit);
        }
        let next = if hits.len() == search.limit { hits.last().map(|hit| hit.id) } else { Some(reached) };
        self.page(search, hits, next, true).await
    }

    /// The most selective index that the search has a value for.
    fn plan(&self, search: &Search) -> Plan {
        let indexes = [
            ("by_subject", "ks", &search.subjects),
            ("by_actor", "ka", &search.actors),
            ("by_type", "kt", &search.types),
            ("by_project", "kp", &search.projects),
        ];
        for (index, key, values) in indexes {
            if !values.is_empty() {
                let mut values = values.clone();
                values.sort_unstable();
                values.dedup();
                let shards = 0..self.shards;
                let partitions =
                    values.iter().flat_map(|value| shards.clone().map(move |shard| index_key(value, shard)));
                return Plan { index: Some(index), key, partitions: partitions.collect() };
            }
        }
        Plan { index: None, key: "pk", partitions: (0..self.shards).map(shard_key).collect() }
    }

    /// Reads on in one partition: one Query.
    async fn fill(&self, search: &Search, plan: &Plan, partition: &mut Partition) -> Result<(), Error> {
        let Some((oldest, newest)) = search.ids() else {
            partition.exhausted = true;
            return Ok(());
        };
        let mut values = Values::default();
        let key = values.add(AttributeValue::S(partition.key.clone()));
        let oldest = values.add(AttributeValue::N(oldest.to_string()));
        let newest = values.add(AttributeValue::N(newest.to_string()));
        let filter = search.filter(self.retention.now(), &mut values);
        let page = i32::try_from(search.page_size(plan.partitions.len())).unwrap_or(i32::MAX);
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(plan.index.map(str::to_owned))
            .key_condition_expression(format!("{} = {key} AND sk BETWEEN {oldest} AND {newest}", plan.key))
            .filter_expression(filter)
            .set_expression_attribute_values(Some(values.0))
            .scan_index_forward(false)
            .limit(page)
            .set_exclusive_start_key(partition.resume.take())
            .send()
            .await
            .map_err(|e| Error::sdk("Query", e))?;
        for item in answer.items.unwrap_or_default() {
            let id = id_of(&item).ok_or_else(|| Error::corrupt(&self.table, "an item without an id"))?;
            let event = if plan.index.is_none() { self.read(item)? } else { None };
            partition.hits.push_back(Hit { id, event });
        }
        partition.resume = answer.last_evaluated_key;
        partition.exhausted = partition.resume.is_none();
        partition.reached = partition.resume.as_ref().and_then(id_of).or(partition.reached);
        Ok(())
    }

    /// The page of these hits: reads the events that are known by their id only, until the page
    /// is as large as it may be.
    async fn page(&self, search: &Search, hits: Vec<Hit>, next: Option<EventId>, partial: bool) -> Result<Page, Error> {
        // What is read together is in memory together.
        const TOGETHER: usize = 100;
        let mut events: Vec<Event> = Vec::with_capacity(hits.len());
        let mut bytes = 0;
        let mut hits = hits.into_iter().peekable();
        while hits.peek().is_some() {
            let (ids, mut found): (Vec<EventId>, Vec<Option<Event>>) =
                hits.by_ref().take(TOGETHER).map(|hit| (hit.id, hit.event)).unzip();
            let read = if found.iter().all(Option::is_some) {
                found.drain(..).flatten().collect()
            } else {
                self.get_many(&ids).await?
            };
            for event in read {
                bytes += event.payload.len();
                let id = event.id;
                events.push(event);
                if bytes > search.max_bytes {
                    return Ok(Page { events, next: Some(id), partial });
                }
            }
        }
        Ok(Page { events, next, partial })
    }
}

impl Partition {
    fn new(key: String) -> Self {
        Self { key, hits: VecDeque::new(), resume: None, reached: None, exhausted: false }
    }

    fn wants_more(&self) -> bool {
        self.hits.is_empty() && !self.exhausted
    }
}

/// Takes the newest of the partitions' next hits; every one of them has its next hit at hand.
fn newest(partitions: &mut [Partition]) -> Option<Hit> {
    let next =
        partitions.iter_mut().filter(|p| !p.hits.is_empty()).min_by_key(|p| p.hits.front().map(|hit| Reverse(hit.id)));
    next?.hits.pop_front()
}

fn id_of(item: &Item) -> Option<EventId> {
    item.get("sk")?.as_n().ok()?.parse().ok()
}

/// The values of a DynamoDB expression, under generated names.
#[derive(Default)]
struct Values(HashMap<String, AttributeValue>);

impl Values {
    fn add(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.0.len());
        self.0.insert(name.clone(), value);
        name
    }
}

impl Search {
    /// The oldest and newest id that can match, `None` where none can.
    fn ids(&self) -> Option<(u64, u64)> {
        // An event may stand in a later millisecond than its own.
        const SPILL: jiff::SignedDuration = jiff::SignedDuration::from_millis(MAX_SPILL_MS.cast_signed() + 1);
        let at = |time: Timestamp| EventId::at(time, 0).map(EventId::as_u64);
        let oldest = self.from.and_then(at).unwrap_or(0);
        let newest = match self.until {
            None => EventId::MAX.as_u64(),
            // Before 2000 there is nothing.
            Some(until) if until < EventId::from_u64(0)?.time() => return None,
            Some(until) => until.checked_add(SPILL).ok().and_then(at).unwrap_or(EventId::MAX.as_u64()),
        };
        let newest = match self.before {
            Some(id) => newest.min(id.as_u64().checked_sub(1)?),
            None => newest,
        };
        (oldest <= newest).then_some((oldest, newest))
    }

    /// What DynamoDB is to leave out of what it reads.
    fn filter(&self, now: Timestamp, values: &mut Values) -> String {
        let conditions = [
            ("s", &self.sources),
            ("t", &self.types),
            ("u", &self.subjects),
            ("a", &self.actors),
            ("p", &self.projects),
        ];
        // DynamoDB removes what has expired in its own time.
        let now = values.add(AttributeValue::N(now.as_second().to_string()));
        let mut clauses = vec![format!("(attribute_not_exists(expires) OR expires > {now})")];
        for (attribute, wanted) in conditions {
            if !wanted.is_empty() {
                let names: Vec<String> = wanted.iter().map(|v| values.add(AttributeValue::S(v.clone()))).collect();
                clauses.push(format!("{attribute} IN ({})", names.join(", ")));
            }
        }
        // Ids hold milliseconds and may spill: the exact time decides.
        for (time, comparison) in [(self.from, ">="), (self.until, "<")] {
            if let Some(time) = time {
                clauses
                    .push(format!("tm {comparison} {}", values.add(AttributeValue::N(nanoseconds(time).to_string()))));
            }
        }
        clauses.join(" AND ")
    }

    /// How many items one Query looks at: a share of the page, more where a filter thins it out.
    fn page_size(&self, partitions: usize) -> usize {
        let share = self.limit / partitions.max(1) + 8;
        let conditions = [&self.sources, &self.types, &self.subjects, &self.actors, &self.projects];
        let filters = conditions.iter().filter(|values| !values.is_empty()).count();
        if filters > 1 || !self.sources.is_empty() { share.max(250) } else { share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_before_2000_matches_nothing() {
        let search = Search { until: Some("1999-01-01T00:00:00Z".parse().unwrap()), ..Search::default() };
        assert_eq!(search.ids(), None);
    }

    #[test]
    fn a_cursor_ends_the_range_below_it() {
        let search = Search { before: EventId::from_u64(10), ..Search::default() };
        assert_eq!(search.ids(), Some((0, 9)));
        let search = Search { before: EventId::from_u64(0), ..Search::default() };
        assert_eq!(search.ids(), None);
    }

    #[test]
    fn the_newest_hit_comes_first() {
        let id = |n| EventId::from_u64(n).unwrap();
        let mut partitions: Vec<Partition> = [vec![9, 3], vec![], vec![7]]
            .into_iter()
            .map(|ids| {
                let mut partition = Partition::new(String::new());
                partition.hits = ids.into_iter().map(|n| Hit { id: id(n), event: None }).collect();
                partition.exhausted = true;
                partition
            })
            .collect();
        let merged: Vec<u64> = std::iter::from_fn(|| newest(&mut partitions)).map(|hit| hit.id.as_u64()).collect();
        assert_eq!(merged, [9, 7, 3]);
    }
}
