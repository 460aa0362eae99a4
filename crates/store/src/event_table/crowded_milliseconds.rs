//! The milliseconds with many events.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use events::EventId;

use super::slot_sequence::SEQUENCE_SLOTS;

/// Maximum number of milliseconds that are remembered. If there are more, all are forgotten.
const MAX_CROWDED_MILLISECONDS: usize = 1024;

/// Number of collisions at one position of the slot sequences that makes this position crowded.
const MIN_COLLISIONS: u16 = 16;

/// The number of collisions in recent milliseconds.
///
/// An event of a crowded millisecond is not put into its first slots, which are probably taken: they are read first,
/// together with those of other events. Whatever is remembered here, the result is the same; only the cost differs.
#[derive(Debug, Default)]
pub(crate) struct CrowdedMilliseconds(Mutex<HashMap<EventId, [u16; SEQUENCE_SLOTS]>>);

impl CrowdedMilliseconds {
    /// Records that the slot at `position` of an event's sequence was taken by another event. `first` is the first id of
    /// the event's millisecond.
    pub(crate) fn record_collision(&self, first: EventId, position: usize) {
        let mut milliseconds = self.lock();
        if milliseconds.len() >= MAX_CROWDED_MILLISECONDS && !milliseconds.contains_key(&first) {
            milliseconds.clear();
        }
        if let Some(collisions) = milliseconds.entry(first).or_default().get_mut(position) {
            *collisions = collisions.saturating_add(1);
        }
    }

    /// Returns the number of positions, from the first on, that are crowded.
    pub(crate) fn crowded_positions(&self, first: EventId) -> usize {
        let milliseconds = self.lock();
        let collisions = milliseconds.get(&first).into_iter().flatten();
        collisions.take_while(|collisions| **collisions >= MIN_COLLISIONS).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, [u16; SEQUENCE_SLOTS]>> {
        // In the worst case, a poisoned lock makes an insert read too many slots, or too few.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> EventId {
        EventId::from_u64(number * events::SLOTS_PER_MS).unwrap()
    }

    #[test]
    fn a_few_collisions_do_not_make_a_millisecond_crowded() {
        let crowded = CrowdedMilliseconds::default();
        for _ in 1..MIN_COLLISIONS {
            crowded.record_collision(id(1), 0);
        }
        assert_eq!(crowded.crowded_positions(id(1)), 0);
        crowded.record_collision(id(1), 0);
        assert_eq!((crowded.crowded_positions(id(1)), crowded.crowded_positions(id(2))), (1, 0));
        for _ in 0..MIN_COLLISIONS {
            crowded.record_collision(id(1), 2);
        }
        assert_eq!(crowded.crowded_positions(id(1)), 1, "position 1 is not crowded");
    }

    #[test]
    fn memory_is_bounded() {
        let crowded = CrowdedMilliseconds::default();
        for number in 0..10 * MAX_CROWDED_MILLISECONDS as u64 {
            crowded.record_collision(id(number), 0);
        }
        assert!(crowded.lock().len() <= MAX_CROWDED_MILLISECONDS);
    }
}
