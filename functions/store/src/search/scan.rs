//! Searching by segments, and by what is in none yet: exact, whatever is looked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use events::EventId;

use crate::error::Error;
use crate::search::filter::{Field, Filter};
use crate::search::{Found, Log, MAX_UNITS, Search, Way};
use crate::segments::{Entry, Head, Hit, Loose, capacity};

/// How many segments are looked at together: few at first, for what is common is found at once.
const FIRST: usize = 4;
const MOST: usize = 64;

/// More than any segment's text.
const MAX_TEXT: usize = 64 << 20;

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

/// Where a part of the log lies, and what is known of it.
enum Part {
    /// A segment.
    Segment(Entry),
    /// Events that are in no segment yet.
    Loose(Arc<Loose>),
}

impl Part {
    fn bounds(&self) -> (u64, u64) {
        match self {
            Self::Segment(entry) => (entry.low, entry.high),
            Self::Loose(loose) => loose.head.bounds().unwrap_or_default(),
        }
    }
}

/// A walk through every part of the log that may have something, in the order of ids.
pub(crate) struct Scan<'a> {
    log: &'a Log,
    filter: &'a Filter,
    ids: (u64, u64),
    now: i64,
    ascending: bool,
    /// In the order of the walk, the next one last.
    parts: Vec<Part>,
    together: usize,
    started: bool,
    deadline: Option<Instant>,
    /// The units that reading the heads for the first time took, which count for no search.
    once: f64,
    way: &'a mut Way,
}

/// The rows of one part that match.
type Rows = (Arc<Head>, Vec<usize>);

impl<'a> Scan<'a> {
    /// Reads what there is to walk through.
    pub(crate) async fn open(
        log: &'a Log,
        filter: &'a Filter,
        ascending: bool,
        deadline: Option<Instant>,
        way: &'a mut Way,
    ) -> Result<Self, Error> {
        way.read = "segments";
        let ids = filter.ids().unwrap_or((1, 0));
        let (state, units) = log.segments.state().await?;
        let (entries, loose) =
            futures::future::try_join(log.segments.entries(state.next), log.segments.unpacked(&log.events, &state))
                .await?;
        way.units += units + entries.1 + loose.1;
        let segments = entries.0.into_iter().map(Part::Segment);
        let mut parts: Vec<Part> = segments.chain(loose.0.into_iter().map(Part::Loose)).collect();
        parts.retain(|part| part.bounds().0 <= ids.1 && part.bounds().1 >= ids.0);
        parts.sort_by_key(|part| if ascending { u64::MAX - part.bounds().0 } else { part.bounds().1 });
        way.segments = parts.iter().filter(|part| matches!(part, Part::Segment(_))).count();
        let now = log.events.retention.now().as_second();
        let (together, started, once) = (FIRST, false, entries.1);
        Ok(Self { log, filter, ids, now, ascending, parts, together, started, deadline, once, way })
    }

