//! Retention of stored data.

use jiff::{SignedDuration, Timestamp};

/// The retention period of stored data, and the clock that it is measured by.
///
/// DynamoDB deletes expired items within days. Readers therefore also skip expired items themselves.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    days: Option<u32>,
    clock: fn() -> Timestamp,
}

impl Retention {
    /// Creates a retention of `days` days after receipt; `None` keeps everything forever.
    pub fn new(days: Option<u32>, clock: fn() -> Timestamp) -> Self {
        Self { days, clock }
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Returns the expiry of data received at `from`, in seconds since 1970.
    pub fn expires(&self, from: Timestamp) -> Option<i64> {
        let kept = SignedDuration::from_hours(24 * i64::from(self.days?));
        Some(from.as_second().saturating_add(kept.as_secs()))
    }

    /// Returns whether an expiry, in seconds since 1970, has passed.
    pub fn is_over(&self, expires: Option<i64>) -> bool {
        expires.is_some_and(|expires| expires <= self.now().as_second())
    }
}
