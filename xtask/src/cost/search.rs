//! What searches read: by an index, or through the heads of segments, as far as one search may go.

use super::assumed::{DAYS, HOURS, MIX, NEW_PROCESS, PACK_SECONDS};
use super::facts::{Deployed, Units};
use super::model::Case;

/// The most read units of one search, and the part of them that finding takes: `MAX_UNITS` of
/// `crates/search/src/request.rs`, and `SEARCH_SHARE_OF_UNITS` of `crates/search/src/search.rs`.
const MAX_UNITS: f64 = 5000.0;
const FINDING: f64 = 0.8;

/// Bytes of a block of an item: a consistent read takes a unit for each, another one half of it.
const BLOCK: f64 = 4096.0;

/// Seconds within which something may still be added to what happened: `LATE_AFTER` of
/// `crates/store/src/event_table/event_item.rs` and `SETTLED_AFTER` of `crates/search/src/segments/watermarks.rs`. So long, it is read by each search.
const UNSETTLED: f64 = 120.0;

/// How many events in no segment the measured searches had to read each time.
const MEASURED_UNPACKED: f64 = 24.0;

/// The part of a process's memory that heads may take: `Env::segment_cache_bytes` of `runtime` and `Cache::new` of `search`.
const HEADS: f64 = 3.0 / 8.0 * 2.0 / 3.0;

/// The kinds that go through some of the segments, and read their texts.
const RANGES: [&str; 2] = ["timeline", "export"];

/// The kinds that go through all segments.
const WALKS: [&str; 3] = ["text_once", "total", "facets"];

/// What a process has read before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Process {
    /// Nothing.
    New,
    /// What such a search reads, which was made a moment ago.
    Known,
    /// The same, and since then so many events came.
    After(f64),
}

/// Whether a kind of search goes through all segments.
fn walks(kind: &str) -> bool {
    WALKS.contains(&kind)
}

/// Whether a new process reads more for a kind of search than the others.
pub(crate) fn remembers(kind: &str) -> bool {
    walks(kind) || RANGES.contains(&kind)
}

/// Units of one search of the mix, on average.
pub(crate) fn search_reads(case: &Case, units: &Units) -> f64 {
    MIX.iter().map(|(kind, share)| share / 100.0 * average(case, units, kind)).sum()
}

/// Units of one search of a kind, on average over processes.
fn average(case: &Case, units: &Units, kind: &str) -> f64 {
    let share: f64 = MIX.iter().filter(|(kind, _)| walks(kind)).map(|(_, share)| share / 100.0).sum();
    let since = if case.searches > 0.0 { case.events / (case.searches * share) } else { 0.0 };
    let of = |process| one_search(case, units, kind, process);
    NEW_PROCESS * of(Process::New) + (1.0 - NEW_PROCESS) * of(Process::After(since))
}

/// Units of one search of a kind: one page, of the whole log where it goes through segments.
pub(crate) fn one_search(case: &Case, units: &Units, kind: &str, process: Process) -> f64 {
    let of = |kind: &str, when: &str| units.of_size(case.bytes, &format!("/search/{kind}/{when}"));
    let again = of(kind, "again");
    let log = Packed::of(case, units);
    if process == Process::New && RANGES.contains(&kind) {
        return of(kind, "first") + log.place * log.segments;
    }
    if !walks(kind) {
        return again;
    }
    let most = if kind == "facets" { MAX_UNITS } else { MAX_UNITS * FINDING };
    // Whatever it reads besides, it looks at one head.
    let least = again + text(case, units, kind) + log.beside(process) + log.head;
    (least - log.head + log.heads(process)).min(most.max(least))
}

/// The text of the one segment that has what is looked for.
fn text(case: &Case, units: &Units, kind: &str) -> f64 {
    let of = |kind: &str, when: &str| units.of_size(case.bytes, &format!("/search/{kind}/{when}"));
    let nowhere = of("text_nowhere", "first") - of("text_nowhere", "again");
    (of(kind, "first") - of(kind, "again") - nowhere).max(0.0)
}

/// Units of looking for a text in all of the log, by a process that has read nothing of it; and the pages that takes.
pub(crate) fn whole_log(case: &Case, units: &Units) -> (f64, f64) {
    let log = Packed::of(case, units);
    let again = units.of_size(case.bytes, "/search/text_once/again");
    let whole = again + text(case, units, "text_once") + log.beside(Process::New) + log.whole();
    (whole, (whole / (MAX_UNITS * FINDING)).ceil())
}

/// A log, as searches find it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed {
    /// The segments.
    pub(crate) segments: f64,
    /// The events of each.
    pub(crate) events: f64,
    /// The units of a head.
    pub(crate) head: f64,
    /// The memory of a head, in bytes.
    pub(crate) memory: f64,
    /// The units of reading where a segment lies.
    place: f64,
    /// The units of an event that is in no segment, and how many of them there are: which are read by each search, and
    /// which are kept once they were read.
    event: f64,
    unsettled: f64,
    settled: f64,
}

