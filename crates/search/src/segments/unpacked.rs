//! Events that are not in a segment yet. They are read from the log and from the index of late events, and cached once
//! no write can add to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{Error, EventTable, FilterExpression, PartitionQuery, PartitionScan, ScanStep};
use tokio::time::Instant;

use super::row::row_of;
use super::unpacked_block::{BlockBuilder, UnpackedBlock};
use super::watermarks::PackWatermarks;

/// Maximum read units of a search for reading events unfiltered, so that they can be cached for other searches, if it
/// could read only the matching ones.
pub(crate) const MAX_UNITS_TO_CACHE: f64 = 100.0;

/// The process's cache of unpacked events.
#[derive(Debug)]
pub(crate) struct Unpacked {
    cached: Mutex<CachedBlocks>,
    /// Maximum memory in bytes.
    max_bytes: usize,
}

/// Late events that were read from their index.
struct LateEvents {
    /// Settled blocks, to which no write can add, and the other blocks.
    settled: Vec<Arc<UnpackedBlock>>,
    unsettled: Vec<Arc<UnpackedBlock>>,
    /// True if all late events were read.
    complete: bool,
    /// The first millisecond whose events are incomplete, unless all were read.
    stored_ms: u64,
    units: f64,
}

impl LateEvents {
    /// Reads the events of a query until more than `stop_after` of at most `max_units` read units are consumed or the
    /// deadline passes. Events stored before the millisecond `end` are settled.
    async fn read(
        events: &EventTable,
        query: PartitionQuery,
        end: u64,
        (stop_after, max_units): (f64, f64),
        deadline: Option<Instant>,
    ) -> Result<Self, Error> {
        let (mut settled, mut unsettled) = (BlockBuilder::default(), BlockBuilder::default());
        // The events of one millisecond are added together, because the cache ends between two milliseconds.
        let (mut stored_ms, mut rows) = (*query.range.start(), Vec::new());
        let mut scan = PartitionScan::new(events, query);
        let complete = loop {
            let next = scan.next_step();
            if matches!(next, ScanStep::End) || matches!(next, ScanStep::Item(at, _) if at > stored_ms) {
                let builder = if stored_ms < end { &mut settled } else { &mut unsettled };
                rows.drain(..).try_for_each(|row| builder.add(row))?;
            }
            match next {
                ScanStep::Item(at, item) => {
                    stored_ms = at;
                    rows.extend(row_of(events, item)?);
                }
                ScanStep::End => break true,
                ScanStep::Unread
                    if scan.units > stop_after.min(max_units) || deadline.is_some_and(|end| Instant::now() >= end) =>
                {
                    break false;
                }
                // Every partition is read if the budget allows: otherwise no millisecond would be complete.
                ScanStep::Unread => scan.read(max_units - scan.units).await?,
            }
        };
        let (settled, unsettled) = (settled.finish()?, unsettled.finish()?);
        Ok(Self { settled, unsettled, complete, stored_ms, units: scan.units })
    }
}

/// Cached blocks, to which no write can add.
#[derive(Debug, Default)]
struct CachedBlocks {
    /// The watermarks that all cached events are above.
    packed_before: u64,
    late_packed_before: u64,
    /// Parts of the log in the order of ids. The ids between them have not been read.
    ranges: Vec<CachedRange>,
    /// The late events that were stored before the millisecond `late_reached`.
    late: Vec<Arc<UnpackedBlock>>,
    late_reached: u64,
}

/// All events in time of an id range.
#[derive(Debug)]
struct CachedRange {
    low: u64,
    high: u64,
    blocks: Vec<Arc<UnpackedBlock>>,
}

/// The cached and the missing parts of an id range.
#[derive(Debug, Default)]
pub(crate) struct InTimeEvents {
    /// Cached blocks, each with the id range to use of it.
    pub(crate) blocks: Vec<(u64, u64, Arc<UnpackedBlock>)>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Unpacked {
    /// Creates a cache of at most a sixth of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { cached: Mutex::default(), max_bytes: bytes / 6 }
    }

    /// Returns the cached events in time within these ids that are not in a segment.
    pub(crate) fn cached_in_time(&self, watermarks: &PackWatermarks, ids: (u64, u64)) -> InTimeEvents {
        let mut found = InTimeEvents::default();
        let mut from = ids.0.max(watermarks.packed_before);
        for range in &self.lock_cache(watermarks).ranges {
            if range.high < from || range.low > ids.1 {
                continue;
            }
            if from < range.low {
                found.gaps.push((from, range.low - 1));
            }
            found.blocks.extend(range.blocks.iter().filter_map(|block| {
                let (low, high) = block.header.bounds()?;
                // Events below the range have been packed since.
                Some((low.max(range.low), high, Arc::clone(block)))
            }));
            from = range.high.saturating_add(1);
        }
        if from <= ids.1 {
            found.gaps.push((from, ids.1));
        }
        found
    }

