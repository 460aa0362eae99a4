//! How long what is stored is kept.

use jiff::{SignedDuration, Timestamp};

/// How long what is stored is kept, and what time it is.
///
/// DynamoDB removes what has expired within days; until it does, nothing here shows it any more.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    days: Option<u32>,
    clock: fn() -> Timestamp,
}

impl Retention {
    /// Everything is kept for this many days from when it was received, or for good.
    pub fn new(days: Option<u32>, clock: fn() -> Timestamp) -> Self {
        Self { days, clock }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// When what was received at `from` expires, in seconds since 1970.
    pub(crate) fn expires(&self, from: Timestamp) -> Option<i64> {
        let kept = SignedDuration::from_hours(24 * i64::from(self.days?));
        Some(from.as_second().saturating_add(kept.as_secs()))
    }

    /// Whether what expires then has expired.
    pub(crate) fn is_over(&self, expires: Option<i64>) -> bool {
        expires.is_some_and(|expires| expires <= self.now().as_second())
    }
}
