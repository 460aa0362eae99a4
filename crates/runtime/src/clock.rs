//! The clock.

use jiff::Timestamp;

/// Returns the current time in whole milliseconds, the precision of stored records.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
