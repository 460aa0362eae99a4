//! Reading the payloads of a page, each from the cheapest place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use events::{Event, EventId};

use store::{Error, Item};

use crate::event_log::EventLog;
use crate::found::{Found, MIN_EVENTS_TO_OPEN_SEGMENT, PayloadLocation, PayloadSource};
use crate::request::{SearchPage, SearchRequest, SearchStats};
use crate::segments::body::{Body, DecompressedSegment};
use crate::segments::header::SegmentHeader;

/// Maximum number of decompressed bodies in memory, each about a megabyte. Events of further segments are read one by
/// one.
const MAX_OPEN_SEGMENTS: usize = 64;

/// The segments and blocks that the payloads of a page are read from.
struct SegmentReaders {
    sources: Vec<PayloadSource>,
    /// Number of events still to be read from each source.
    remaining: Vec<usize>,
    opened: HashMap<usize, DecompressedSegment>,
}

/// Builds the page of the found events: reads missing payloads until the page reaches its size limit.
pub(crate) async fn fetch_payloads(
    log: &EventLog,
    search: &SearchRequest,
    found: Found,
    mut stats: SearchStats,
) -> Result<SearchPage, Error> {
    let (mut events, mut bytes): (Vec<Event>, usize) = (Vec::new(), 0);
    let (before, max_units) = (stats.units, log.segments.max_units());
    let (mut next, mut partial) = (found.next, found.partial);
    let mut readers = SegmentReaders::new(found.sources, &found.hits);
    let mut hits = found.hits.into_iter().peekable();
    'page: while hits.peek().is_some() {
        let free_bytes = search.max_bytes.saturating_sub(bytes);
        let chunk_size =
            next_chunk_size(events.len(), (bytes, free_bytes), (stats.units - before, max_units - stats.units));
        let chunk: Vec<(EventId, PayloadLocation)> = hits.by_ref().take(chunk_size).collect();
        let last = chunk.last().map(|(id, _)| *id);
        let bodies = readers.open(log, &chunk, &mut stats).await?;
        // A text search has counted these bodies already.
        stats.texts += if search.filter.text.is_none() { bodies } else { 0 };
        let mut stored = read_from_log(log, &readers, &chunk, &mut stats).await?;
        // Payloads are decompressed one at a time, until the page is full.
        for (id, at) in chunk {
            let event = match readers.take(at)? {
                Some(event) => Some(event),
                None => stored.remove(&id).map(|item| log.events.decode(item)).transpose()?.flatten(),
            };
            let Some(event) = event.filter(|event| search.filter.matches_linked(event)) else { continue };
            bytes += event.payload.len();
            // A page contains at least one event, whatever its size.
            if let Some(last) = events.last().filter(|_| bytes > search.max_bytes) {
                (next, partial) = (Some(last.id), false);
                break 'page;
            }
            events.push(event);
        }
        if hits.peek().is_some() && (stats.units >= max_units || search.is_late()) {
            (next, partial) = (last, true);
            break;
        }
    }
    Ok(SearchPage { events, next, total: None, partial, stats })
}

/// Reads the items of the events whose payloads are only in the log.
async fn read_from_log(
    log: &EventLog,
    readers: &SegmentReaders,
    chunk: &[(EventId, PayloadLocation)],
    stats: &mut SearchStats,
) -> Result<HashMap<EventId, Item>, Error> {
    let ids: Vec<EventId> = chunk.iter().filter(|(_, at)| readers.must_read_from_log(at)).map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (items, units) = log.events.get_items_by_id(&ids).await?;
    stats.units += units;
    Ok(items)
}

impl SegmentReaders {
    fn new(sources: Vec<PayloadSource>, hits: &[(EventId, PayloadLocation)]) -> Self {
        let mut remaining = vec![0; sources.len()];
        for (_, at) in hits {
            if let PayloadLocation::InSource(source, _) = at {
                remaining[*source] += 1;
            }
        }
        Self { sources, remaining, opened: HashMap::new() }
    }

    /// Opens the sources of these events. Returns the number of bodies that were read.
    async fn open(
        &mut self,
        log: &EventLog,
        chunk: &[(EventId, PayloadLocation)],
        stats: &mut SearchStats,
    ) -> Result<usize, Error> {
        let (mut chosen, mut segments): (HashSet<usize>, Vec<(usize, u64)>) = (HashSet::new(), Vec::new());
        for (_, at) in chunk {
            let PayloadLocation::InSource(source, _) = *at else { continue };
            let is_full = self.opened.len() + segments.len() >= MAX_OPEN_SEGMENTS;
            if self.opened.contains_key(&source)
                || is_full
                || self.remaining[source] < MIN_EVENTS_TO_OPEN_SEGMENT
                || !chosen.insert(source)
            {
                continue;
            }
            match self.sources[source].clone() {
                PayloadSource::Unpacked(block) => self.add(source, Arc::clone(&block.header), &block.body)?,
                PayloadSource::Segment(entry) => segments.push((source, entry.number)),
            }
        }
        let numbers: Vec<u64> = segments.iter().map(|(_, number)| *number).collect();
        let read = futures::future::try_join(log.segments.headers(&numbers), log.segments.bodies(&numbers));
        let ((headers, units), (bodies, used)) = read.await?;
        stats.units += units + used;
        for (((source, _), header), body) in segments.into_iter().zip(headers).zip(bodies) {
            self.add(source, header, &body)?;
        }
        Ok(numbers.len())
    }

    fn add(&mut self, source: usize, header: Arc<SegmentHeader>, body: &Body) -> Result<(), Error> {
        match body.open(header)? {
            Some(opened) => drop(self.opened.insert(source, opened)),
            None => self.remaining[source] = 0,
        }
        Ok(())
    }

    /// Returns whether an event must be read from the log.
    fn must_read_from_log(&self, at: &PayloadLocation) -> bool {
        match at {
            PayloadLocation::Loaded(_) => false,
            PayloadLocation::InLog => true,
            PayloadLocation::InSource(source, row) => !self.opened.get(source).is_some_and(|opened| opened.has(*row)),
        }
    }

    /// Returns the event, unless it must be read from the log. Drops a source after its last event.
    fn take(&mut self, at: PayloadLocation) -> Result<Option<Event>, Error> {
        let (source, row) = match at {
            PayloadLocation::Loaded(event) => return Ok(Some(*event)),
            PayloadLocation::InLog => return Ok(None),
            PayloadLocation::InSource(source, row) => (source, row),
        };
        self.remaining[source] = self.remaining[source].saturating_sub(1);
        let Some(opened) = self.opened.get(&source) else { return Ok(None) };
        let event = opened.event(row)?;
        if self.remaining[source] == 0 {
            self.opened.remove(&source);
        }
        Ok(event)
    }
}

/// Returns the number of events to read next. `bytes` and `units` are pairs of used and left amounts of the `read`
/// events so far. The events of a chunk are in memory together: the first chunk is small, later ones are as large as
/// the averages so far allow.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 100")]
fn next_chunk_size(read: usize, bytes: (usize, usize), units: (f64, f64)) -> usize {
    const FIRST: f64 = 25.0;
    const MOST: f64 = 100.0;
    // Read units of the largest event.
    const UNITS: f64 = 100.0;
    let count = match read as f64 {
        0.0 => FIRST.min(units.1 / UNITS),
        read => read * (bytes.1 as f64 / bytes.0.max(1) as f64).min(units.1 / units.0.max(1.0)),
    };
    count.clamp(1.0, MOST) as usize
}
