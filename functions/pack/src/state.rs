//! The state of the function.

use search::EventLog;

/// The state of the function.
#[derive(Debug, Clone)]
pub struct State {
    /// The log and its segments.
    pub log: EventLog,
}
