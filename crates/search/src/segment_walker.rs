//! The way through every part of the log that may have something, in the order of ids: segments, and what is in
//! none yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use events::EventId;
use model::SearchFilter;
use store::{Error, FilterExpression, PartitionQuery, PartitionScan, ScanStep};

use crate::event_log::EventLog;
use crate::found::{PayloadSource, units_of};
use crate::index_search::of_few;
use crate::request::SearchStats;
use crate::segments::body::Body;
use crate::segments::header::SegmentHeader;
use crate::segments::row::row_of;
use crate::segments::segment_range::SegmentRange;
use crate::segments::unpacked::MAX_UNITS_TO_CACHE;
use crate::segments::unpacked_block::{BlockBuilder, UnpackedBlock};
use crate::segments::watermarks::{PackWatermarks, settled_ends};

/// How many segments are looked at together: few at first, for what is common is found at once.
const FIRST_SEGMENTS_PER_STEP: usize = 4;
const MAX_SEGMENTS_PER_STEP: usize = 64;

/// A part of the log, of which the events with these ids were not looked at.
struct IdRange<'a> {
    low: u64,
    high: u64,
    lies: RangeSource<'a>,
}

/// Where a part lies.
enum RangeSource<'a> {
    Segment(SegmentRange),
    /// Events that are in no segment, and were read.
    Unpacked(Arc<UnpackedBlock>),
    /// In the log itself; and up to which id it is every event there that came in time, with nothing to be added any
    /// more.
    Log(Box<PartitionScan<'a>>, u64),
}

/// The rows of one part that match.
pub(crate) struct Selected {
    pub(crate) head: Arc<SegmentHeader>,
    pub(crate) rows: Vec<usize>,
    pub(crate) pack: PayloadSource,
}

/// What to walk through, and what that may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanBudget {
    /// The ids to look at.
    pub(crate) ids: (u64, u64),
    /// Those of them that come first.
    pub(crate) first: (u64, u64),
    pub(crate) ascending: bool,
    pub(crate) deadline: Option<Instant>,
    /// The read units after which it is over.
    pub(crate) units: f64,
    /// The most of them for what came late and is in no segment.
    pub(crate) late: f64,
}

/// A walk.
pub(crate) struct SegmentWalker<'a> {
    log: &'a EventLog,
    filter: &'a SearchFilter,
    /// What tells DynamoDB which events to leave out; `None` where it cannot, or would leave out none.
    matching: Option<FilterExpression>,
    /// The read units that were taken for what is read as a whole all the same, to be kept.
    whole: f64,
    route: ScanBudget,
    state: PackWatermarks,
    now: i64,
    /// Whether the log is read as it is, for there was more late than could be read.
    pub(crate) is_plain: bool,
    /// In the order of the walk, the next one last.
    parts: Vec<IdRange<'a>>,
    together: usize,
    pub(crate) stats: &'a mut SearchStats,
}