    /// Caches all events in time within these ids, which must be settled.
    pub(crate) fn insert(&self, watermarks: &PackWatermarks, (low, high): (u64, u64), blocks: &[Arc<UnpackedBlock>]) {
        let mut cached = self.lock_cache(watermarks);
        let known = cached.ranges.iter().any(|range| range.low <= high && range.high >= low);
        if low > high || low < cached.packed_before || known || cached.size() + size(blocks) > self.max_bytes {
            return;
        }
        let at = cached.ranges.partition_point(|range| range.high < low);
        cached.ranges.insert(at, CachedRange { low, high, blocks: blocks.to_vec() });
        // Adjacent ranges are merged.
        for at in [at + 1, at] {
            let joined =
                at > 0 && cached.ranges.get(at).is_some_and(|range| range.low == cached.ranges[at - 1].high + 1);
            if joined {
                let next = cached.ranges.remove(at);
                cached.ranges[at - 1].high = next.high;
                cached.ranges[at - 1].blocks.extend(next.blocks);
            }
        }
    }

    /// Returns the late events that are not in a segment, and the consumed read units. Returns `None` instead of the
    /// events if they would take more than `max_units` units or the deadline passes. Settled events are cached in either
    /// case. With `matching`, only a part is read unfiltered and cached; of the rest, only matching events are read.
    pub(crate) async fn read_late(
        &self,
        events: &EventTable,
        watermarks: &PackWatermarks,
        matching: Option<&FilterExpression>,
        max_units: f64,
        deadline: Option<Instant>,
    ) -> Result<(Option<Vec<Arc<UnpackedBlock>>>, f64), Error> {
        let (from, mut all) = {
            let cached = self.lock_cache(watermarks);
            // Another request may have seen later watermarks.
            let same = cached.late_packed_before == watermarks.late_packed_before;
            if same { (cached.late_reached, cached.late.clone()) } else { (watermarks.late_packed_before, Vec::new()) }
        };
        let end = watermarks.late_settled_before;
        let (mut query, mut stop_after) = (PartitionQuery::late(events, from), max_units);
        if matching.is_some() {
            (query.range, stop_after) = (from..=end.saturating_sub(1), MAX_UNITS_TO_CACHE);
        }
        let mut read = LateEvents::read(events, query, end, (stop_after, max_units), deadline).await?;
        self.insert_late(watermarks, from, if read.complete { end } else { read.stored_ms.min(end) }, &read.settled);
        all.append(&mut read.settled);
        let mut units = read.units;
        if let Some(matching) = matching {
            let from = if read.complete { end.max(from) } else { read.stored_ms };
            let query = PartitionQuery::late_matching(events, from, matching);
            let left = max_units - units;
            read = LateEvents::read(events, query, end, (left, left), deadline).await?;
            all.append(&mut read.settled);
            units += read.units;
        }
        all.append(&mut read.unsettled);
        Ok((read.complete.then_some(all), units))
    }

    /// Caches the late events that were stored from `from` on and before `reached`.
    fn insert_late(&self, watermarks: &PackWatermarks, from: u64, reached: u64, blocks: &[Arc<UnpackedBlock>]) {
        let mut cached = self.lock_cache(watermarks);
        // Another request may have read further.
        let follows = cached.late_packed_before == watermarks.late_packed_before && cached.late_reached == from;
        if follows && reached > from && cached.size() + size(blocks) <= self.max_bytes {
            cached.late.extend_from_slice(blocks);
            cached.late_reached = reached;
        }
    }

    /// Locks the cache and removes the events below these watermarks, which are in segments.
    fn lock_cache(&self, watermarks: &PackWatermarks) -> MutexGuard<'_, CachedBlocks> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.packed_before < watermarks.packed_before {
            cached.packed_before = watermarks.packed_before;
            cached.ranges.retain(|range| range.high >= watermarks.packed_before);
            for range in &mut cached.ranges {
                range.low = range.low.max(watermarks.packed_before);
                range
                    .blocks
                    .retain(|block| block.header.bounds().is_some_and(|(_, high)| high >= watermarks.packed_before));
            }
        }
        if cached.late_packed_before < watermarks.late_packed_before {
            (cached.late_packed_before, cached.late_reached, cached.late) =
                (watermarks.late_packed_before, watermarks.late_packed_before, Vec::new());
        }
        cached
    }
}

impl CachedBlocks {
    fn size(&self) -> usize {
        self.ranges.iter().map(|range| size(&range.blocks)).sum::<usize>() + size(&self.late)
    }
}

fn size(blocks: &[Arc<UnpackedBlock>]) -> usize {
    blocks.iter().map(|block| block.size()).sum()
}
