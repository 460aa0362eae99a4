//! The fence between writers and the pack function.
//!
//! The fence is an item of the `events` table. Pack raises it, waits until every write that may have used an earlier
//! fence has ended, and packs only events below it. A writer reads the fence before it writes, and stores every event
//! below it as a late event. Late events get a storage time at or above the fence. No event is therefore written below a
//! bound that pack has passed, whatever the clocks of the writers and of pack show: only durations matter.
//! docs/design/search.md has the argument.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Partition key of the fence.
pub const PACK_FENCE_KEY: &str = "P";

/// Maximum age of a cached fence. Pack waits longer than this age and the longest write together.
pub const MAX_FENCE_AGE: Duration = Duration::from_secs(1);

/// Range of the storage times of late events whose writer's clock is behind the fence, in milliseconds. Pack reads the
/// late events of one millisecond together, so they must not all have the same time.
pub const FENCE_SPREAD_MS: u64 = 1000;

/// The bounds below which no event may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFence {
    /// An event in time is not stored with an id below this one, but as a late event.
    pub id: u64,
    /// A late event is not stored with a storage time before this one, in milliseconds since 1970.
    #[serde(rename = "w")]
    pub late_ms: u64,
}

impl PackFence {
    /// Returns the higher of each bound.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { id: self.id.max(other.id), late_ms: self.late_ms.max(other.late_ms) }
    }

    /// Returns the storage time of a late event, in milliseconds since 1970.
    pub(crate) fn late_storage_ms(self, now_ms: i64) -> i64 {
        let fence = i64::try_from(self.late_ms).unwrap_or(i64::MAX);
        if now_ms >= fence { now_ms } else { fence.saturating_add_unsigned(fastrand::u64(0..FENCE_SPREAD_MS)) }
    }
}

/// The process's cached fence.
#[derive(Debug, Default)]
pub(crate) struct FenceCache(Mutex<Option<CachedFence>>);

#[derive(Debug, Clone, Copy)]
struct CachedFence {
    fence: PackFence,
    /// Time before the read by both clocks: the monotonic clock may stop while the process is frozen, and the other
    /// clock may be set back.
    instant: Instant,
    time: SystemTime,
}

impl CachedFence {
    fn is_fresh(&self) -> bool {
        let is_young = |age: Duration| age < MAX_FENCE_AGE;
        is_young(self.instant.elapsed()) && self.time.elapsed().is_ok_and(is_young)
    }
}

impl FenceCache {
    /// Returns the fence if it was read less than [`MAX_FENCE_AGE`] ago.
    pub(crate) fn get(&self) -> Option<PackFence> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.filter(CachedFence::is_fresh).map(|cached| cached.fence)
    }

    /// Sets the fence, and the time before it was read by both clocks.
    pub(crate) fn set(&self, fence: PackFence, instant: Instant, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(CachedFence { fence, instant, time });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_events_are_stored_at_or_above_the_fence() {
        let fence = PackFence { id: 0, late_ms: 10_000 };
        assert_eq!(fence.late_storage_ms(10_000), 10_000);
        assert_eq!(fence.late_storage_ms(20_000), 20_000);
        let times: std::collections::HashSet<i64> = (0..200).map(|_| fence.late_storage_ms(500)).collect();
        assert!(times.iter().all(|time| (10_000..11_000).contains(time)));
        assert!(times.len() > 50, "a clock that is behind does not store all events in one millisecond");
    }
}