impl<'a> SegmentWalker<'a> {
    /// Reads what there is to walk through.
    pub(crate) async fn open(
        log: &'a EventLog,
        filter: &'a SearchFilter,
        route: ScanBudget,
        stats: &'a mut SearchStats,
    ) -> Result<SegmentWalker<'a>, Error> {
        let (state, units) = log.segments.state().await?;
        stats.units += units;
        let now = log.events.retention().now();
        let matching = FilterExpression::exact(filter, now).filter(|_| filter.is_selective());
        let (now, parts) = (now.as_second(), Vec::new());
        let is_plain = false;
        let mut walk = SegmentWalker {
            log,
            filter,
            matching,
            whole: 0.0,
            route,
            state,
            now,
            is_plain,
            parts,
            together: FIRST_SEGMENTS_PER_STEP,
            stats,
        };
        if route.ids.0 <= route.ids.1 {
            walk.plan().await?;
        }
        walk.stats.segments = walk.parts.iter().filter(|part| matches!(part.lies, RangeSource::Segment(_))).count();
        walk.sort();
        Ok(walk)
    }

    async fn plan(&mut self) -> Result<(), Error> {
        let (log, ids) = (self.log, self.route.ids);
        // What came late may have any id, so all of it must be known.
        let most = ((self.route.units - self.stats.units) / 2.0).min(self.route.late);
        let (matching, deadline) = (self.matching.as_ref(), self.route.deadline);
        let late = log.segments.unpacked().late(&log.events, &self.state, matching, most, deadline);
        let entries = log.segments.entries(self.state.next);
        let ((entries, units), (late, used)) = futures::future::try_join(entries, late).await?;
        self.stats.units += units + used;
        let Some(late) = late else {
            // So much of it waits to be packed that the log is read as it is: a page is then found in pieces.
            self.is_plain = true;
            self.add_log(
                ids,
                PartitionQuery::matching(&log.events, ids, self.route.ascending, self.matching.as_ref()),
                0,
            );
            return Ok(());
        };
        for entry in entries {
            self.add(entry.low, entry.high, RangeSource::Segment(entry));
        }
        for loose in late {
            self.add_loose(loose);
        }
        let in_time = log.segments.unpacked().in_time(&self.state, ids);
        for (low, high, loose) in in_time.loose {
            self.add(low, high, RangeSource::Unpacked(loose));
        }
        let (end, _) = settled_ends(&log.events);
        for gap in in_time.gaps {
            match of_few(&log.events, self.filter, gap, self.route.ascending) {
                Some(plan) => self.add_log(gap, plan, 0),
                None => self.add_in_time(gap, end),
            }
        }
        Ok(())
    }

    /// Adds what came in time within these ids. What can be kept is read as a whole, as long as that is little; of the
    /// rest, what matches.
    fn add_in_time(&mut self, (low, high): (u64, u64), end: u64) {
        let (log, ascending) = (self.log, self.route.ascending);
        let matching = self.matching.clone();
        let first = match matching {
            None => high + 1,
            Some(_) if self.whole >= MAX_UNITS_TO_CACHE => low,
            Some(_) => end.clamp(low, high + 1),
        };
        if first > low {
            let ids = (low, first - 1);
            self.add_log(ids, PartitionQuery::in_time(&log.events, ids, ascending, None), end);
        }
        let rest = (first, high);
        self.add_log(rest, PartitionQuery::in_time(&log.events, rest, ascending, matching.as_ref()), 0);
    }

    /// Adds what the walk leads through of a part.
    fn add(&mut self, low: u64, high: u64, lies: RangeSource<'a>) {
        let (low, high) = (low.max(self.route.ids.0), high.min(self.route.ids.1));
        if low <= high {
            self.parts.push(IdRange { low, high, lies });
        }
    }

    fn add_loose(&mut self, loose: Arc<UnpackedBlock>) {
        if let Some((low, high)) = loose.head.bounds() {
            self.add(low, high, RangeSource::Unpacked(loose));
        }
    }

    fn add_log(&mut self, ids: (u64, u64), plan: PartitionQuery, end: u64) {
        self.add(ids.0, ids.1, RangeSource::Log(Box::new(PartitionScan::new(&self.log.events, plan)), end));
    }

    fn sort(&mut self) {
        let ScanBudget { first, ascending, .. } = self.route;
        let place = |part: &IdRange<'_>| if ascending { u64::MAX - part.low } else { part.high };
        self.parts.sort_by_key(|part| (part.low <= first.1 && part.high >= first.0, place(part)));
    }

    /// The first id, in the order of the walk, of what comes first and was not looked at; `None` where all of that
    /// was.
    pub(crate) fn bound(&self) -> Option<u64> {
        let ScanBudget { first, ascending, .. } = self.route;
        let part = self.parts.last().filter(|part| part.low <= first.1 && part.high >= first.0)?;
        Some(if ascending { part.low.max(first.0) } else { part.high.min(first.1) })
    }

    /// Whether everything was looked at.
    pub(crate) fn is_at_end(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the time or the read units are used up.
    pub(crate) fn is_over(&self) -> bool {
        self.stats.units >= self.route.units || self.route.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Looks at what comes next.
    pub(crate) async fn step(&mut self) -> Result<Vec<Selected>, Error> {
        let parts = match self.parts.pop() {
            None => return Ok(Vec::new()),
            Some(IdRange { low, high, lies: RangeSource::Log(merge, end) }) => {
                self.read((low, high), merge, end).await?;
                self.sort();
                return Ok(Vec::new());
            }
            Some(part) => self.take(part),
        };
        let mut heads = self.heads(&parts).await?;
        let mut all = Vec::with_capacity(parts.len());
        let mut parts = parts.into_iter();
        for part in parts.by_ref() {
            let known = match &part.lies {
                RangeSource::Unpacked(loose) => {
                    let (head, body) = (Arc::clone(&loose.head), Arc::clone(&loose.body));
                    Some((PayloadSource::Unpacked(Arc::clone(loose)), head, Some(body)))
                }
                RangeSource::Segment(entry) => {
                    let known = heads.remove(&entry.number);
                    known.map(|(head, body)| (PayloadSource::Segment(*entry), head, body))
                }
                RangeSource::Log(..) => None,
            };
            match known {
                // One at least, so that the walk comes further.
                Some((pack, head, body)) if all.is_empty() || !self.is_over() => {
                    let rows = self.look(part, &head, body).await?;
                    all.push(Selected { head, rows, pack });
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

    /// What is looked at together with this part: what comes next, as long as its heads can be paid for.
    fn take(&mut self, first: IdRange<'a>) -> Vec<IdRange<'a>> {
        let (mut units, mut parts) = (self.stats.units, vec![first]);
        while parts.len() < self.together {
            units += match self.parts.last().map(|part| &part.lies) {
                Some(RangeSource::Segment(entry)) => units_of(entry.head),
                Some(RangeSource::Unpacked(_)) => 0.0,
                Some(RangeSource::Log(..)) | None => break,
            };
            if units > self.route.units {
                break;
            }
            parts.extend(self.parts.pop());
        }
        self.together = (self.together * 2).min(MAX_SEGMENTS_PER_STEP);
        parts
    }

    /// The heads of the segments among these parts, with their texts where those must be read; as many as can be paid
    /// for, one at least.
    async fn heads(
        &mut self,
        parts: &[IdRange<'a>],
    ) -> Result<HashMap<u64, (Arc<SegmentHeader>, Option<Arc<Body>>)>, Error> {
        let segments: Vec<(&IdRange<'a>, &SegmentRange)> = parts
            .iter()
            .filter_map(|part| match &part.lies {
                RangeSource::Segment(entry) => Some((part, entry)),
                _ => None,
            })
            .collect();
        let numbers: Vec<u64> = segments.iter().map(|(_, entry)| entry.number).collect();
        let (heads, used) = self.log.segments.heads(&numbers).await?;
        self.stats.units += used;
        let (mut found, mut unread) = (HashMap::with_capacity(heads.len()), Vec::new());
        let mut units = self.stats.units;
        for ((part, entry), head) in segments.into_iter().zip(heads) {
            let text = self.filter.text.as_ref().filter(|text| {
                let rows = head.select(self.filter, (part.low, part.high), self.now);
                !rows.is_empty() && head.may_have(&rows, text)
            });
            // Nothing of the segment matches, or all that does by its fields.
            if text.is_none() {
                found.insert(entry.number, (head, None));
                continue;
            }
            units += units_of(entry.body);
            if units > self.route.units && !unread.is_empty() {
                break;
            }
            unread.push((entry.number, head));
        }
        let numbers: Vec<u64> = unread.iter().map(|(number, _)| *number).collect();
        let (bodies, used) = self.log.segments.bodies(&numbers).await?;
        self.stats.units += used;
        self.stats.texts += bodies.len();
        found.extend(unread.into_iter().zip(bodies).map(|((number, head), body)| (number, (head, Some(body)))));
        Ok(found)
    }

    /// The rows of a part that match. What there is no time for is left for later.
    async fn look(
        &mut self,
        part: IdRange<'a>,
        head: &SegmentHeader,
        body: Option<Arc<Body>>,
    ) -> Result<Vec<usize>, Error> {
        let rows = head.select(self.filter, (part.low, part.high), self.now);
        if matches!(part.lies, RangeSource::Unpacked(_)) {
            self.stats.unpacked += rows.len();
        }
        let Some(wanted) = &self.filter.text else { return Ok(rows) };
        let Some(body) = body.filter(|_| !rows.is_empty()) else { return Ok(Vec::new()) };
        let (mut found, mut unsure) = head.find(&rows, wanted, &body.text()?);
        if !self.route.ascending {
            unsure.reverse();
        }
        // Large payloads are not in the text: they are read for themselves, one at a time.
        for (count, row) in unsure.into_iter().enumerate() {
            let id = head.hit(row).id;
            if count > 0 && self.is_over() {
                let rest =
                    if self.route.ascending { IdRange { low: id, ..part } } else { IdRange { high: id, ..part } };
                found.retain(|row| !(rest.low..=rest.high).contains(&head.hit(*row).id));
                self.parts.push(rest);
                break;
            }
            let ids: Vec<EventId> = EventId::from_u64(id).into_iter().collect();
            let (events, units) = self.log.events.get_many_with_units(&ids).await?;
            self.stats.units += units;
            if events.iter().any(|event| wanted.matches(&String::from_utf8_lossy(&event.payload))) {
                found.push(row);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Reads some of the log: it becomes a part that can be looked at, and what is left of it.
    async fn read(
        &mut self,
        (low, high): (u64, u64),
        mut merge: Box<PartitionScan<'a>>,
        end: u64,
    ) -> Result<(), Error> {
        let before = merge.units;
        merge.read(self.route.units - self.stats.units).await?;
        self.stats.units += merge.units - before;
        self.whole += if end > 0 { merge.units - before } else { 0.0 };
        let (mut settled, mut rows, mut ids) = (BlockBuilder::default(), BlockBuilder::default(), Vec::new());
        while let ScanStep::Item(id, item) = merge.next_step() {
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
            // The index has those as well that came late.
            for item in items.into_iter().filter(|item| !item.contains_key("w")) {
                row_of(&self.log.events, item)?.map(|row| rows.add(row)).transpose()?;
            }
        }
        let settled = settled.finish()?;
        let (read, rest) = match merge.bound() {
            None => (Some((low, high)), None),
            Some(bound) if self.route.ascending => (bound.checked_sub(1).map(|last| (low, last)), Some((bound, high))),
            Some(bound) => (bound.checked_add(1).map(|last| (last, high)), Some((low, bound))),
        };
        if let Some((low, high)) = read {
            self.log.segments.unpacked().keep(&self.state, (low, high.min(end.saturating_sub(1))), &settled);
        }
        for loose in settled.into_iter().chain(rows.finish()?) {
            self.add_loose(loose);
        }
        match rest {
            Some(rest) if end > 0 && self.matching.is_some() && self.whole >= MAX_UNITS_TO_CACHE => {
                self.add_in_time(rest, end);
            }
            Some((low, high)) => self.add(low, high, RangeSource::Log(merge, end)),
            None => {}
        }
        Ok(())
    }
}
