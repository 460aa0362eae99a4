//! Searching by segments, and by what is in none yet: exact, whatever is looked for.

use std::collections::HashMap;
use std::time::Instant;

use events::EventId;

use crate::error::Error;
use crate::search::filter::{Field, Filter};
use crate::search::walk::{Route, Walk};
use crate::search::{Found, Log, Search, Way};
use crate::segments::Hit;

/// The ids of a search that can find nothing.
const NONE: (u64, u64) = (1, 0);

/// What matches, each by its id, when it happened and its producer's own number: the newest first.
#[derive(Debug)]
pub struct Matches {
    found: Vec<Hit>,
    /// The read units that finding it took.
    pub units: f64,
}

impl Matches {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Some of them.
    pub fn page(&self, offset: usize, limit: usize) -> impl Iterator<Item = EventId> {
        self.found.iter().skip(offset).take(limit).filter_map(|hit| EventId::from_u64(hit.id))
    }
}

/// The values of a field, and how many events have each.
#[derive(Debug, Default)]
pub struct Values {
    /// The values.
    pub counts: HashMap<String, u64>,
    /// Whether something was left out, because the time or the read units were used up.
    pub partial: bool,
    /// The read units that it took.
    pub units: f64,
}

/// A search through every part of the log that may have something.
pub(crate) struct Scan<'a> {
    walk: Walk<'a>,
    ascending: bool,
}

impl<'a> Scan<'a> {
    /// Of everything that matches, in any order.
    pub(crate) async fn open(
        log: &'a Log,
        filter: &'a Filter,
        deadline: Option<Instant>,
        units: f64,
        way: &'a mut Way,
    ) -> Result<Self, Error> {
        let ids = filter.ids().unwrap_or(NONE);
        let route = Route { ids, first: ids, ascending: false, deadline, units };
        Ok(Self { walk: Walk::open(log, filter, route, way).await?, ascending: false })
    }

    /// Of a page: what can only belong to those before it is passed over, unless everything is to be counted, and
    /// comes last then.
    pub(crate) async fn of_page(log: &'a Log, search: &'a Search, units: f64, way: &'a mut Way) -> Result<Self, Error> {
        let (ascending, deadline) = (search.ascending, search.deadline);
        let first = search.ids().unwrap_or(NONE);
        let ids = if search.total { search.filter.ids().unwrap_or(NONE) } else { first };
        let route = Route { ids, first, ascending, deadline, units };
        Ok(Self { walk: Walk::open(log, &search.filter, route, way).await?, ascending })
    }

    /// One page, and how many match altogether where that is asked for; and whether that could not be counted.
    pub(crate) async fn page(mut self, search: &Search) -> Result<(Found, Option<u64>, bool), Error> {
        let (low, high) = search.ids().unwrap_or(NONE);
        let (mut hits, mut total): (Vec<Hit>, u64) = (Vec::new(), 0);
        let start = self.walk.bound();
        let mut found: Option<Found> = None;
        loop {
            // What can still come is beyond this.
            let bound = self.walk.bound();
            if found.is_none() {
                found = self.finished(search.limit, &mut hits, bound);
            }
            // Whatever it takes, a page leads on.
            let leads_on = found.is_some() || bound != start;
            let done = if search.total { self.walk.is_at_end() } else { found.is_some() };
            if done || (leads_on && self.walk.is_over()) {
                break;
            }
            for (head, rows) in self.walk.step().await? {
                total += rows.len() as u64;
                if found.is_none() {
                    hits.extend(rows.iter().map(|row| head.hit(*row)).filter(|hit| (low..=high).contains(&hit.id)));
                }
            }
        }
        let complete = self.walk.is_at_end();
        let found = found.unwrap_or_else(|| self.stopped(search, hits));
        let total = (search.total && complete).then_some(total);
        Ok((found, total, search.total && !complete))
    }

    /// The page, once everything that belongs to it is found.
    fn finished(&self, limit: usize, hits: &mut Vec<Hit>, bound: Option<u64>) -> Option<Found> {
        let certain =
            |hit: &Hit| bound.is_none_or(|bound| if self.ascending { hit.id < bound } else { hit.id > bound });
        if bound.is_some() && hits.iter().filter(|hit| certain(hit)).count() <= limit {
            return None;
        }
        self.sort(hits);
        let more = hits.len() > limit;
        hits.truncate(limit);
        let hits: Vec<_> = std::mem::take(hits).iter().filter_map(plain).collect();
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Some(Found { hits, next, partial: false })
    }

    /// What is certain of a page that could not be finished: it goes on where the walk has stopped.
    fn stopped(&self, search: &Search, mut hits: Vec<Hit>) -> Found {
        self.sort(&mut hits);
        let bound = self.walk.bound().unwrap_or_default();
        hits.retain(|hit| if self.ascending { hit.id < bound } else { hit.id > bound });
        // The last id before the bound: the next page has what comes after it.
        let reached = if self.ascending { bound.checked_sub(1) } else { bound.checked_add(1) };
        let next = reached.and_then(EventId::from_u64).or(search.after);
        Found { hits: hits.iter().filter_map(plain).collect(), next, partial: true }
    }

    fn sort(&self, hits: &mut [Hit]) {
        hits.sort_unstable_by_key(|hit| if self.ascending { hit.id } else { u64::MAX - hit.id });
    }

    /// How many match; `None` where that could not be counted in time.
    pub(crate) async fn count(mut self) -> Result<Option<u64>, Error> {
        let mut total = 0;
        while !self.walk.is_at_end() {
            if self.walk.is_over() {
                return Ok(None);
            }
            total += self.walk.step().await?.iter().map(|(_, rows)| rows.len() as u64).sum::<u64>();
        }
        Ok(Some(total))
    }

    /// Everything that matches.
    pub(crate) async fn matches(mut self) -> Result<Matches, Error> {
        let mut found = Vec::new();
        while !self.walk.is_at_end() {
            if self.walk.is_over() {
                return Err(Error::Busy { operation: "a search of everything" });
            }
            for (head, rows) in self.walk.step().await? {
                found.extend(rows.iter().map(|row| head.hit(*row)));
            }
        }
        found.sort_unstable_by_key(|hit| std::cmp::Reverse((hit.time, hit.number, hit.id)));
        Ok(Matches { found, units: self.walk.way.units })
    }

    /// How often each value of a field stands in what matches.
    pub(crate) async fn values(mut self, field: Field) -> Result<Values, Error> {
        let mut values = Values::default();
        while !self.walk.is_at_end() {
            if self.walk.is_over() {
                values.partial = true;
                break;
            }
            for (head, rows) in self.walk.step().await? {
                head.count(field, &rows, |value| match values.counts.get_mut(value) {
                    Some(count) => *count += 1,
                    None => drop(values.counts.insert(value.to_owned(), 1)),
                });
            }
        }
        values.units = self.walk.way.units;
        Ok(values)
    }
}

fn plain(hit: &Hit) -> Option<(EventId, Option<events::Event>)> {
    Some((EventId::from_u64(hit.id)?, None))
}