impl Packed {
    /// Of a case's log.
    pub(crate) fn of(case: &Case, units: &Units) -> Self {
        let events = per_segment(case.bytes);
        let of = |path: &str| units.of_event(case.bytes, path) * events;
        let kept = case.events * case.retention_days / DAYS;
        let a_second = case.events / (HOURS * 3600.0);
        // Half a segment waits for the other half, and what is full for the next round.
        let waiting = events / 2.0 + a_second * PACK_SECONDS / 2.0;
        let unsettled = (a_second * UNSETTLED).min(kept);
        Self {
            segments: kept / events,
            events,
            head: (of("/segment/head") / BLOCK).ceil() / 2.0,
            memory: of("/segment/memory"),
            place: units.of_size(case.bytes, "/segment/place") / BLOCK,
            event: units.of_event(case.bytes, "/pack/read") - units.of_event(case.bytes, "/pack_idle"),
            unsettled: (unsettled - MEASURED_UNPACKED).max(0.0),
            settled: waiting.min(kept - unsettled),
        }
    }

    /// How many heads a process of query keeps at once.
    pub(crate) fn room(&self) -> f64 {
        (Deployed::memory("Query") * f64::from(1 << 30) * HEADS / self.memory).floor()
    }

    /// How many heads one page reads at most.
    pub(crate) fn a_page(&self) -> f64 {
        (MAX_UNITS * FINDING / self.head).floor()
    }

    /// The units of reading all heads, once.
    pub(crate) fn whole(&self) -> f64 {
        self.segments * self.head
    }

    /// The units of the heads that a search would read. Every search goes from one end of the log to the other, and of
    /// what a process keeps that goes first which was not used for longest: where there is no room for all, what
    /// comes next has always just gone.
    fn heads(&self, process: Process) -> f64 {
        match process {
            Process::New => self.whole(),
            _ if self.segments > self.room() => self.whole(),
            Process::Known => 0.0,
            Process::After(events) => self.head * (events / self.events).min(self.segments),
        }
    }

    /// The units of what it reads before: where segments lie, and what is in none.
    fn beside(&self, process: Process) -> f64 {
        let (settled, segments) = match process {
            Process::New => (self.settled, self.segments),
            Process::Known => (0.0, 0.0),
            Process::After(events) => (events.min(self.settled), (events / self.events).min(self.segments)),
        };
        self.event * (self.unsettled + settled) + self.place * segments
    }
}

