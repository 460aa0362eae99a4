//! From what was found to a page: each event whole, from where that takes the least.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use events::{Event, EventId};

use crate::error::Error;
use crate::events::Item;
use crate::search::walk::{Pack, units_of};
use crate::search::{Found, Log, Page, Search, Way};
use crate::segments::{Body, Entry, Head, Opened};

/// Where an event that was found is.
#[derive(Debug)]
pub(crate) enum At {
    /// Here.
    Hand(Box<Event>),
    /// In the log.
    Log,
    /// In one of the packs too: which one, and which of its rows.
    Packed(usize, usize),
}

/// So many events of a pack are read with its body. Fewer are sooner read one by one than it is inflated.
const TOGETHER: usize = 16;

/// So many bodies are open at once, each of a megabyte or so. Of more, events are read one by one.
const OPEN: usize = 64;

/// The bytes of an item that half a read unit reads.
const HALF_UNIT: f64 = 4096.0;

/// What a page is filled from.
struct Packs {
    all: Vec<Pack>,
    /// How many events of each are still to come.
    left: Vec<usize>,
    opened: HashMap<usize, Opened>,
}

impl Log {
    /// The page of what was found: reads what is not at hand, until the page is as large as it may be.
    pub(super) async fn fill(&self, search: &Search, found: Found, mut way: Way) -> Result<Page, Error> {
        let (mut events, mut bytes): (Vec<Event>, usize) = (Vec::new(), 0);
        let (before, most) = (way.units, self.segments.max_units());
        let (mut next, mut partial) = (found.next, found.partial);
        let mut packs = Packs::new(found.packs, &found.hits);
        let mut hits = found.hits.into_iter().peekable();
        'page: while hits.peek().is_some() {
            let room = search.max_bytes.saturating_sub(bytes);
            let together = together(events.len(), (bytes, room), (way.units - before, most - way.units));
            let some: Vec<(EventId, At)> = hits.by_ref().take(together).collect();
            let last = some.last().map(|(id, _)| *id);
            let bodies = packs.open(self, &some, &mut way).await?;
            // A search for a text has read them already.
            way.texts += if search.filter.text.is_none() { bodies } else { 0 };
            let mut stored = self.stored(&packs, &some, &mut way).await?;
            // Inflated one after the other, as far as there is room.
            for (id, at) in some {
                let event = match packs.take(at)? {
                    Some(event) => Some(event),
                    None => stored.remove(&id).map(|item| self.events.read(item)).transpose()?.flatten(),
                };
                let Some(event) = event.filter(|event| search.filter.holds(event)) else { continue };
                bytes += event.payload.len();
                // One event is a page, however large it is.
                if let Some(last) = events.last().filter(|_| bytes > search.max_bytes) {
                    (next, partial) = (Some(last.id), false);
                    break 'page;
                }
                events.push(event);
            }
            if hits.peek().is_some() && (way.units >= most || search.is_late()) {
                (next, partial) = (last, true);
                break;
            }
        }
        Ok(Page { events, next, total: None, partial, way })
    }

    /// The items of those that only the log has.
    async fn stored(
        &self,
        packs: &Packs,
        some: &[(EventId, At)],
        way: &mut Way,
    ) -> Result<HashMap<EventId, Item>, Error> {
        let ids: Vec<EventId> = some.iter().filter(|(_, at)| packs.lack(at)).map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (items, units) = self.events.get_by_id(&ids).await?;
        way.units += units;
        Ok(items)
    }
}

impl Packs {
    fn new(packs: Vec<Pack>, hits: &[(EventId, At)]) -> Self {
        let mut left = vec![0; packs.len()];
        for (_, at) in hits {
            if let At::Packed(pack, _) = at {
                left[*pack] += 1;
            }
        }
        Self { all: packs, left, opened: HashMap::new() }
    }

    /// Opens what these are in; how many bodies it read.
    async fn open(&mut self, log: &Log, some: &[(EventId, At)], way: &mut Way) -> Result<usize, Error> {
        let (mut chosen, mut segments): (HashSet<usize>, Vec<(usize, u64)>) = (HashSet::new(), Vec::new());
        for (_, at) in some {
            let At::Packed(pack, _) = *at else { continue };
            let is_full = self.opened.len() + segments.len() >= OPEN;
            if self.opened.contains_key(&pack) || is_full || self.left[pack] < TOGETHER || !chosen.insert(pack) {
                continue;
            }
            match self.all[pack].clone() {
                Pack::Loose(loose) => self.add(pack, Arc::clone(&loose.head), &loose.body)?,
                Pack::Segment(entry) => segments.push((pack, entry.number)),
            }
        }
        let numbers: Vec<u64> = segments.iter().map(|(_, number)| *number).collect();
        let read = futures::future::try_join(log.segments.heads(&numbers), log.segments.bodies(&numbers));
        let ((heads, units), (bodies, used)) = read.await?;
        way.units += units + used;
        for (((pack, _), head), body) in segments.into_iter().zip(heads).zip(bodies) {
            self.add(pack, head, &body)?;
        }
        Ok(numbers.len())
    }

    fn add(&mut self, pack: usize, head: Arc<Head>, body: &Body) -> Result<(), Error> {
        match body.open(head)? {
            Some(opened) => drop(self.opened.insert(pack, opened)),
            None => self.left[pack] = 0,
        }
        Ok(())
    }

    /// Whether an event is to be read from the log.
    fn lack(&self, at: &At) -> bool {
        match at {
            At::Hand(_) => false,
            At::Log => true,
            At::Packed(pack, row) => !self.opened.get(pack).is_some_and(|opened| opened.has(*row)),
        }
    }

    /// The event that is there, where it is not to be read from the log. What was the last one's is let go.
    fn take(&mut self, at: At) -> Result<Option<Event>, Error> {
        let (pack, row) = match at {
            At::Hand(event) => return Ok(Some(*event)),
            At::Log => return Ok(None),
            At::Packed(pack, row) => (pack, row),
        };
        self.left[pack] = self.left[pack].saturating_sub(1);
        let Some(opened) = self.opened.get(&pack) else { return Ok(None) };
        let event = opened.event(row)?;
        if self.left[pack] == 0 {
            self.opened.remove(&pack);
        }
        Ok(event)
    }
}

impl Pack {
    /// Whether so many of all its events are read with its body: it takes no more than reading them by their ids, each
    /// compressed by itself, which is more than its share of the body.
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    pub(crate) fn is_worth(&self, events: usize, all: usize) -> bool {
        let by_id = |entry: &Entry| (f64::from(entry.body) / all as f64 / HALF_UNIT).ceil() / 2.0;
        let is_less = match self {
            Self::Segment(entry) => units_of(entry.body) <= events as f64 * by_id(entry),
            Self::Loose(_) => true,
        };
        events >= TOGETHER && is_less
    }
}

/// How many events are read together, after so many that took these bytes and units, where so much of either is left.
/// They are in memory together: few at first, then as many as will have a place and can be paid for.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 100")]
fn together(read: usize, bytes: (usize, usize), units: (f64, f64)) -> usize {
    const FIRST: f64 = 25.0;
    const MOST: f64 = 100.0;
    // Of the largest event.
    const UNITS: f64 = 100.0;
    let count = match read as f64 {
        0.0 => FIRST.min(units.1 / UNITS),
        read => read * (bytes.1 as f64 / bytes.0.max(1) as f64).min(units.1 / units.0.max(1.0)),
    };
    count.clamp(1.0, MOST) as usize
}
