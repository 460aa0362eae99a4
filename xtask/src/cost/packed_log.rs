//! The size of a log as searches see it: segments, their headers, and unpacked events.

use super::assumptions::{DAYS_PER_MONTH, HOURS_PER_MONTH, PACK_INTERVAL_SECONDS};
use super::deployment::Deployment;
use super::measured_units::MeasuredUnits;
use super::scenario::Scenario;

/// Bytes of an item that a consistent read reads for one unit, and any other read for half a unit.
const READ_UNIT_BYTES: f64 = 4096.0;

/// Seconds until an event is settled: `LATE_AFTER` of `crates/store`, `CLOCK_DIFFERENCE` of `crates/search`, and two runs of
/// pack, one that raises the fence and one after `WRITES_END_AFTER`. Every search reads the events of these seconds.
const UNSETTLED_SECONDS: f64 = 195.0;

/// Unpacked events that each measured search read.
const MEASURED_UNPACKED_EVENTS: f64 = 24.0;

/// Share of a process's memory for segment headers: the segment cache has three eighths of the memory, and
/// headers two thirds of the cache.
const HEADER_CACHE_SHARE: f64 = 3.0 / 8.0 * 2.0 / 3.0;

/// Content of a process's segment cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CacheState {
    /// Empty: a new process.
    Cold,
    /// Filled by the same search a moment ago.
    Warm,
    /// Filled by the same search; this many events have arrived since.
    WarmBefore(f64),
}

/// A log in segments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedLog {
    /// The number of segments.
    pub(crate) segments: f64,
    /// Events per segment.
    pub(crate) events_per_segment: f64,
    /// Read units of a segment's header.
    pub(crate) header_units: f64,
    /// Bytes of memory that a header takes.
    pub(crate) header_memory: f64,
    /// Read units of the item that records a segment's range of IDs.
    pub(crate) range_units: f64,
    /// Read units of an unpacked event.
    pub(crate) event_units: f64,
    /// Unpacked events that every search reads, because late events may still arrive among them.
    pub(crate) unsettled_events: f64,
    /// Unpacked events that a process caches.
    pub(crate) settled_events: f64,
}

impl PackedLog {
    /// Derives the log of a scenario.
    pub(crate) fn new(scenario: &Scenario, units: &MeasuredUnits) -> Self {
        let bytes = scenario.payload_bytes;
        let events_per_segment = events_per_segment(bytes);
        let per_segment = |pointer: &str| units.per_event(bytes, pointer) * events_per_segment;
        let stored = scenario.events * scenario.retention_days / DAYS_PER_MONTH;
        let events_per_second = scenario.events / (HOURS_PER_MONTH * 3600.0);
        // On average, half a segment waits for its other half, and full segments wait for the next run of pack.
        let unpacked = events_per_segment / 2.0 + events_per_second * PACK_INTERVAL_SECONDS / 2.0;
        let unsettled = (events_per_second * UNSETTLED_SECONDS).min(stored);
        Self {
            segments: stored / events_per_segment,
            events_per_segment,
            header_units: (per_segment("/segment/head") / READ_UNIT_BYTES).ceil() / 2.0,
            header_memory: per_segment("/segment/memory"),
            range_units: units.for_payload(bytes, "/segment/place") / READ_UNIT_BYTES,
            event_units: units.per_event(bytes, "/pack/read") - units.per_event(bytes, "/pack_idle"),
            unsettled_events: (unsettled - MEASURED_UNPACKED_EVENTS).max(0.0),
            settled_events: unpacked.min(stored - unsettled),
        }
    }

    /// Returns the number of headers that a process of query can cache.
    pub(crate) fn max_cached_headers(&self) -> f64 {
        (Deployment::memory_gb("Query") * f64::from(1 << 30) * HEADER_CACHE_SHARE / self.header_memory).floor()
    }

    /// Returns the read units of all headers.
    pub(crate) fn all_header_units(&self) -> f64 {
        self.segments * self.header_units
    }

    /// Returns the read units of the headers that a search of the whole log reads. Every search reads headers in the same
    /// order, and the cache evicts the least recently used first, so a log that does not fit is never cached.
    pub(crate) fn header_units_of_search(&self, cache: CacheState) -> f64 {
        match cache {
            CacheState::Cold => self.all_header_units(),
            _ if self.segments > self.max_cached_headers() => self.all_header_units(),
            CacheState::Warm => 0.0,
            CacheState::WarmBefore(events) => self.header_units * (events / self.events_per_segment).min(self.segments),
        }
    }

    /// Returns the read units of everything that a search reads before headers: ranges of segments and unpacked events.
    pub(crate) fn preparation_units(&self, cache: CacheState) -> f64 {
        let (settled_events, segments) = match cache {
            CacheState::Cold => (self.settled_events, self.segments),
            CacheState::Warm => (0.0, 0.0),
            CacheState::WarmBefore(events) => {
                (events.min(self.settled_events), (events / self.events_per_segment).min(self.segments))
            }
        };
        self.event_units * (self.unsettled_events + settled_events) + self.range_units * segments
    }
}

/// Returns the events of a full segment with payloads of this size, by the limits in
/// `crates/search/src/segments/pack.rs`.
pub(crate) fn events_per_segment(payload_bytes: f64) -> f64 {
    const MAX_EVENTS: f64 = 1000.0;
    const MAX_BYTES: f64 = 1_000_000.0;
    (MAX_BYTES / payload_bytes).ceil().min(MAX_EVENTS)
}
