//! Searching the segments and the events that are not packed yet.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use events::EventId;
use model::{Field, SearchFilter};
use store::Error;

use crate::event_log::EventLog;
use crate::found::{Found, PayloadLocation, PayloadSource};
use crate::request::{SearchRequest, SearchStats};
use crate::search_plan::SegmentPlan;
use crate::segment_walker::{SegmentWalker, Selected};
use crate::segments::columns::MAX_PAYLOAD;
use crate::segments::header::Hit;

/// All matching events, newest first, without their payloads.
#[derive(Debug)]
pub struct Matches {
    found: Vec<Hit>,
    /// Consumed read units.
    pub units: f64,
}

impl Matches {
    /// Returns the number of matches.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Returns whether nothing matches.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns the ids of `limit` matches from `offset` on.
    pub fn page(&self, offset: usize, limit: usize) -> impl Iterator<Item = EventId> {
        self.found.iter().skip(offset).take(limit).filter_map(|hit| EventId::from_u64(hit.id))
    }
}

/// The values of a field with the number of events that have each value.
#[derive(Debug, Default)]
pub struct FieldCounts {
    /// Number of events by value.
    pub counts: HashMap<String, u64>,
    /// True if the counts are incomplete because the time or the read units were used up.
    pub partial: bool,
    /// Consumed read units.
    pub units: f64,
}

/// The events found so far that may belong to a page.
#[derive(Default)]
struct Candidates {
    sources: Vec<PayloadSource>,
    found: Vec<Candidate>,
}

/// An event that may belong to a page.
struct Candidate {
    id: u64,
    /// Bytes of the payload; a lower bound if the payload is too large for a segment.
    bytes: usize,
    at: PayloadLocation,
}

impl Candidates {
    /// Adds the rows within these ids. The source is recorded only if its body is worth reading: each event of a page
    /// may have another source.
    fn add(&mut self, Selected { header, mut rows, source }: Selected, ids: &RangeInclusive<u64>) {
        rows.retain(|row| ids.contains(&header.hit(*row).id));
        let source = Some(source).filter(|source| source.is_worth_opening(rows.len(), header.len()));
        let at = |row| {
            source.as_ref().map_or(PayloadLocation::InLog, |_| PayloadLocation::InSource(self.sources.len(), row))
        };
        let candidate =
            |row| Candidate { id: header.hit(row).id, bytes: header.length(row).unwrap_or(MAX_PAYLOAD), at: at(row) };
        self.found.extend(rows.into_iter().map(candidate));
        self.sources.extend(source);
    }
}

/// A search of every part of the log that may contain matches.
pub(crate) struct SegmentSearch<'a> {
    walker: SegmentWalker<'a>,
    plan: &'a SegmentPlan,
}

impl<'a> SegmentSearch<'a> {
    /// Opens the search of a plan.
    pub(crate) async fn open(
        log: &'a EventLog,
        filter: &'a SearchFilter,
        plan: &'a SegmentPlan,
        stats: &'a mut SearchStats,
    ) -> Result<Self, Error> {
        Ok(Self { walker: SegmentWalker::open(log, filter, plan, stats).await?, plan })
    }

    /// Returns whether the search scans the log because there were too many late events to read.
    pub(crate) fn is_log_scan(&self) -> bool {
        self.walker.is_log_scan
    }

    /// Returns one page, the total number of matches if it was requested, and whether counting failed to finish.
    pub(crate) async fn page(mut self, search: &SearchRequest) -> Result<(Found, Option<u64>, bool), Error> {
        let (low, high) = self.plan.first;
        let (mut candidates, mut total) = (Candidates::default(), 0);
        let start = self.walker.next_id();
        let mut found: Option<Found> = None;
        loop {
            // Every id before this one, in the order of the search, has been searched.
            let next_id = self.walker.next_id();
            if found.is_none() {
                found = self.finished_page(search, &mut candidates, next_id);
            }
            // A page always makes progress, even beyond its budget.
            let leads_on = found.is_some() || next_id != start;
            let done = if search.total { self.walker.is_at_end() } else { found.is_some() };
            if done || (leads_on && self.walker.is_over()) {
                break;
            }
            for selected in self.walker.step().await? {
                total += selected.rows.len() as u64;
                if found.is_none() {
                    candidates.add(selected, &(low..=high));
                }
            }
        }
        let complete = self.walker.is_at_end();
        let found = found.unwrap_or_else(|| self.partial_page(search, candidates));
        let total = (search.total && complete).then_some(total);
        Ok((found, total, search.total && !complete))
    }

