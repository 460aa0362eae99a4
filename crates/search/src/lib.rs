//! Searching the event log, and the segments that its older events are packed into.
//!
//! A search reads the log or one of its indexes in DynamoDB, or the segments, and returns a page of events. The
//! conditions of a search (`SearchFilter`) belong in `model`, and reading and writing single events in `store`.

mod event_log;
mod fetch_payloads;
mod found;
mod index_access;
mod index_search;
mod late_event;
mod request;
mod search;
mod search_plan;
mod segment_search;
mod segment_walker;
mod segments;

pub use event_log::EventLog;
pub use request::{MAX_UNITS, SearchPage, SearchRequest, SearchStats};
pub use segment_search::{FieldCounts, Matches};
pub use segments::pack::PackOutcome;
pub use segments::table::Segments;
