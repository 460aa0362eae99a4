//! The sequence of slots in which an event may be stored.

use events::{AcceptedEvent, EventId, SLOTS_PER_MS};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config_table::slot_key::SlotKey;

/// Number of slots in a sequence.
pub(crate) const SEQUENCE_SLOTS: usize = 12;

/// The windows from which the slots of a sequence are chosen, in milliseconds from the event's own on. Each is much
/// larger than the one before, so that an event finds a free slot after two or three attempts, however many events have
/// its time.
const WINDOWS_MS: [u64; SEQUENCE_SLOTS] = [1, 16, 256, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024];

/// Number of slots for each counter in a millisecond. The slot key chooses one of them.
const SLOTS_PER_COUNTER: u64 = 4;

/// Number of consecutive counters that share a rotation of their slots: enough to fill 64 shards equally.
const COUNTERS_PER_ROTATION: u64 = 64;

/// The slots of an event, in the order in which they are tried. They depend on the identity of the event and on the slot
/// key only. A slot is not given to another event while it is in use, so an event that is sent again finds its first copy
/// before it finds a free slot.
#[derive(Debug, Clone)]
pub(crate) struct SlotSequence(Vec<EventId>);

impl SlotSequence {
    /// Returns the slots of an event.
    pub(crate) fn new(key: &SlotKey, accepted: &AcceptedEvent) -> Self {
        let first = accepted.event.id;
        let number = |block: u8| {
            let first = first.as_u64().to_be_bytes();
            keyed_hash(key, &[b"slots", &[block], &first, accepted.fingerprint.as_bytes()])
        };
        let numbers = [number(0), number(1)].concat();
        let numbers = numbers.chunks_exact(4).map(|bytes| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)));
        let slots = numbers.zip(WINDOWS_MS).enumerate().filter_map(|(position, (number, window))| {
            match accepted.counter.filter(|_| position == 0) {
                Some(counter) => first.after(0, counter_slot(key, &accepted.event.source, counter)),
                None => first.after(number / SLOTS_PER_MS % window, number % SLOTS_PER_MS),
            }
        });
        Self(slots.collect())
    }

    /// Returns the slot at a position, from 0 on.
    pub(crate) fn get(&self, position: usize) -> Option<EventId> {
        self.0.get(position).copied()
    }

    /// Returns all slots in order.
    pub(crate) fn into_slots(self) -> std::vec::IntoIter<EventId> {
        self.0.into_iter()
    }
}

/// Returns the slot of a counter: counters determine the order within a millisecond. The last digit, which determines
/// the shard together with the counter, is rotated by a secret, so that no sequence of counters fills one shard of four.
fn counter_slot(key: &SlotKey, source: &str, counter: u64) -> u64 {
    let counters = SLOTS_PER_MS / SLOTS_PER_COUNTER;
    let rotation = (counter / COUNTERS_PER_ROTATION).to_be_bytes();
    let rotation = u64::from(keyed_hash(key, &[b"counter", &rotation, source.as_bytes()])[0]);
    // Digits to base four: consecutive counters take turns with the shards.
    let digits = counter % 4 + counter / 4 % 4 + counter / 16 % 4;
    counter % counters * SLOTS_PER_COUNTER + (digits + rotation) % SLOTS_PER_COUNTER
}

/// Returns the HMAC-SHA-256 of the parts. All but the last part of a kind have a fixed length.
fn keyed_hash(key: &SlotKey, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length, so the default key is never used.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::HashSet;

    use events::{Attributes, Form, MAX_SPILL_MS, RawEvent, catalog};

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn accepted(catalog_name: &str, payload: &str) -> AcceptedEvent {
        let raw = RawEvent {
            source: "s",
            bytes: Cow::Borrowed(payload.as_bytes()),
            form: Form::Event,
            attributes: Attributes::default(),
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        catalog(catalog_name).unwrap().accept(&raw).unwrap()
    }

    fn signal(number: u64) -> AcceptedEvent {
        accepted("signal", &format!(r#"{{"time": "2025-06-01T10:00:00Z", "n": {number}}}"#))
    }

    fn counted(counter: u64) -> AcceptedEvent {
        let event = r#""type": "custom-thing", "createdBy": "a", "createdAt": "2025-06-01T10:00:00Z", "data": {}"#;
        accepted("unleash", &format!("{{{event}, \"id\": {counter}}}"))
    }

    fn slots(key: [u8; 32], accepted: &AcceptedEvent) -> Vec<u64> {
        SlotSequence::new(&SlotKey::from_bytes(key), accepted).into_slots().map(EventId::as_u64).collect()
    }

    #[test]
    fn sequences_are_stable_and_secret() {
        let event = signal(1);
        assert_eq!(slots(KEY, &event), slots(KEY, &event));
        let distinct: HashSet<u64> =
            [slots(KEY, &event), slots([8; 32], &event), slots(KEY, &signal(2))].concat().into_iter().collect();
        assert!(distinct.len() > 30, "{distinct:?}");
    }

    #[test]
    fn slots_are_within_the_spill_that_searches_expect() {
        assert_eq!(WINDOWS_MS.iter().max(), Some(&MAX_SPILL_MS));
        for number in 0..100 {
            for event in [signal(number), counted(number)] {
                let first = event.event.id.as_u64();
                for (position, slot) in slots(KEY, &event).into_iter().enumerate() {
                    let end = first + WINDOWS_MS[position] * SLOTS_PER_MS;
                    assert!((first..end).contains(&slot), "{number} {position}");
                }
            }
        }
        let last = AcceptedEvent { event: events::Event { id: EventId::MAX, ..signal(1).event }, ..signal(1) };
        assert!(slots(KEY, &last).len() <= SEQUENCE_SLOTS, "slots beyond the last id are skipped");
    }

    #[test]
    fn counters_determine_the_order_within_a_millisecond() {
        let firsts: Vec<u64> = (27_000..27_296).map(|counter| slots(KEY, &counted(counter))[0]).collect();
        assert!(firsts.is_sorted());
        let all: HashSet<u64> = (0..1024).map(|counter| slots(KEY, &counted(counter))[0]).collect();
        assert_eq!(all.len(), 1024);
    }

    #[test]
    fn consecutive_counters_fill_the_shards_equally() {
        for shards in [2, 4, 8, 16, 32, 64] {
            let mut counts = vec![0; usize::from(shards)];
            for counter in 0..256 {
                let slot = EventId::from_u64(slots(KEY, &counted(counter))[0]).unwrap();
                counts[usize::from(slot.shard(shards))] += 1;
            }
            assert!(counts.iter().all(|count| *count == 256 / u64::from(shards)), "{shards}: {counts:?}");
        }
    }

    #[test]
    fn no_sequence_of_counters_fills_one_shard() {
        for step in [4, 16, 64, 256, 1024, 4096] {
            let mut counts = [0; 4];
            for counter in 0..256 {
                let slot = EventId::from_u64(slots(KEY, &counted(counter * step))[0]).unwrap();
                counts[usize::from(slot.shard(4))] += 1;
            }
            assert!(counts.iter().all(|count| (32..=96).contains(count)), "steps of {step}: {counts:?}");
        }
    }
}
