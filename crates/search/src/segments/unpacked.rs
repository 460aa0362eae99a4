//! What is in no segment yet: read from the log and from the index of late events, and, as far as nothing can be
//! added to it any more, kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use store::{Error, EventTable, FilterExpression, PartitionQuery, PartitionScan, ScanStep};

use super::row::row_of;
use super::unpacked_block::{BlockBuilder, UnpackedBlock};
use super::watermarks::{PackWatermarks, settled_ends};

/// The read units that a search takes for what it reads as a whole, to keep it for others, where it could have what is
/// looked for alone: as much as comes in a while.
pub(crate) const MAX_UNITS_TO_CACHE: f64 = 100.0;

/// What this process has read of them.
#[derive(Debug)]
pub(crate) struct Unpacked {
    kept: Mutex<CachedBlocks>,
    /// The most memory for it, in bytes.
    most: usize,
}

/// Late events that were read.
struct Late {
    /// Those to which nothing can be added any more, and the others.
    settled: Vec<Arc<UnpackedBlock>>,
    fresh: Vec<Arc<UnpackedBlock>>,
    /// Whether those are all, and where not, the first moment of which they are not.
    complete: bool,
    moment: u64,
    units: f64,
}

impl Late {
    /// What this plan gives, until it took `enough` units, or would take more than `most`, or its time is over; before
    /// the moment `end` it is settled.
    async fn read(
        events: &EventTable,
        plan: PartitionQuery,
        end: u64,
        (enough, most): (f64, f64),
        deadline: Option<Instant>,
    ) -> Result<Self, Error> {
        let (mut settled, mut fresh) = (BlockBuilder::default(), BlockBuilder::default());
        // Of one moment all or none: what is kept ends between two.
        let (mut moment, mut rows) = (*plan.range.start(), Vec::new());
        let mut merge = PartitionScan::new(events, plan);
        let complete = loop {
            let next = merge.next_step();
            if matches!(next, ScanStep::End) || matches!(next, ScanStep::Item(at, _) if at > moment) {
                let gather = if moment < end { &mut settled } else { &mut fresh };
                rows.drain(..).try_for_each(|row| gather.add(row))?;
            }
            match next {
                ScanStep::Item(at, item) => {
                    moment = at;
                    rows.extend(row_of(events, item)?);
                }
                ScanStep::End => break true,
                ScanStep::Unread
                    if merge.units > enough.min(most) || deadline.is_some_and(|end| Instant::now() >= end) =>
                {
                    break false;
                }
                // Of every partition, where that can be paid for: else nothing would be known of any moment.
                ScanStep::Unread => merge.read(most - merge.units).await?,
            }
        };
        let (settled, fresh) = (settled.finish()?, fresh.finish()?);
        Ok(Self { settled, fresh, complete, moment, units: merge.units })
    }
}

/// What no write can change any more.
#[derive(Debug, Default)]
struct CachedBlocks {
    /// The marks that it lies behind.
    upto: u64,
    late_upto: u64,
    /// Parts of the log, in the order of ids; what is between them was not read.
    spans: Vec<Span>,
    /// The late events that were stored before the moment `late_reached`.
    late: Vec<Arc<UnpackedBlock>>,
    late_reached: u64,
}

/// Every event that came in time and has one of these ids.
#[derive(Debug)]
struct Span {
    low: u64,
    high: u64,
    loose: Vec<Arc<UnpackedBlock>>,
}

/// What of a range of ids is at hand, and which parts of it are not.
#[derive(Debug, Default)]
pub(crate) struct InTime {
    /// Events, and within which ids they are to be taken from there.
    pub(crate) loose: Vec<(u64, u64, Arc<UnpackedBlock>)>,
    pub(crate) gaps: Vec<(u64, u64)>,
}

