//! From what was found to a page: each event whole, from where that takes the least.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use events::{Event, EventId};

use store::{Error, Item};

use crate::event_log::EventLog;
use crate::found::{Found, MIN_EVENTS_TO_OPEN_SEGMENT, PayloadLocation, PayloadSource};
use crate::request::{SearchPage, SearchRequest, SearchStats};
use crate::segments::body::{Body, Opened};
use crate::segments::header::SegmentHeader;

/// So many bodies are open at once, each of a megabyte or so. Of more, events are read one by one.
const MAX_OPEN_SEGMENTS: usize = 64;

/// What a page is filled from.
struct SegmentReaders {
    all: Vec<PayloadSource>,
    /// How many events of each are still to come.
    left: Vec<usize>,
    opened: HashMap<usize, Opened>,
}

/// The page of what was found: reads what is not at hand, until the page is as large as it may be.
pub(crate) async fn fetch_payloads(
    log: &EventLog,
    search: &SearchRequest,
    found: Found,
    mut stats: SearchStats,
) -> Result<SearchPage, Error> {
    let (mut events, mut bytes): (Vec<Event>, usize) = (Vec::new(), 0);
    let (before, most) = (stats.units, log.segments.max_units());
    let (mut next, mut partial) = (found.next, found.partial);
    let mut packs = SegmentReaders::new(found.packs, &found.hits);
    let mut hits = found.hits.into_iter().peekable();
    'page: while hits.peek().is_some() {
        let room = search.max_bytes.saturating_sub(bytes);
        let together = together(events.len(), (bytes, room), (stats.units - before, most - stats.units));
        let some: Vec<(EventId, PayloadLocation)> = hits.by_ref().take(together).collect();
        let last = some.last().map(|(id, _)| *id);
        let bodies = packs.open(log, &some, &mut stats).await?;
        // A search for a text has read them already.
        stats.texts += if search.filter.text.is_none() { bodies } else { 0 };
        let mut stored = read_from_log(log, &packs, &some, &mut stats).await?;
        // Inflated one after the other, as far as there is room.
        for (id, at) in some {
            let event = match packs.take(at)? {
                Some(event) => Some(event),
                None => stored.remove(&id).map(|item| log.events.decode(item)).transpose()?.flatten(),
            };
            let Some(event) = event.filter(|event| search.filter.matches_linked(event)) else { continue };
            bytes += event.payload.len();
            // One event is a page, however large it is.
            if let Some(last) = events.last().filter(|_| bytes > search.max_bytes) {
                (next, partial) = (Some(last.id), false);
                break 'page;
            }
            events.push(event);
        }
        if hits.peek().is_some() && (stats.units >= most || search.is_late()) {
            (next, partial) = (last, true);
            break;
        }
    }
    Ok(SearchPage { events, next, total: None, partial, stats })
}

/// The items of those that only the log has.
async fn read_from_log(
    log: &EventLog,
    packs: &SegmentReaders,
    some: &[(EventId, PayloadLocation)],
    stats: &mut SearchStats,
) -> Result<HashMap<EventId, Item>, Error> {
    let ids: Vec<EventId> = some.iter().filter(|(_, at)| packs.lack(at)).map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (items, units) = log.events.get_items_by_id(&ids).await?;
    stats.units += units;
    Ok(items)
}

impl SegmentReaders {
    fn new(packs: Vec<PayloadSource>, hits: &[(EventId, PayloadLocation)]) -> Self {
        let mut left = vec![0; packs.len()];
        for (_, at) in hits {
            if let PayloadLocation::InPack(pack, _) = at {
                left[*pack] += 1;
            }
        }
        Self { all: packs, left, opened: HashMap::new() }
    }

    /// Opens what these are in; how many bodies it read.
    async fn open(
        &mut self,
        log: &EventLog,
        some: &[(EventId, PayloadLocation)],
        stats: &mut SearchStats,
    ) -> Result<usize, Error> {
        let (mut chosen, mut segments): (HashSet<usize>, Vec<(usize, u64)>) = (HashSet::new(), Vec::new());
        for (_, at) in some {
            let PayloadLocation::InPack(pack, _) = *at else { continue };
            let is_full = self.opened.len() + segments.len() >= MAX_OPEN_SEGMENTS;
            if self.opened.contains_key(&pack)
                || is_full
                || self.left[pack] < MIN_EVENTS_TO_OPEN_SEGMENT
                || !chosen.insert(pack)
            {
                continue;
            }
            match self.all[pack].clone() {
                PayloadSource::Unpacked(loose) => self.add(pack, Arc::clone(&loose.head), &loose.body)?,
                PayloadSource::Segment(entry) => segments.push((pack, entry.number)),
            }
        }
        let numbers: Vec<u64> = segments.iter().map(|(_, number)| *number).collect();
        let read = futures::future::try_join(log.segments.heads(&numbers), log.segments.bodies(&numbers));
        let ((heads, units), (bodies, used)) = read.await?;
        stats.units += units + used;
        for (((pack, _), head), body) in segments.into_iter().zip(heads).zip(bodies) {
            self.add(pack, head, &body)?;
        }
        Ok(numbers.len())
    }

    fn add(&mut self, pack: usize, head: Arc<SegmentHeader>, body: &Body) -> Result<(), Error> {
        match body.open(head)? {
            Some(opened) => drop(self.opened.insert(pack, opened)),
            None => self.left[pack] = 0,
        }
        Ok(())
    }

    /// Whether an event is to be read from the log.
    fn lack(&self, at: &PayloadLocation) -> bool {
        match at {
            PayloadLocation::Loaded(_) => false,
            PayloadLocation::InLog => true,
            PayloadLocation::InPack(pack, row) => !self.opened.get(pack).is_some_and(|opened| opened.has(*row)),
        }
    }

    /// The event that is there, where it is not to be read from the log. What was the last one's is let go.
    fn take(&mut self, at: PayloadLocation) -> Result<Option<Event>, Error> {
        let (pack, row) = match at {
            PayloadLocation::Loaded(event) => return Ok(Some(*event)),
            PayloadLocation::InLog => return Ok(None),
            PayloadLocation::InPack(pack, row) => (pack, row),
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
