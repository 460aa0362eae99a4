//! The watermarks of the pack function: which events are in segments.

use events::EventId;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use store::{EventTable, LATE_AFTER};

/// How long ago a write must have begun to be surely over: longer than any function that writes events may run.
pub(crate) const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// How long ago a late event must have been stored to be packed: the index that it is read from follows the log,
/// mostly within a second, and what came into it behind the mark would never be found again.
const INDEXED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The marks: which events are in segments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackWatermarks {
    /// The first id that is in no segment, of events that came in time.
    pub(crate) upto: u64,
    /// The first moment, in milliseconds since 1970, of which the late events are in no segment.
    pub(crate) late_upto: u64,
    /// How many segments there are.
    pub(crate) next: u64,
    /// Until when nobody else packs, in milliseconds since 1970.
    pub(crate) lease: u64,
}

/// Up to where nothing can be added any more: the first id, and the first moment of late events, in
/// milliseconds, of which that is not so.
pub(crate) fn settled_ends(events: &EventTable) -> (u64, u64) {
    let before = |span| events.retention().now().checked_sub(span).ok();
    let end = before(LATE_AFTER + SETTLED_AFTER).and_then(|end| EventId::at(end, 0)).map_or(0, EventId::as_u64);
    let late_end = before(INDEXED_AFTER).and_then(|end| u64::try_from(end.as_millisecond()).ok()).unwrap_or(0);
    (end, late_end)
}