impl Unpacked {
    /// Keeps a sixth of these bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { kept: Mutex::default(), most: bytes / 6 }
    }

    /// What is at hand of the events within these ids that came in time and are in no segment.
    pub(crate) fn in_time(&self, state: &PackWatermarks, ids: (u64, u64)) -> InTime {
        let mut found = InTime::default();
        let mut from = ids.0.max(state.upto);
        for span in &self.lock(state).spans {
            if span.high < from || span.low > ids.1 {
                continue;
            }
            if from < span.low {
                found.gaps.push((from, span.low - 1));
            }
            found.loose.extend(span.loose.iter().filter_map(|loose| {
                let (low, high) = loose.head.bounds()?;
                // What is below the span is in a segment by now.
                Some((low.max(span.low), high, Arc::clone(loose)))
            }));
            from = span.high.saturating_add(1);
        }
        if from <= ids.1 {
            found.gaps.push((from, ids.1));
        }
        found
    }

    /// Keeps what was read: every event that came in time within these ids, to which nothing can be added any more.
    pub(crate) fn keep(&self, state: &PackWatermarks, (low, high): (u64, u64), loose: &[Arc<UnpackedBlock>]) {
        let mut kept = self.lock(state);
        let known = kept.spans.iter().any(|span| span.low <= high && span.high >= low);
        if low > high || low < kept.upto || known || kept.size() + size(loose) > self.most {
            return;
        }
        let at = kept.spans.partition_point(|span| span.high < low);
        kept.spans.insert(at, Span { low, high, loose: loose.to_vec() });
        // What touches its neighbour is one with it.
        for at in [at + 1, at] {
            let joined = at > 0 && kept.spans.get(at).is_some_and(|span| span.low == kept.spans[at - 1].high + 1);
            if joined {
                let next = kept.spans.remove(at);
                kept.spans[at - 1].high = next.high;
                kept.spans[at - 1].loose.extend(next.loose);
            }
        }
    }

    /// Every late event that is in no segment, and the read units that it took; `None` where that would be more
    /// than `most`, or past the deadline. What of it cannot change is kept in either case. Where `matching` says which
    /// ones are looked for, only a part is read as a whole, to be kept; of the rest, others are left out.
    pub(crate) async fn late(
        &self,
        events: &EventTable,
        state: &PackWatermarks,
        matching: Option<&FilterExpression>,
        most: f64,
        deadline: Option<Instant>,
    ) -> Result<(Option<Vec<Arc<UnpackedBlock>>>, f64), Error> {
        let (from, mut all) = {
            let kept = self.lock(state);
            // Another request may know of more that was packed.
            let same = kept.late_upto == state.late_upto;
            if same { (kept.late_reached, kept.late.clone()) } else { (state.late_upto, Vec::new()) }
        };
        let (_, end) = settled_ends(events);
        let (mut plan, mut enough) = (PartitionQuery::late(events, from), most);
        if matching.is_some() {
            (plan.range, enough) = (from..=end.saturating_sub(1), MAX_UNITS_TO_CACHE);
        }
        let mut read = Late::read(events, plan, end, (enough, most), deadline).await?;
        self.keep_late(state, from, if read.complete { end } else { read.moment.min(end) }, &read.settled);
        all.append(&mut read.settled);
        let mut units = read.units;
        if let Some(matching) = matching {
            let from = if read.complete { end.max(from) } else { read.moment };
            let plan = PartitionQuery::late_matching(events, from, matching);
            let left = most - units;
            read = Late::read(events, plan, end, (left, left), deadline).await?;
            all.append(&mut read.settled);
            units += read.units;
        }
        all.append(&mut read.fresh);
        Ok((read.complete.then_some(all), units))
    }

    /// Keeps the late events that were stored from `from` on and before `reached`.
    fn keep_late(&self, state: &PackWatermarks, from: u64, reached: u64, loose: &[Arc<UnpackedBlock>]) {
        let mut kept = self.lock(state);
        // Another request may have come further.
        let follows = kept.late_upto == state.late_upto && kept.late_reached == from;
        if follows && reached > from && kept.size() + size(loose) <= self.most {
            kept.late.extend_from_slice(loose);
            kept.late_reached = reached;
        }
    }

    /// What is kept, without what is in segments by these marks.
    fn lock(&self, state: &PackWatermarks) -> MutexGuard<'_, CachedBlocks> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.upto < state.upto {
            kept.upto = state.upto;
            kept.spans.retain(|span| span.high >= state.upto);
            for span in &mut kept.spans {
                span.low = span.low.max(state.upto);
                span.loose.retain(|loose| loose.head.bounds().is_some_and(|(_, high)| high >= state.upto));
            }
        }
        if kept.late_upto < state.late_upto {
            (kept.late_upto, kept.late_reached, kept.late) = (state.late_upto, state.late_upto, Vec::new());
        }
        kept
    }
}

impl CachedBlocks {
    fn size(&self) -> usize {
        self.spans.iter().map(|span| size(&span.loose)).sum::<usize>() + size(&self.late)
    }
}

fn size(loose: &[Arc<UnpackedBlock>]) -> usize {
    loose.iter().map(|loose| loose.size()).sum()
}
