//! Searching by segments, and by what is in none yet: exact, whatever is looked for.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use events::EventId;
use model::{Field, SearchFilter};
use store::Error;

use crate::event_log::EventLog;
use crate::found::{Found, PayloadLocation, PayloadSource};
use crate::request::{SearchRequest, SearchStats};
use crate::segment_walker::{ScanBudget, SegmentWalker, Selected};
use crate::segments::columns::MAX_PAYLOAD;
use crate::segments::header::Hit;

/// The ids of a search that can find nothing.
const EMPTY_ID_RANGE: (u64, u64) = (1, 0);

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
pub struct FieldCounts {
    /// The values.
    pub counts: HashMap<String, u64>,
    /// Whether something was left out, because the time or the read units were used up.
    pub partial: bool,
    /// The read units that it took.
    pub units: f64,
}

/// What belongs to a page, as far as it is found.
#[derive(Default)]
struct Candidates {
    packs: Vec<PayloadSource>,
    found: Vec<Candidate>,
}

/// An event that belongs to it.
struct Candidate {
    id: u64,
    /// The bytes of its payload; of one that is in no text, the fewest that it may have.
    bytes: usize,
    at: PayloadLocation,
}

impl Candidates {
    /// Adds the rows that have these ids. A pack is kept for what will be read with its body alone: there may be one for
    /// each event of a page.
    fn add(&mut self, Selected { head, mut rows, pack }: Selected, ids: &RangeInclusive<u64>) {
        rows.retain(|row| ids.contains(&head.hit(*row).id));
        let pack = Some(pack).filter(|pack| pack.is_worth(rows.len(), head.len()));
        let at = |row| pack.as_ref().map_or(PayloadLocation::InLog, |_| PayloadLocation::InPack(self.packs.len(), row));
        let spot =
            |row| Candidate { id: head.hit(row).id, bytes: head.length(row).unwrap_or(MAX_PAYLOAD), at: at(row) };
        self.found.extend(rows.into_iter().map(spot));
        self.packs.extend(pack);
    }
}

/// A search through every part of the log that may have something.
pub(crate) struct SegmentSearch<'a> {
    walk: SegmentWalker<'a>,
    ascending: bool,
}

impl<'a> SegmentSearch<'a> {
    /// Of everything that matches, in any order.
    pub(crate) async fn open(
        log: &'a EventLog,
        filter: &'a SearchFilter,
        deadline: Option<Instant>,
        units: f64,
        stats: &'a mut SearchStats,
    ) -> Result<Self, Error> {
        let ids = filter.ids().unwrap_or(EMPTY_ID_RANGE);
        let route = ScanBudget { ids, first: ids, ascending: false, deadline, units, late: units };
        Ok(Self { walk: SegmentWalker::open(log, filter, route, stats).await?, ascending: false })
    }

    /// Of a page: what can only belong to those before it is passed over, unless everything is to be counted, and
    /// comes last then.
    /// `late` is the most read units for what came late and is in no segment.
    pub(crate) async fn of_page(
        log: &'a EventLog,
        search: &'a SearchRequest,
        (units, late): (f64, f64),
        stats: &'a mut SearchStats,
    ) -> Result<Self, Error> {
        let (ascending, deadline) = (search.ascending, search.deadline);
        let first = search.ids().unwrap_or(EMPTY_ID_RANGE);
        let ids = if search.total { search.filter.ids().unwrap_or(EMPTY_ID_RANGE) } else { first };
        let route = ScanBudget { ids, first, ascending, deadline, units, late };
        Ok(Self { walk: SegmentWalker::open(log, &search.filter, route, stats).await?, ascending })
    }

    /// Whether it reads the log as it is, for there was more late than could be read.
    pub(crate) fn is_plain(&self) -> bool {
        self.walk.is_plain
    }

    /// One page, and how many match altogether where that is asked for; and whether that could not be counted.
    pub(crate) async fn page(mut self, search: &SearchRequest) -> Result<(Found, Option<u64>, bool), Error> {
        let (low, high) = search.ids().unwrap_or(EMPTY_ID_RANGE);
        let (mut spots, mut total) = (Candidates::default(), 0);
        let start = self.walk.bound();
        let mut found: Option<Found> = None;
        loop {
            // What can still come is beyond this.
            let bound = self.walk.bound();
            if found.is_none() {
                found = self.finished(search, &mut spots, bound);
            }
            // Whatever it takes, a page leads on.
            let leads_on = found.is_some() || bound != start;
            let done = if search.total { self.walk.is_at_end() } else { found.is_some() };
            if done || (leads_on && self.walk.is_over()) {
                break;
            }
            for some in self.walk.step().await? {
                total += some.rows.len() as u64;
                if found.is_none() {
                    spots.add(some, &(low..=high));
                }
            }
        }
        let complete = self.walk.is_at_end();
        let found = found.unwrap_or_else(|| self.stopped(search, spots));
        let total = (search.total && complete).then_some(total);
        Ok((found, total, search.total && !complete))
    }

