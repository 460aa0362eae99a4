//! Walking through every part of the log that may contain matches, in the order of ids: the segments, and the events
//! that are not packed yet.

use std::collections::HashMap;
use std::sync::Arc;

use events::EventId;
use model::SearchFilter;
use store::{Error, PartitionQuery, PartitionScan, ScanStep};
use tokio::time::Instant;

use crate::event_log::EventLog;
use crate::found::{PayloadSource, units_of};
use crate::request::SearchStats;
use crate::search_plan::SegmentPlan;
use crate::segments::body::Body;
use crate::segments::header::SegmentHeader;
use crate::segments::row::row_of;
use crate::segments::segment_range::SegmentRange;
use crate::segments::unpacked::MAX_UNITS_TO_CACHE;
use crate::segments::unpacked_block::{BlockBuilder, UnpackedBlock};
use crate::segments::watermarks::PackWatermarks;

/// Number of segments searched in one step: few at first, because common events are found in the first segments.
const FIRST_SEGMENTS_PER_STEP: usize = 4;
const MAX_SEGMENTS_PER_STEP: usize = 64;

/// An id range that has not been searched yet.
struct IdRange<'a> {
    low: u64,
    high: u64,
    source: RangeSource<'a>,
}

/// The source of an id range's events.
enum RangeSource<'a> {
    Segment(SegmentRange),
    /// Events that are not in a segment and have been read.
    Unpacked(Arc<UnpackedBlock>),
    /// A scan of the log, and the id below which its events are complete and may be cached: every event in time, with
    /// no writes still in progress. 0 if they may not be cached.
    Log(Box<PartitionScan<'a>>, u64),
}

/// The matching rows of one id range.
pub(crate) struct Selected {
    pub(crate) header: Arc<SegmentHeader>,
    pub(crate) rows: Vec<usize>,
    pub(crate) source: PayloadSource,
}

/// A walk through every part of the log that may contain matches.
pub(crate) struct SegmentWalker<'a> {
    log: &'a EventLog,
    filter: &'a SearchFilter,
    /// Read units consumed for unfiltered reads, whose events are cached.
    unfiltered_units: f64,
    plan: &'a SegmentPlan,
    watermarks: PackWatermarks,
    now: i64,
    /// True if the log is scanned because there were too many late events to read.
    pub(crate) is_log_scan: bool,
    /// Remaining ranges in the order of the walk; the next one is the last element.
    parts: Vec<IdRange<'a>>,
    segments_per_step: usize,
    pub(crate) stats: &'a mut SearchStats,
}