    /// One page, and how many match altogether where that is asked for; and whether that could not be counted.
    pub(crate) async fn page(mut self, search: &Search) -> Result<(Found, Option<u64>, bool), Error> {
        let (low, high) = search.ids().unwrap_or((1, 0));
        let (mut hits, mut total): (Vec<Hit>, u64) = (Vec::new(), 0);
        let mut found: Option<Found> = None;
        let mut complete = false;
        loop {
            // What can still come is beyond this.
            let bound = self.bound();
            if found.is_none() {
                found = self.finished(search.limit, &mut hits, bound);
            }
            if bound.is_none() {
                complete = true;
                break;
            }
            if found.is_some() && !search.total {
                break;
            }
            if self.is_over() {
                break;
            }
            for (head, rows) in self.step().await? {
                total += rows.len() as u64;
                if found.is_none() {
                    hits.extend(rows.iter().map(|row| head.hit(*row)).filter(|hit| (low..=high).contains(&hit.id)));
                }
            }
        }
        let bound = self.bound();
        let found = found.unwrap_or_else(|| self.stopped(search, hits, bound));
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
    fn stopped(&self, search: &Search, mut hits: Vec<Hit>, bound: Option<u64>) -> Found {
        self.sort(&mut hits);
        let bound = bound.unwrap_or_default();
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
        while self.bound().is_some() {
            if self.is_over() {
                return Ok(None);
            }
            total += self.step().await?.iter().map(|(_, rows)| rows.len() as u64).sum::<u64>();
        }
        Ok(Some(total))
    }

    /// Everything that matches.
    pub(crate) async fn matches(mut self) -> Result<Matches, Error> {
        let mut found = Vec::new();
        while self.bound().is_some() {
            if self.is_over() {
                return Err(Error::Busy { operation: "a search of everything" });
            }
            for (head, rows) in self.step().await? {
                found.extend(rows.iter().map(|row| head.hit(*row)));
            }
        }
        found.sort_unstable_by_key(|hit| std::cmp::Reverse((hit.time, hit.number, hit.id)));
        Ok(Matches { found, units: self.way.units })
    }

    /// How often each value of a field stands in what matches.
    pub(crate) async fn values(mut self, field: Field) -> Result<Values, Error> {
        let mut values = Values::default();
        while self.bound().is_some() {
            if self.is_over() {
                values.partial = true;
                break;
            }
            for (head, rows) in self.step().await? {
                head.count(field, &rows, |value| match values.counts.get_mut(value) {
                    Some(count) => *count += 1,
                    None => drop(values.counts.insert(value.to_owned(), 1)),
                });
            }
        }
        values.units = self.way.units;
        Ok(values)
    }

    /// Whether the time or the read units are used up. Something is done in any case, so that the next page
    /// comes further.
    fn is_over(&self) -> bool {
        let late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.started && (late || self.way.units - self.once > MAX_UNITS)
    }

    /// The first id, in the order of the walk, of what was not looked at; `None` at its end.
    fn bound(&self) -> Option<u64> {
        self.parts.last().map(|part| if self.ascending { part.bounds().0 } else { part.bounds().1 })
    }

    /// Looks at what comes next.
    async fn step(&mut self) -> Result<Vec<Rows>, Error> {
        self.started = true;
        let parts = self.parts.split_off(self.parts.len().saturating_sub(self.together));
        self.together = (self.together * 2).min(MOST);
        let mut all: Vec<Rows> = Vec::with_capacity(parts.len());
        let mut numbers = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Segment(entry) => numbers.push(entry.number),
                Part::Loose(loose) => all.push(self.look(&loose).await?),
            }
        }
        let (heads, units) = self.log.segments.heads(&numbers).await?;
        self.way.units += units;
        let mut unread = Vec::new();
        for (number, head) in numbers.into_iter().zip(heads) {
            let rows = head.select(self.filter, self.ids, self.now);
            match &self.filter.text {
                _ if rows.is_empty() => {}
                None => all.push((head, rows)),
                Some(text) if head.may_have(&rows, text) => unread.push((number, head, rows)),
                Some(_) => {}
            }
        }
        let numbers: Vec<u64> = unread.iter().map(|(number, ..)| *number).collect();
        let (texts, units) = self.log.segments.texts(&numbers).await?;
        self.way.units += units;
        self.way.texts += texts.len();
        for ((_, head, rows), packed) in unread.into_iter().zip(texts) {
            let text = zstd::bulk::decompress(&packed, capacity(&packed, MAX_TEXT))
                .map_err(|e| Error::corrupt("segments", e))?;
            all.push(self.find(head, &rows, &text).await?);
        }
        Ok(all)
    }

    /// The rows that match, of events that are in no segment.
    async fn look(&mut self, loose: &Loose) -> Result<Rows, Error> {
        let head = Arc::clone(&loose.head);
        let rows = head.select(self.filter, self.ids, self.now);
        self.way.unpacked += rows.len();
        if self.filter.text.is_none() { Ok((head, rows)) } else { self.find(head, &rows, &loose.text).await }
    }

    /// The rows whose payloads match, of those whose fields do.
    async fn find(&mut self, head: Arc<Head>, rows: &[usize], text: &[u8]) -> Result<Rows, Error> {
        let Some(wanted) = &self.filter.text else { return Ok((head, rows.to_vec())) };
        let (mut found, unsure) = head.find(rows, wanted, text);
        // Large payloads are not in the text: they are read for themselves.
        for row in unsure {
            let ids: Vec<EventId> = EventId::from_u64(head.hit(row).id).into_iter().collect();
            let (events, units) = self.log.events.get_counted(&ids).await?;
            self.way.units += units;
            if events.iter().any(|event| wanted.matches(&String::from_utf8_lossy(&event.payload))) {
                found.push(row);
            }
        }
        found.sort_unstable();
        Ok((head, found))
    }
}

fn plain(hit: &Hit) -> Option<(EventId, Option<events::Event>)> {
    Some((EventId::from_u64(hit.id)?, None))
}