/// The events of a full segment, of payloads of this many bytes: `EVENTS_PER_SEGMENT` of
/// `crates/search/src/segments/table.rs` and `MAX_SEGMENT_PAYLOAD_BYTES` of `crates/search/src/segments/pack.rs`.
pub(crate) fn per_segment(bytes: f64) -> f64 {
    const ROWS: f64 = 1000.0;
    const BYTES: f64 = 1_000_000.0;
    (BYTES / bytes).ceil().min(ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Units {
        Units::read().unwrap()
    }

    /// A log of a million events, of which the newest are long packed.
    fn log(bytes: f64, events: f64) -> Case {
        Case { events: events / 120.0, bytes, retention_days: 120.0 * DAYS, ..Case::default() }
    }

    fn is_near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn what_is_said_of_the_store_is_so() {
        let request = include_str!("../../../crates/search/src/request.rs");
        let search = include_str!("../../../crates/search/src/search.rs");
        let item = include_str!("../../../crates/store/src/event_table/event_item.rs");
        let watermarks = include_str!("../../../crates/search/src/segments/watermarks.rs");
        let table = include_str!("../../../crates/search/src/segments/table.rs");
        let pack = include_str!("../../../crates/search/src/segments/pack.rs");
        let cache = include_str!("../../../crates/search/src/segments/cache.rs");
        let env = include_str!("../../../crates/runtime/src/env.rs");
        for (text, line) in [
            (request, "pub const MAX_UNITS: f64 = 5000.0;"),
            (search, "const SEARCH_SHARE_OF_UNITS: f64 = 0.8;"),
            (item, "const LATE_AFTER: SignedDuration = SignedDuration::from_secs(60);"),
            (watermarks, "const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(60);"),
            (table, "const EVENTS_PER_SEGMENT: usize = 1000;"),
            (pack, "const MAX_SEGMENT_PAYLOAD_BYTES: usize = 1_000_000;"),
            (cache, "max_heads: bytes / 3 * 2"),
            (env, "(megabytes << 20) / 8 * 3"),
        ] {
            assert!(text.contains(line), "{line}");
        }
    }

    #[test]
    fn segments_are_as_large_as_measured_ones() {
        for bytes in [1000.0, 4000.0, 16_000.0, 64_000.0] {
            let measured = units().of_size(bytes, "/pack/events");
            assert!(is_near(per_segment(bytes), measured), "{bytes}: {measured}");
        }
        assert!(is_near(per_segment(200.0), 1000.0) && is_near(per_segment(4e6), 1.0));
    }

    /// A search that finds nothing reads a new process the places, in one unit, and the head: nothing else.
    #[test]
    fn a_head_is_what_the_first_search_reads_more() {
        for bytes in [1000.0, 4000.0, 16_000.0, 64_000.0] {
            let of = |when: &str| units().of_size(bytes, &format!("/search/text_nowhere/{when}"));
            let head = Packed::of(&log(bytes, 1e6), &units()).head;
            assert!(is_near(of("first") - of("again"), head + 1.0), "{bytes}: {head}");
        }
    }

    #[test]
    fn a_search_of_a_log_that_fits_into_memory_by_hand() {
        // A hundred thousand events of 4 KB, 833 a month: 400 segments with heads of two units, and nothing that is
        // still to settle. Half a segment is in none.
        let (case, units) = (log(4000.0, 1e5), units());
        let packed = Packed::of(&case, &units);
        assert!(is_near(packed.segments, 400.0) && is_near(packed.head, 2.0), "{packed:?}");
        let known = one_search(&case, &units, "facets", Process::Known);
        assert!(is_near(known, units.of_size(4000.0, "/search/facets/again")), "{known}");
        let new = one_search(&case, &units, "facets", Process::New);
        let (places, waiting) = (400.0 * packed.place, 125.0 * packed.event);
        assert!((new - known - 800.0 - places - waiting).abs() < 1.0, "{new}");
        // A thousand events later there are four more segments, and the half segment was read anew.
        let after = one_search(&case, &units, "facets", Process::After(1000.0));
        assert!((after - known - 8.0 - 4.0 * packed.place - waiting).abs() < 1.0, "{after}");
    }

    #[test]
    fn no_search_takes_more_than_it_may() {
        let units = units();
        for bytes in [1000.0, 4000.0, 16_000.0] {
            let case = log(bytes, 1.2e7);
            let packed = Packed::of(&case, &units);
            assert!(packed.segments > packed.room(), "{packed:?}");
            for process in [Process::New, Process::Known, Process::After(1.0)] {
                for (kind, most) in [("text_once", 4000.0), ("total", 4000.0), ("facets", 5000.0)] {
                    let used = one_search(&case, &units, kind, process);
                    assert!(is_near(used, most), "{kind} of {bytes}, {process:?}: {used}");
                }
            }
            let by_index = one_search(&case, &units, "field", Process::New);
            assert!(is_near(by_index, units.of_size(bytes, "/search/field/again")));
        }
    }

    #[test]
    fn the_whole_log_is_looked_at_in_pages() {
        // Three million events of 4 KB: 12,000 heads of two units; where they lie, a text and what is in no segment
        // are some hundreds.
        let (case, units) = (log(4000.0, 3e6), units());
        let (whole, pages) = whole_log(&case, &units);
        assert!((24_100.0..24_400.0).contains(&whole) && is_near(pages, 7.0), "{whole}, {pages}");
        // What is done in one page is a search.
        let small = log(4000.0, 1e5);
        let (whole, pages) = whole_log(&small, &units);
        assert!(is_near(whole, one_search(&small, &units, "text_once", Process::New)) && is_near(pages, 1.0));
    }

    #[test]
    fn where_segments_lie_is_read_whatever_it_takes() {
        // A hundred million events of 64 KB: 6.25 million segments.
        let (case, units) = (log(64_000.0, 1e8), units());
        let packed = Packed::of(&case, &units);
        let used = one_search(&case, &units, "facets", Process::New);
        assert!(used > 6.25e6 * packed.place && used < 6.3e6 * packed.place, "{used}");
    }

    #[test]
    fn room_is_a_quarter_of_the_memory() {
        let packed = Packed { memory: 1e5, ..Packed::of(&log(1000.0, 1e6), &units()) };
        // 1,024 MB of 1,048,576 bytes, a quarter of which are 268,435,456.
        assert!(is_near(Deployed::memory("Query"), 1.0) && is_near(packed.room(), 2684.0), "{}", packed.room());
        assert!(is_near(Packed { head: 7.0, ..packed }.a_page(), 571.0));
    }

    #[test]
    fn who_looks_at_a_range_reads_where_all_segments_lie() {
        let (case, units) = (log(4000.0, 1e5), units());
        let read = |process| one_search(&case, &units, "export", process);
        let measured = |when: &str| units.of_size(4000.0, &format!("/search/export/{when}"));
        assert!(is_near(read(Process::Known), measured("again")));
        // 400 of them, in 66 bytes each.
        let places = read(Process::New) - measured("first");
        assert!((6.0..7.0).contains(&places), "{places}");
    }

    #[test]
    fn the_average_has_a_share_of_new_processes() {
        let (case, units) = (Case { searches: 1e4, ..log(4000.0, 1e5) }, units());
        let of = |process| one_search(&case, &units, "total", process);
        // 18 of a hundred searches go through segments: one in 0.46 events.
        let expected = 0.02 * of(Process::New) + 0.98 * of(Process::After(1e5 / 120.0 / 1800.0));
        assert!(is_near(average(&case, &units, "total"), expected), "{expected}");
    }
}
