//! The watermarks of the pack function: which events are in segments.

use events::EventId;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use store::{EventTable, LATE_AFTER};

/// Age at which a write is certain to be finished: longer than the timeout of any function that writes events.
pub(crate) const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Age at which a late event is certain to be in the index that it is packed from. The index is eventually consistent,
/// usually within a second. An event that appeared there below the watermark would never be found.
const INDEXED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The watermarks: which events are in segments. The serde names are the stored attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackWatermarks {
    /// Events in time with ids below this one are in segments.
    #[serde(rename = "upto")]
    pub(crate) packed_before: u64,
    /// Late events stored before this time, in milliseconds since 1970, are in segments.
    #[serde(rename = "late_upto")]
    pub(crate) late_packed_before: u64,
    /// Number of segments, which is also the number of the next segment.
    #[serde(rename = "next")]
    pub(crate) segment_count: u64,
    /// Time at which the packer's lease ends, in milliseconds since 1970.
    #[serde(rename = "lease")]
    pub(crate) lease_until: u64,
}

/// Returns the ends of the settled events, to which no write can add any more: the first unsettled id of events in
/// time, and the first unsettled millisecond of late events.
pub(crate) fn settled_ends(events: &EventTable) -> (u64, u64) {
    let before = |age| events.retention().now().checked_sub(age).ok();
    let end = before(LATE_AFTER + SETTLED_AFTER).and_then(|end| EventId::at(end, 0)).map_or(0, EventId::as_u64);
    let late_end = before(INDEXED_AFTER).and_then(|end| u64::try_from(end.as_millisecond()).ok()).unwrap_or(0);
    (end, late_end)
}
