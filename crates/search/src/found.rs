//! Events that a search has found, before their payloads are read.

use std::sync::Arc;

use events::{Event, EventId};

use crate::segments::segment_range::SegmentRange;
use crate::segments::unpacked_block::UnpackedBlock;

/// So many events of a pack are read with its body. Fewer are sooner read one by one than it is inflated.
pub(crate) const MIN_EVENTS_TO_OPEN_SEGMENT: usize = 16;

/// The bytes of an item that half a read unit reads.
const BYTES_PER_HALF_UNIT: f64 = 4096.0;

/// The bytes that a read unit reads, where it need not be consistent.
const BYTES_PER_UNIT: f64 = 8192.0;

/// Events that match, in order, before their payloads are read.
pub(crate) struct Found {
    pub(crate) hits: Vec<(EventId, PayloadLocation)>,
    /// What [`PayloadLocation::InPack`] counts.
    pub(crate) packs: Vec<PayloadSource>,
    /// Where to go on, where there is more.
    pub(crate) next: Option<EventId>,
    pub(crate) partial: bool,
}

/// Where an event that was found is.
#[derive(Debug)]
pub(crate) enum PayloadLocation {
    /// Here.
    Loaded(Box<Event>),
    /// In the log.
    InLog,
    /// In one of the packs too: which one, and which of its rows.
    InPack(usize, usize),
}

/// Events that lie together.
#[derive(Clone)]
pub(crate) enum PayloadSource {
    Segment(SegmentRange),
    Unpacked(Arc<UnpackedBlock>),
}

impl PayloadSource {
    /// Whether so many of all its events are read with its body: it takes no more than reading them by their ids, each
    /// compressed by itself, which is more than its share of the body.
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    pub(crate) fn is_worth(&self, events: usize, all: usize) -> bool {
        let by_id = |entry: &SegmentRange| (f64::from(entry.body) / all as f64 / BYTES_PER_HALF_UNIT).ceil() / 2.0;
        let is_less = match self {
            Self::Segment(entry) => units_of(entry.body) <= events as f64 * by_id(entry),
            Self::Unpacked(_) => true,
        };
        events >= MIN_EVENTS_TO_OPEN_SEGMENT && is_less
    }
}

/// The units that reading an item of so many bytes takes.
pub(crate) fn units_of(bytes: u32) -> f64 {
    (f64::from(bytes) / BYTES_PER_UNIT).ceil()
}
