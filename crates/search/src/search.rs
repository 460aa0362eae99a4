//! Searching the log: which way to go, and one page of what matches.

mod fill;
pub(crate) mod filter;
pub(crate) mod merge;
mod ordered;
mod pattern;
mod scan;
pub(crate) mod text;
mod walk;

use std::time::Instant;

use ::events::{Event, EventId};
use serde::Serialize;

pub use filter::{Condition, Field, Filter};
pub use scan::{Matches, Values};
pub use text::{Notation, Text, javascript_number};

use crate::error::Error;
use crate::events::Events;
use crate::segments::Segments;
use fill::At;
use ordered::Ordered;
use scan::Scan;
use walk::Pack;

/// The most read units that one search takes, whatever it reads, before it answers with what it has found. It ends
/// with what it was about to read then, and leads on by a step in any case.
pub const MAX_UNITS: f64 = 5000.0;

/// The part of them that finding takes: the others are for the payloads of what was found.
const FINDING: f64 = 0.8;

/// So many times as much is read for an answer that cannot be continued.
const WHOLE: f64 = 4.0;

/// Pages of so many events are read by segments, where a thousand are two items: an index and the log have an item for
/// each.
const MANY: usize = 250;

/// The read units that such a search takes to know what came late and is in no segment. Where there is more of that, it
/// goes by the log or an index.
const LATE: f64 = 100.0;

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
    hits: Vec<(EventId, At)>,
    /// What [`At::Packed`] counts.
    packs: Vec<Pack>,
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
        let (found, total, uncounted) = self.find(search, &mut way).await?;
        let mut page = self.fill(search, found, way).await?;
        page.total = total;
        page.partial |= uncounted;
        Ok(page)
    }

    /// What belongs to the page; how many match altogether, where that is asked for; and whether that could not be
    /// counted.
    async fn find(&self, search: &Search, way: &mut Way) -> Result<(Found, Option<u64>, bool), Error> {
        let units = self.segments.max_units() * FINDING;
        if let Some(ordered) = Ordered::plan(&self.events, search) {
            if self.are_segments_better(search, &ordered) {
                let late = if search.total { units } else { LATE };
                way.read = "segments";
                let scan = Scan::of_page(self, search, (units, late), way).await?;
                if !scan.is_plain() {
                    return scan.page(search).await;
                }
            }
            if let Some(found) = ordered.find(self.segments.max_units(), way).await? {
                if !search.total {
                    return Ok((found, None, false));
                }
                let total = Scan::open(self, &search.filter, search.deadline, units, way).await?.count().await?;
                return Ok((found, total, total.is_none()));
            }
        }
        way.read = "segments";
        Scan::of_page(self, search, (units, units), way).await?.page(search).await
    }

    /// Whether segments give the page sooner than the log or an index would.
    fn are_segments_better(&self, search: &Search, ordered: &Ordered<'_>) -> bool {
        let has_heads = || search.ids().is_some_and(|ids| self.segments.has_heads(ids));
        let is_large = search.limit >= MANY;
        // An index gives all that has one value. Columns in memory leave out what the other values do, for nothing.
        (is_large && ordered.is_log()) || ((is_large || ordered.is_thinned) && has_heads())
    }

    /// Everything that matches, by when it happened and the producer's own number, the newest first. As there is no
    /// going on with it, four times as much is read for it as for a page.
    ///
    /// # Errors
    /// [`Error::Busy`] where the deadline comes first, or it would take too many read units.
    pub async fn matches(&self, filter: &Filter, deadline: Option<Instant>) -> Result<Matches, Error> {
        let mut way = Way::default();
        let scan = Scan::open(self, filter, deadline, self.segments.max_units() * WHOLE, &mut way).await?;
        scan.matches().await
    }

    /// How often each value of a field stands in what matches.
    pub async fn values(&self, field: Field, filter: &Filter, deadline: Option<Instant>) -> Result<Values, Error> {
        let mut way = Way::default();
        let scan = Scan::open(self, filter, deadline, self.segments.max_units(), &mut way).await?;
        scan.values(field).await
    }
}

impl Search {
    /// Whether its time is over.
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