    /// Returns the page once it is complete: it has the requested number of events, has reached its size limit, or
    /// everything has been searched.
    fn finished_page(
        &self,
        search: &SearchRequest,
        candidates: &mut Candidates,
        next_id: Option<u64>,
    ) -> Option<Found> {
        let is_certain = |candidate: &Candidate| self.is_certain(candidate.id, next_id);
        if next_id.is_some() {
            let add = |(count, bytes): (usize, usize), candidate: &Candidate| {
                (count + 1, bytes.saturating_add(candidate.bytes))
            };
            let (count, bytes) = candidates.found.iter().filter(|candidate| is_certain(candidate)).fold((0, 0), add);
            if count <= search.limit && bytes <= search.max_bytes {
                return None;
            }
        }
        let Candidates { sources, mut found } = std::mem::take(candidates);
        let all = found.len();
        found.retain(is_certain);
        self.sort(&mut found);
        let mut bytes = 0usize;
        let fits = |candidate: &&Candidate| {
            let fits = bytes <= search.max_bytes;
            bytes = bytes.saturating_add(candidate.bytes);
            fits
        };
        let count = found.iter().take(search.limit).take_while(fits).count();
        found.truncate(count);
        let more = count < all || next_id.is_some();
        let hits = hits(found);
        let next = if more { hits.last().map(|(id, _)| *id) } else { None };
        Some(Found { hits, sources, next, partial: false })
    }

    /// Returns the certain part of an incomplete page. The next page continues where the walker stopped.
    fn partial_page(&self, search: &SearchRequest, candidates: Candidates) -> Found {
        let Candidates { sources, mut found } = candidates;
        self.sort(&mut found);
        let next_id = self.walker.next_id().unwrap_or_default();
        found.retain(|candidate| self.is_certain(candidate.id, Some(next_id)));
        // The last searched id: the next page starts after it.
        let reached = if self.plan.ascending { next_id.checked_sub(1) } else { next_id.checked_add(1) };
        let next = reached.and_then(EventId::from_u64).or(search.after);
        Found { hits: hits(found), sources, next, partial: true }
    }

    /// Returns whether `id` and every id before it, in the order of the search, have been searched.
    fn is_certain(&self, id: u64, next_id: Option<u64>) -> bool {
        next_id.is_none_or(|next_id| if self.plan.ascending { id < next_id } else { id > next_id })
    }

    fn sort(&self, found: &mut [Candidate]) {
        found
            .sort_unstable_by_key(|candidate| if self.plan.ascending { candidate.id } else { u64::MAX - candidate.id });
    }

    /// Returns the number of matches; `None` if the time or the read units were used up.
    pub(crate) async fn count(mut self) -> Result<Option<u64>, Error> {
        let mut total = 0;
        while !self.walker.is_at_end() {
            if self.walker.is_over() {
                return Ok(None);
            }
            total += self.walker.step().await?.iter().map(|found| found.rows.len() as u64).sum::<u64>();
        }
        Ok(Some(total))
    }

    /// Returns all matches.
    pub(crate) async fn matches(mut self) -> Result<Matches, Error> {
        let mut found = Vec::new();
        while !self.walker.is_at_end() {
            if self.walker.is_over() {
                return Err(Error::Busy { operation: "a search of everything" });
            }
            for Selected { header, rows, .. } in self.walker.step().await? {
                found.extend(rows.iter().map(|row| header.hit(*row)));
            }
        }
        found.sort_unstable_by_key(|hit| std::cmp::Reverse((hit.time, hit.number, hit.id)));
        Ok(Matches { found, units: self.walker.stats.units })
    }

    /// Counts the matching events for each value of a field.
    pub(crate) async fn values(mut self, field: Field) -> Result<FieldCounts, Error> {
        let mut values = FieldCounts::default();
        while !self.walker.is_at_end() {
            if self.walker.is_over() {
                values.partial = true;
                break;
            }
            for Selected { header, rows, .. } in self.walker.step().await? {
                header.count(field, &rows, |value, more| match values.counts.get_mut(value) {
                    Some(count) => *count += more,
                    None => drop(values.counts.insert(value.to_owned(), more)),
                });
            }
        }
        values.units = self.walker.stats.units;
        Ok(values)
    }
}

fn hits(found: Vec<Candidate>) -> Vec<(EventId, PayloadLocation)> {
    found.into_iter().filter_map(|candidate| Some((EventId::from_u64(candidate.id)?, candidate.at))).collect()
}
