//! Events that a search has found, before their payloads are read.

use std::sync::Arc;

use events::{Event, EventId};

use crate::segments::segment_range::SegmentRange;
use crate::segments::unpacked_block::UnpackedBlock;

/// Minimum number of matches for which decompressing a segment's body beats reading the events one by one.
pub(crate) const MIN_EVENTS_TO_OPEN_SEGMENT: usize = 16;

/// Bytes that half a read unit reads: one eventually consistent read of an item.
const BYTES_PER_HALF_UNIT: f64 = 4096.0;

/// Bytes that one read unit reads with eventual consistency.
const BYTES_PER_UNIT: f64 = 8192.0;

/// Matching events in the order of the search, before their payloads are read.
pub(crate) struct Found {
    pub(crate) hits: Vec<(EventId, PayloadLocation)>,
    /// The sources that [`PayloadLocation::InSource`] refers to by index.
    pub(crate) sources: Vec<PayloadSource>,
    /// The id to continue after, if there is more.
    pub(crate) next: Option<EventId>,
    pub(crate) partial: bool,
}

/// The place from which the payload of a found event is read.
#[derive(Debug)]
pub(crate) enum PayloadLocation {
    /// The event is already loaded.
    Loaded(Box<Event>),
    /// The event is read from the log by its id.
    InLog,
    /// The event is also in a segment or block: the index of the source, and the row in it.
    InSource(usize, usize),
}

/// A segment or block whose body holds the payloads of several events.
#[derive(Clone)]
pub(crate) enum PayloadSource {
    Segment(SegmentRange),
    Unpacked(Arc<UnpackedBlock>),
}

impl PayloadSource {
    /// Returns whether reading the body costs no more than reading `events` of its `all` events by id. In the log every
    /// event is compressed by itself and takes more than its share of the body.
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    pub(crate) fn is_worth_opening(&self, events: usize, all: usize) -> bool {
        let by_id =
            |range: &SegmentRange| (f64::from(range.body_bytes) / all as f64 / BYTES_PER_HALF_UNIT).ceil() / 2.0;
        let is_less = match self {
            Self::Segment(range) => units_of(range.body_bytes) <= events as f64 * by_id(range),
            Self::Unpacked(_) => true,
        };
        events >= MIN_EVENTS_TO_OPEN_SEGMENT && is_less
    }
}

/// Returns the read units of an item of `bytes` bytes.
pub(crate) fn units_of(bytes: u32) -> f64 {
    (f64::from(bytes) / BYTES_PER_UNIT).ceil()
}
