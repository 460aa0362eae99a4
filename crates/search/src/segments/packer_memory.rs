//! The memory of a packing process. It measures durations with the monotonic clock, because the other clock may be set.

use std::collections::VecDeque;
use std::time::Duration;

use store::PackFence;
use tokio::time::Instant;

use super::watermarks::PackWatermarks;

/// Time after which a write that used an earlier fence is certain to have ended: longer than the timeout of every
/// function that writes events, and the maximum age of a cached fence.
const WRITES_END_AFTER: Duration = Duration::from_secs(55);

/// Time after which a late event below an earlier fence is certain to be in the index that it is packed from. The index is
/// eventually consistent, usually within a second. An event that appeared there below the watermark would never be found.
const INDEXED_AFTER: Duration = Duration::from_secs(200);

/// Minimum interval between two searches for events to pack, each of which reads up to a segment of events. The fence is
/// raised more often.
const PACK_SCAN_INTERVAL: Duration = Duration::from_secs(220);

/// Time after which a lease that its packer has not renewed is free.
const PACK_LEASE: Duration = Duration::from_secs(50);

/// The durations that packing waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackTiming {
    pub(super) writes_end_after: Duration,
    indexed_after: Duration,
    scan_interval: Duration,
}

impl Default for PackTiming {
    fn default() -> Self {
        Self { writes_end_after: WRITES_END_AFTER, indexed_after: INDEXED_AFTER, scan_interval: PACK_SCAN_INTERVAL }
    }
}

impl PackTiming {
    /// No waiting: only correct if no write is in progress.
    pub(super) const IMMEDIATE: Self =
        Self { writes_end_after: Duration::ZERO, indexed_after: Duration::ZERO, scan_interval: Duration::ZERO };
}

/// The memory of a packing process.
#[derive(Debug, Default)]
pub(super) struct PackerMemory {
    /// The fences that this process has raised, with the time after each.
    fences: VecDeque<(Instant, PackFence)>,
    /// A foreign lease with the watermarks, and the time since when they are unchanged.
    lease: Option<(PackWatermarks, Instant)>,
    next_scan: Option<Instant>,
}

impl PackerMemory {
    /// Returns the fence that was raised last.
    pub(super) fn last_fence(&self) -> PackFence {
        self.fences.back().map(|(_, fence)| *fence).unwrap_or_default()
    }

    /// Records a fence that was raised before `now`.
    pub(super) fn record_fence(&mut self, fence: PackFence, now: Instant, timing: PackTiming) {
        self.fences.push_back((now, fence));
        // The newest fence that is old enough for both bounds replaces all earlier ones.
        let is_old = |(raised, _): &(Instant, PackFence)| now.duration_since(*raised) >= timing.indexed_after;
        while self.fences.get(1).is_some_and(is_old) {
            self.fences.pop_front();
        }
    }

    /// Returns the bounds below which no write can add an event.
    pub(super) fn settled(&self, now: Instant, timing: PackTiming) -> PackFence {
        let newest = |age: Duration| {
            let old = self.fences.iter().rev().find(|(raised, _)| now.duration_since(*raised) >= age);
            old.map(|(_, fence)| *fence).unwrap_or_default()
        };
        PackFence { id: newest(timing.writes_end_after).id, late_ms: newest(timing.indexed_after).late_ms }
    }

    /// Returns whether the lease is free: released, or unchanged for its duration. The clock that the lease was taken by
    /// does not matter.
    pub(super) fn is_lease_free(&mut self, watermarks: &PackWatermarks, now: Instant) -> bool {
        if watermarks.lease == 0 {
            return true;
        }
        match &self.lease {
            Some((seen, since)) if is_same_state(seen, watermarks) => now.duration_since(*since) >= PACK_LEASE,
            _ => {
                self.lease = Some((*watermarks, now));
                false
            }
        }
    }

    /// Returns whether it is time to look for events to pack.
    pub(super) fn is_scan_due(&self, now: Instant) -> bool {
        self.next_scan.is_none_or(|next| now >= next)
    }

    /// Records that everything that was settled has been packed.
    pub(super) fn record_scan(&mut self, now: Instant, timing: PackTiming) {
        self.next_scan = Some(now + timing.scan_interval);
    }
}

/// Returns whether the packer that has the lease has done nothing in between.
fn is_same_state(a: &PackWatermarks, b: &PackWatermarks) -> bool {
    (a.lease, a.segment_count, a.packed_before, a.late_packed_before)
        == (b.lease, b.segment_count, b.packed_before, b.late_packed_before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence(bound: u64) -> PackFence {
        PackFence { id: bound, late_ms: bound }
    }

    #[test]
    fn a_fence_settles_events_after_the_writes_and_the_index_have_caught_up() {
        let (mut memory, timing, start) = (PackerMemory::default(), PackTiming::default(), Instant::now());
        assert_eq!(memory.settled(start, timing), PackFence::default());
        for minute in 0..30u64 {
            let now = start + Duration::from_mins(minute);
            memory.record_fence(fence(minute + 1), now, timing);
            let settled = memory.settled(now, timing);
            assert_eq!(settled, PackFence { id: minute, late_ms: minute.saturating_sub(3) }, "minute {minute}");
        }
        assert!(memory.fences.len() < 8, "old fences are dropped");
        assert_eq!(memory.last_fence(), fence(30));
    }

    #[test]
    fn a_lease_is_free_once_its_packer_has_been_idle() {
        let (mut memory, start) = (PackerMemory::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let held = PackWatermarks { lease: u64::MAX >> 12, ..PackWatermarks::default() };
        assert!(!memory.is_lease_free(&held, start));
        assert!(!memory.is_lease_free(&held, after(40)));
        let renewed = PackWatermarks { segment_count: 1, ..held };
        assert!(!memory.is_lease_free(&renewed, after(60)));
        assert!(memory.is_lease_free(&PackWatermarks { settled_before: 9, ..renewed }, after(111)));
        assert!(memory.is_lease_free(&PackWatermarks { lease: 0, ..renewed }, after(60)));
    }
}
