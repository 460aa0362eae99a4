//! Raising the fence, and settling the events below it.

use std::sync::{MutexGuard, PoisonError};

use events::EventId;
use jiff::{SignedDuration, Timestamp};
use store::{Error, EventTable, FENCE_SPREAD_MS, LATE_AFTER, PackFence};
use tokio::time::Instant;

use super::packer_memory::PackerMemory;
use super::table::Segments;
use super::watermarks::PackWatermarks;

/// Difference of clocks for which events in time are not stored as late events, which cost more.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(15);

/// Delay of settling at which a run waits for its own fence. Usually the fence of an earlier run of the same process is
/// old enough.
const MAX_SETTLE_DELAY: SignedDuration = SignedDuration::from_mins(10);

impl Segments {
    /// Raises the fence, and settles what is below a fence that is old enough. Searches cache settled events, and only
    /// settled events are packed.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn settle(&self, events: &EventTable) -> Result<(), Error> {
        let (stored, _) = self.watermarks().await?;
        let mut watermarks = stored;
        self.raise_fence(events, &mut watermarks, Instant::now()).await?;
        self.save_settled(&stored, &watermarks).await
    }

    /// Raises the fence, and the settled bounds in `watermarks`. Waits until `deadline` if settling is delayed.
    pub(super) async fn raise_fence(
        &self,
        events: &EventTable,
        watermarks: &mut PackWatermarks,
        deadline: Instant,
    ) -> Result<(), Error> {
        let now = events.retention().now();
        // The watermarks of earlier versions had no fence.
        let passed = PackFence { id: watermarks.packed_before, late_ms: watermarks.late_packed_before };
        let expected = self.memory().last_fence();
        let fence = events.raise_pack_fence(expected, |stored| next_fence(stored, now).max(passed)).await?;
        let raised_at = Instant::now();
        self.memory().record_fence(fence, raised_at, self.timing);
        let is_delayed = now.checked_sub(MAX_SETTLE_DELAY).is_ok_and(|limit| {
            EventId::at(limit, 0).is_some_and(|limit| watermarks.settled_before < limit.as_u64().min(fence.id))
        });
        let settled_at = raised_at + self.timing.writes_end_after;
        if is_delayed && settled_at < deadline {
            tokio::time::sleep_until(settled_at).await;
        }
        let settled = self.memory().settled(Instant::now(), self.timing);
        watermarks.settled_before = watermarks.settled_before.max(settled.id);
        watermarks.late_settled_before = watermarks.late_settled_before.max(settled.late_ms);
        Ok(())
    }

    /// Saves the settled bounds, unless they are unchanged or another packer has saved its watermarks.
    pub(super) async fn save_settled(&self, stored: &PackWatermarks, watermarks: &PackWatermarks) -> Result<(), Error> {
        if stored == watermarks {
            return Ok(());
        }
        match self.save_unless_changed(watermarks, stored).await {
            Err(Error::Exists(_)) => Ok(()),
            saved => saved,
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, PackerMemory> {
        self.packer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the fence to raise: just before the present, so that events in time are not below it. Any higher fence would
/// also be correct, so a clock that was ahead only makes more events late.
fn next_fence(stored: PackFence, now: Timestamp) -> PackFence {
    let before = |age| now.checked_sub(age).ok();
    let id = before(LATE_AFTER + CLOCK_DIFFERENCE).and_then(|time| EventId::at(time, 0)).map_or(0, EventId::as_u64);
    let late_ms = before(CLOCK_DIFFERENCE).and_then(|time| u64::try_from(time.as_millisecond()).ok()).unwrap_or(0);
    // If the clock has been set back, the storage times of late events follow the fence, and the fence passes them here.
    let passed = if late_ms < stored.late_ms { stored.late_ms.saturating_add(FENCE_SPREAD_MS) } else { late_ms };
    PackFence { id: stored.id.max(id), late_ms: passed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fence_never_falls_and_always_passes_the_late_events() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let first = next_fence(PackFence::default(), now);
        assert_eq!(first.id, EventId::at(now - SignedDuration::from_secs(75), 0).unwrap().as_u64());
        assert_eq!(first.late_ms, u64::try_from(now.as_millisecond()).unwrap() - 15_000);
        let back = next_fence(first, now - SignedDuration::from_hours(1));
        assert_eq!(back, PackFence { id: first.id, late_ms: first.late_ms + FENCE_SPREAD_MS });
        let later = next_fence(back, now + SignedDuration::from_hours(1));
        assert!(later.id > first.id && later.late_ms > back.late_ms);
    }
}
