//! The event log.

use store::EventTable;

use crate::segments::table::Segments;

/// The event log: the table of events, and the segments that its older events are packed into.
#[derive(Debug, Clone)]
pub struct EventLog {
    /// The table of events.
    pub events: EventTable,
    /// The segments.
    pub segments: Segments,
}