impl<'a> SegmentWalker<'a> {
    /// Reads the watermarks and lists the ranges to walk through.
    pub(crate) async fn open(
        log: &'a EventLog,
        filter: &'a SearchFilter,
        plan: &'a SegmentPlan,
        stats: &'a mut SearchStats,
    ) -> Result<SegmentWalker<'a>, Error> {
        let (watermarks, units) = log.segments.watermarks().await?;
        stats.units += units;
        let mut walker = SegmentWalker {
            log,
            filter,
            unfiltered_units: 0.0,
            plan,
            watermarks,
            now: log.events.retention().now().as_second(),
            is_log_scan: false,
            parts: Vec::new(),
            segments_per_step: FIRST_SEGMENTS_PER_STEP,
            stats,
        };
        if plan.ids.0 <= plan.ids.1 {
            walker.add_ranges().await?;
        }
        walker.stats.segments =
            walker.parts.iter().filter(|part| matches!(part.source, RangeSource::Segment(_))).count();
        walker.sort();
        Ok(walker)
    }

    async fn add_ranges(&mut self) -> Result<(), Error> {
        let (log, ids) = (self.log, self.plan.ids);
        // A late event may have any id, so all of them must be read.
        let most = ((self.plan.max_units - self.stats.units) / 2.0).min(self.plan.max_late_units);
        let (matching, deadline) = (self.plan.matching.as_ref(), self.plan.deadline);
        let late = log.segments.unpacked().read_late(&log.events, &self.watermarks, matching, most, deadline);
        let entries = log.segments.ranges(self.watermarks.segment_count);
        let ((entries, units), (late, used)) = futures::future::try_join(entries, late).await?;
        self.stats.units += units + used;
        let Some(late) = late else {
            // There are too many unpacked late events, so the log is scanned: a page is then found in pieces.
            self.is_log_scan = true;
            self.add_log(
                ids,
                PartitionQuery::matching(&log.events, ids, self.plan.ascending, self.plan.matching.as_ref()),
                0,
            );
            return Ok(());
        };
        for entry in entries {
            self.add(entry.low, entry.high, RangeSource::Segment(entry));
        }
        for block in late {
            self.add_block(block);
        }
        let in_time = log.segments.unpacked().cached_in_time(&self.watermarks, ids);
        for (low, high, block) in in_time.blocks {
            self.add(low, high, RangeSource::Unpacked(block));
        }
        let end = self.watermarks.settled_before;
        for gap in in_time.gaps {
            match self.plan.subject_index.clone() {
                Some(query) => self.add_log(gap, PartitionQuery { range: gap.0..=gap.1, ..query }, 0),
                None => self.add_in_time(gap, end),
            }
        }
        Ok(())
    }

    /// Adds the events in time within these ids. Events that can be cached are read unfiltered up to
    /// [`MAX_UNITS_TO_CACHE`]; of the others, only the matching ones are read.
    fn add_in_time(&mut self, (low, high): (u64, u64), end: u64) {
        let (log, ascending) = (self.log, self.plan.ascending);
        let matching = self.plan.matching.as_ref();
        let first = match matching {
            None => high + 1,
            Some(_) if self.unfiltered_units >= MAX_UNITS_TO_CACHE => low,
            Some(_) => end.clamp(low, high + 1),
        };
        if first > low {
            let ids = (low, first - 1);
            self.add_log(ids, PartitionQuery::in_time(&log.events, ids, ascending, None), end);
        }
        let rest = (first, high);
        self.add_log(rest, PartitionQuery::in_time(&log.events, rest, ascending, matching), 0);
    }

    /// Adds the part of a range that is within the walk's ids.
    fn add(&mut self, low: u64, high: u64, source: RangeSource<'a>) {
        let (low, high) = (low.max(self.plan.ids.0), high.min(self.plan.ids.1));
        if low <= high {
            self.parts.push(IdRange { low, high, source });
        }
    }

    fn add_block(&mut self, block: Arc<UnpackedBlock>) {
        if let Some((low, high)) = block.header.bounds() {
            self.add(low, high, RangeSource::Unpacked(block));
        }
    }

    fn add_log(&mut self, ids: (u64, u64), query: PartitionQuery, end: u64) {
        self.add(ids.0, ids.1, RangeSource::Log(Box::new(PartitionScan::new(&self.log.events, query)), end));
    }

    fn sort(&mut self) {
        let SegmentPlan { first, ascending, .. } = *self.plan;
        let order = |part: &IdRange<'_>| if ascending { u64::MAX - part.low } else { part.high };
        self.parts.sort_by_key(|part| (part.low <= first.1 && part.high >= first.0, order(part)));
    }

    /// Returns the next id to search in the part that comes first; `None` if all of that part has been searched.
    pub(crate) fn next_id(&self) -> Option<u64> {
        let SegmentPlan { first, ascending, .. } = *self.plan;
        let part = self.parts.last().filter(|part| part.low <= first.1 && part.high >= first.0)?;
        Some(if ascending { part.low.max(first.0) } else { part.high.min(first.1) })
    }

    /// Returns whether everything has been searched.
    pub(crate) fn is_at_end(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns whether the time or the read units are used up.
    pub(crate) fn is_over(&self) -> bool {
        self.stats.units >= self.plan.max_units || self.plan.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Searches the next ranges, or reads the next part of the log.
    pub(crate) async fn step(&mut self) -> Result<Vec<Selected>, Error> {
        let parts = match self.parts.pop() {
            None => return Ok(Vec::new()),
            Some(IdRange { low, high, source: RangeSource::Log(scan, end) }) => {
                self.read_log((low, high), scan, end).await?;
                self.sort();
                return Ok(Vec::new());
            }
            Some(part) => self.take_step(part),
        };
        let mut headers = self.read_headers(&parts).await?;
        let mut all = Vec::with_capacity(parts.len());
        let mut parts = parts.into_iter();
        for part in parts.by_ref() {
            let known = match &part.source {
                RangeSource::Unpacked(block) => {
                    let (header, body) = (Arc::clone(&block.header), Arc::clone(&block.body));
                    Some((PayloadSource::Unpacked(Arc::clone(block)), header, Some(body)))
                }
                RangeSource::Segment(entry) => {
                    let known = headers.remove(&entry.number);
                    known.map(|(header, body)| (PayloadSource::Segment(*entry), header, body))
                }
                RangeSource::Log(..) => None,
            };
            match known {
                // At least one range is searched, so that the walk makes progress.
                Some((source, header, body)) if all.is_empty() || !self.is_over() => {
                    let rows = self.matching_rows(part, &header, body).await?;
                    all.push(Selected { header, rows, source });
                }
                _ => {
                    self.parts.push(part);
                    break;
                }
            }
        }
        self.parts.extend(parts);
        self.sort();
        Ok(all)
    }

    /// Takes the ranges to search together with the first one, as long as the budget covers their headers.
    fn take_step(&mut self, first: IdRange<'a>) -> Vec<IdRange<'a>> {
        let (mut units, mut parts) = (self.stats.units, vec![first]);
        while parts.len() < self.segments_per_step {
            units += match self.parts.last().map(|part| &part.source) {
                Some(RangeSource::Segment(entry)) => units_of(entry.header_bytes),
                Some(RangeSource::Unpacked(_)) => 0.0,
                Some(RangeSource::Log(..)) | None => break,
            };
            if units > self.plan.max_units {
                break;
            }
            parts.extend(self.parts.pop());
        }
        self.segments_per_step = (self.segments_per_step * 2).min(MAX_SEGMENTS_PER_STEP);
        parts
    }

    /// Reads the headers of the segments among these ranges, and the bodies that must be searched for text: as many as
    /// the budget covers, and at least one.
    async fn read_headers(
        &mut self,
        parts: &[IdRange<'a>],
    ) -> Result<HashMap<u64, (Arc<SegmentHeader>, Option<Arc<Body>>)>, Error> {
        let segments: Vec<(&IdRange<'a>, &SegmentRange)> = parts
            .iter()
            .filter_map(|part| match &part.source {
                RangeSource::Segment(entry) => Some((part, entry)),
                _ => None,
            })
            .collect();
        let numbers: Vec<u64> = segments.iter().map(|(_, entry)| entry.number).collect();
        let (headers, used) = self.log.segments.headers(&numbers).await?;
        self.stats.units += used;
        let (mut found, mut unread) = (HashMap::with_capacity(headers.len()), Vec::new());
        let mut units = self.stats.units;
        for ((part, entry), header) in segments.into_iter().zip(headers) {
            let text = self.filter.text.as_ref().filter(|text| {
                let rows = header.select(self.filter, (part.low, part.high), self.now);
                !rows.is_empty() && header.may_contain(&rows, text)
            });
            // No event can match, or the filter needs only the header.
            if text.is_none() {
                found.insert(entry.number, (header, None));
                continue;
            }
            units += units_of(entry.body_bytes);
            if units > self.plan.max_units && !unread.is_empty() {
                break;
            }
            unread.push((entry.number, header));
        }
        let numbers: Vec<u64> = unread.iter().map(|(number, _)| *number).collect();
        let (bodies, used) = self.log.segments.bodies(&numbers).await?;
        self.stats.units += used;
        self.stats.texts += bodies.len();
        found.extend(unread.into_iter().zip(bodies).map(|((number, header), body)| (number, (header, Some(body)))));
        Ok(found)
    }

    /// Returns the matching rows of a range. A part for which the budget does not suffice stays in the walk.
    async fn matching_rows(
        &mut self,
        part: IdRange<'a>,
        header: &SegmentHeader,
        body: Option<Arc<Body>>,
    ) -> Result<Vec<usize>, Error> {
        let rows = header.select(self.filter, (part.low, part.high), self.now);
        if matches!(part.source, RangeSource::Unpacked(_)) {
            self.stats.unpacked += rows.len();
        }
        let Some(query) = &self.filter.text else { return Ok(rows) };
        let Some(body) = body.filter(|_| !rows.is_empty()) else { return Ok(Vec::new()) };
        let (mut found, mut unsure) = header.find(&rows, query, &body.text()?);
        if !self.plan.ascending {
            unsure.reverse();
        }
        // Large payloads are not in the body. They are read one at a time.
        for (count, row) in unsure.into_iter().enumerate() {
            let id = header.hit(row).id;
            if count > 0 && self.is_over() {
                let rest = if self.plan.ascending { IdRange { low: id, ..part } } else { IdRange { high: id, ..part } };
                found.retain(|row| !(rest.low..=rest.high).contains(&header.hit(*row).id));
                self.parts.push(rest);
                break;
            }
            let ids: Vec<EventId> = EventId::from_u64(id).into_iter().collect();
            let (events, units) = self.log.events.get_many_with_units(&ids).await?;
            self.stats.units += units;
            if events.iter().any(|event| query.matches(event)) {
                found.push(row);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Reads a part of the log. It becomes blocks that can be searched; the rest stays in the walk.
    async fn read_log(
        &mut self,
        (low, high): (u64, u64),
        mut scan: Box<PartitionScan<'a>>,
        end: u64,
    ) -> Result<(), Error> {
        let before = scan.units;
        scan.read(self.plan.max_units - self.stats.units).await?;
        self.stats.units += scan.units - before;
        self.unfiltered_units += if end > 0 { scan.units - before } else { 0.0 };
        let (mut settled, mut rows, mut ids) = (BlockBuilder::default(), BlockBuilder::default(), Vec::new());
        while let ScanStep::Item(id, item) = scan.next_step() {
            if item.contains_key("payload") {
                let rows = if id < end { &mut settled } else { &mut rows };
                row_of(&self.log.events, item)?.map(|row| rows.add(row)).transpose()?;
            } else {
                ids.push(self.log.events.id_of(&item)?);
            }
        }
        if !ids.is_empty() {
            let (items, units) = self.log.events.get_items(&ids).await?;
            self.stats.units += units;
            // The index also contains late events, which are searched separately.
            for item in items.into_iter().filter(|item| !item.contains_key("w")) {
                row_of(&self.log.events, item)?.map(|row| rows.add(row)).transpose()?;
            }
        }
        let settled = settled.finish()?;
        let (read, rest) = match scan.next_key() {
            None => (Some((low, high)), None),
            Some(next) if self.plan.ascending => (next.checked_sub(1).map(|last| (low, last)), Some((next, high))),
            Some(next) => (next.checked_add(1).map(|last| (last, high)), Some((low, next))),
        };
        if let Some((low, high)) = read {
            self.log.segments.unpacked().insert(&self.watermarks, (low, high.min(end.saturating_sub(1))), &settled);
        }
        for block in settled.into_iter().chain(rows.finish()?) {
            self.add_block(block);
        }
        match rest {
            Some(rest) if end > 0 && self.plan.matching.is_some() && self.unfiltered_units >= MAX_UNITS_TO_CACHE => {
                self.add_in_time(rest, end);
            }
            Some((low, high)) => self.add(low, high, RangeSource::Log(scan, end)),
            None => {}
        }
        Ok(())
    }
}
