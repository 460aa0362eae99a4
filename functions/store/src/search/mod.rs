//! Searching the log: which way to go, and one page of what matches.

pub(crate) mod filter;
pub(crate) mod merge;
mod ordered;
mod pattern;
mod scan;
pub(crate) mod text;

use std::time::Instant;

use ::events::{Event, EventId};
use serde::Serialize;

pub use filter::{Condition, Field, Filter};
pub use scan::{Matches, Values};
pub use text::{Notation, Text, javascript_number};

use crate::error::Error;
use crate::events::Events;
use crate::segments::Segments;
use ordered::Ordered;
use scan::Scan;

/// The most read units that one search takes before it answers with what it has found. Beyond them are what
/// reading its page takes, and what the heads of segments take the first time that a process reads them.
pub const MAX_UNITS: f64 = 5000.0;

/// The log, to be searched.
#[derive(Debug, Clone)]
pub struct Log {
    /// The events.
    pub events: Events,
    /// The older ones of them, packed.
    pub segments: Segments,
}

/// What to search for, and which page of it.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Which events.
    pub filter: Filter,
    /// Whether the oldest come first.
    pub ascending: bool,
    /// Only events after this one, in the order of the search: where the page before ended.
    pub after: Option<EventId>,
    /// At most this many events.
    pub limit: usize,
    /// The page ends before the event that would bring its payloads past this many bytes.
    pub max_bytes: usize,
    /// Whether to count everything that matches.
    pub total: bool,
    /// When to stop and answer with what was found.
    pub deadline: Option<Instant>,
}

/// One page of a search.
#[derive(Debug, Clone)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page begins ([`Search::after`]); `None` where there is nothing further.
    pub next: Option<EventId>,
    /// How many events match, where that was asked for and could be counted in time.
    pub total: Option<u64>,
    /// Whether the search ended before its page was full, or before everything was counted.
    pub partial: bool,
    /// How it was found.
    pub way: Way,
}

/// How a search was answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Way {
    /// What was read: `log`, an index, or `segments`.
    pub read: &'static str,
    /// How many partitions of it were read side by side.
    pub partitions: usize,
    /// How many of their items were looked at.
    pub examined: usize,
    /// How many segments there are within the range of time.
    pub segments: usize,
    /// Of how many of them the text was read.
    pub texts: usize,
    /// How many events outside of segments were looked at: the newest, and late ones.
    pub unpacked: usize,
    /// The read units that it took, payloads and count included.
    pub units: f64,
}

/// Events that match, in order, before their payloads are read.
struct Found {
    hits: Vec<(EventId, Option<Event>)>,
    /// Where to go on, where there is more.
    next: Option<EventId>,
    partial: bool,
}

impl Log {
    /// One page of what matches.
    ///
    /// Every part of the log is read in the order of ids, so the page is exact: nothing that matches is missed or
    /// comes twice, however the events are spread.
    pub async fn search(&self, search: &Search) -> Result<Page, Error> {
        let mut way = Way::default();
        let (found, total, uncounted) = match self.ordered(search, &mut way).await? {
            Some(found) if !search.total => (found, None, false),
            Some(found) => {
                let mut count = Way::default();
                let total = Scan::open(self, &search.filter, search.ascending, search.deadline, &mut count).await?;
                let total = total.count().await?;
                way.segments = count.segments;
                way.units += count.units;
                (found, total, total.is_none())
            }
            None => self.scanned(search, &mut way).await?,
        };
        let partial = found.partial || uncounted;
        let (events, next) = self.page(search, found, &mut way).await?;
        Ok(Page { events, next, total, partial, way })
    }

    /// The page by the log itself or one of its indexes; `None` where that would read too much.
    async fn ordered(&self, search: &Search, way: &mut Way) -> Result<Option<Found>, Error> {
        match Ordered::plan(&self.events, search) {
            Some(ordered) => ordered.find(way).await,
            None => Ok(None),
        }
    }

    /// The page by the segments, with the total where it is asked for.
    async fn scanned(&self, search: &Search, way: &mut Way) -> Result<(Found, Option<u64>, bool), Error> {
        let scan = Scan::open(self, &search.filter, search.ascending, search.deadline, way).await?;
        scan.page(search).await
    }

    /// The events of a page: reads those that are known by their id only, until the page is as large as
    /// it may be.
    async fn page(&self, search: &Search, found: Found, way: &mut Way) -> Result<(Vec<Event>, Option<EventId>), Error> {
        // What is read together is in memory together.
        const TOGETHER: usize = 100;
        let mut events: Vec<Event> = Vec::with_capacity(found.hits.len());
        let mut bytes = 0;
        let mut hits = found.hits.into_iter().peekable();
        while hits.peek().is_some() {
            let (ids, mut at_hand): (Vec<EventId>, Vec<Option<Event>>) = hits.by_ref().take(TOGETHER).unzip();
            let read = if at_hand.iter().all(Option::is_some) {
                at_hand.drain(..).flatten().collect()
            } else {
                let (read, units) = self.events.get_counted(&ids).await?;
                way.units += units;
                read
            };
            for event in read {
                bytes += event.payload.len();
                // One event is a page, however large it is.
                if let Some(last) = events.last().filter(|_| bytes > search.max_bytes) {
                    let next = Some(last.id);
                    return Ok((events, next));
                }
                events.push(event);
            }
        }
        Ok((events, found.next))
    }

    /// Everything that matches, by when it happened and the producer's own number, the newest first.
    ///
    /// # Errors
    /// [`Error::Busy`] where the deadline comes first, or it would take too many read units.
    pub async fn matches(&self, filter: &Filter, deadline: Option<Instant>) -> Result<Matches, Error> {
        let mut way = Way::default();
        let scan = Scan::open(self, filter, false, deadline, &mut way).await?;
        scan.matches().await
    }

    /// How often each value of a field stands in what matches.
    pub async fn values(&self, field: Field, filter: &Filter, deadline: Option<Instant>) -> Result<Values, Error> {
        let mut way = Way::default();
        let scan = Scan::open(self, filter, false, deadline, &mut way).await?;
        scan.values(field).await
    }
}