    /// The page, once everything that belongs to it is found: as many as are asked for, or one more than there is room
    /// for.
    fn finished(&self, search: &SearchRequest, spots: &mut Candidates, bound: Option<u64>) -> Option<Found> {
        let is_certain = |spot: &Candidate| self.is_certain(spot.id, bound);
        if bound.is_some() {
            let add = |(count, bytes): (usize, usize), spot: &Candidate| (count + 1, bytes.saturating_add(spot.bytes));
            let (count, bytes) = spots.found.iter().filter(|spot| is_certain(spot)).fold((0, 0), add);
            if count <= search.limit && bytes <= search.max_bytes {
                return None;
            }
        }
        let Candidates { packs, mut found } = std::mem::take(spots);
        let all = found.len();
        found.retain(is_certain);
        self.sort(&mut found);
        let mut bytes = 0usize;
        let fits = |spot: &&Candidate| {
            let fits = bytes <= search.max_bytes;
            bytes = bytes.saturating_add(spot.bytes);
            fits
        };
        let count = found.iter().take(search.limit).take_while(fits).count();
        found.truncate(count);
        let more = count < all || bound.is_some();
        let hits = hits(found);
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Some(Found { hits, packs, next, partial: false })
    }

    /// What is certain of a page that could not be finished: it goes on where the walk has stopped.
    fn stopped(&self, search: &SearchRequest, spots: Candidates) -> Found {
        let Candidates { packs, mut found } = spots;
        self.sort(&mut found);
        let bound = self.walk.bound().unwrap_or_default();
        found.retain(|spot| self.is_certain(spot.id, Some(bound)));
        // The last id before the bound: the next page has what comes after it.
        let reached = if self.ascending { bound.checked_sub(1) } else { bound.checked_add(1) };
        let next = reached.and_then(EventId::from_u64).or(search.after);
        Found { hits: hits(found), packs, next, partial: true }
    }

    /// Whether nothing can come before an id any more, where what can still come is beyond this bound.
    fn is_certain(&self, id: u64, bound: Option<u64>) -> bool {
        bound.is_none_or(|bound| if self.ascending { id < bound } else { id > bound })
    }

    fn sort(&self, found: &mut [Candidate]) {
        found.sort_unstable_by_key(|spot| if self.ascending { spot.id } else { u64::MAX - spot.id });
    }

    /// How many match; `None` where that could not be counted in time.
    pub(crate) async fn count(mut self) -> Result<Option<u64>, Error> {
        let mut total = 0;
        while !self.walk.is_at_end() {
            if self.walk.is_over() {
                return Ok(None);
            }
            total += self.walk.step().await?.iter().map(|found| found.rows.len() as u64).sum::<u64>();
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
            for Selected { head, rows, .. } in self.walk.step().await? {
                found.extend(rows.iter().map(|row| head.hit(*row)));
            }
        }
        found.sort_unstable_by_key(|hit| std::cmp::Reverse((hit.time, hit.number, hit.id)));
        Ok(Matches { found, units: self.walk.stats.units })
    }

    /// How often each value of a field stands in what matches.
    pub(crate) async fn values(mut self, field: Field) -> Result<FieldCounts, Error> {
        let mut values = FieldCounts::default();
        while !self.walk.is_at_end() {
            if self.walk.is_over() {
                values.partial = true;
                break;
            }
            for Selected { head, rows, .. } in self.walk.step().await? {
                head.count(field, &rows, |value, more| match values.counts.get_mut(value) {
                    Some(count) => *count += more,
                    None => drop(values.counts.insert(value.to_owned(), more)),
                });
            }
        }
        values.units = self.walk.stats.units;
        Ok(values)
    }
}

fn hits(found: Vec<Candidate>) -> Vec<(EventId, PayloadLocation)> {
    found.into_iter().filter_map(|spot| Some((EventId::from_u64(spot.id)?, spot.at))).collect()
}
