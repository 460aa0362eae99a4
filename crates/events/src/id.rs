//! Event ids and fingerprints: what makes an event itself, and where it stands in time.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Slots within one millisecond.
const SLOTS: u64 = 4096;

/// 2000-01-01T00:00:00Z in milliseconds since 1970: where ids begin.
const EPOCH_MS: i64 = 946_684_800_000;

/// The largest whole number that JavaScript keeps exact, 2^53 - 1.
const MAX: u64 = (1 << 53) - 1;

/// Maximum number of milliseconds by which the id of an event may be later than its time: an event whose own slots are
/// taken is stored in a slot of a later millisecond.
pub const MAX_SPILL_MS: u64 = 64;

/// An event's id: `(milliseconds since 2000-01-01T00:00Z) * 4096 + slot`.
///
/// Ids sort as the events' times do, need no counter, and stay below 2^53 until the year 2069.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EventId(#[schemars(range(max = MAX))] u64);

impl EventId {
    /// The largest id.
    pub const MAX: Self = Self(MAX);

    /// The lowest id.
    pub const MIN: Self = Self(0);

    /// The id in the given slot (taken mod 4096) of the millisecond that `time` falls in;
    /// `None` where `time` is before 2000 or past what an id can hold.
    pub fn at(time: Timestamp, slot: u64) -> Option<Self> {
        let ms = u64::try_from(time.as_millisecond() - EPOCH_MS).ok()?;
        Self::from_u64(ms.checked_mul(SLOTS)? + slot % SLOTS)
    }

    /// The id with this number, if a number that size can be one.
    pub fn from_u64(id: u64) -> Option<Self> {
        (id <= MAX).then_some(Self(id))
    }

    /// The id as a number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The id so many milliseconds and slots later, if there can be one; the last slot of a millisecond
    /// is followed by the first of the next.
    pub fn after(self, milliseconds: u64, slots: u64) -> Option<Self> {
        Self::from_u64(milliseconds.checked_mul(SLOTS)?.checked_add(slots)?.checked_add(self.0)?)
    }

    /// The start of the millisecond that this id belongs to.
    pub fn time(self) -> Timestamp {
        // An id holds at most 2^41 ms after 2000: far inside what a Timestamp takes.
        let ms = i64::try_from(self.0 / SLOTS).unwrap_or(i64::MAX - EPOCH_MS) + EPOCH_MS;
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// The shard that holds this id in a deployment of `shards` shards.
    pub fn shard(self, shards: u16) -> u16 {
        // The remainder is below `shards`, so it fits.
        u16::try_from(self.0 % u64::from(shards.max(1))).unwrap_or(0)
    }
}

/// A text that is no event's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from 0 to 2^53 - 1")]
pub struct NotAnId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for EventId {
    type Err = NotAnId;

    fn from_str(s: &str) -> Result<Self, NotAnId> {
        s.parse().ok().and_then(Self::from_u64).ok_or(NotAnId)
    }
}

/// The producer's own id for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProducerId {
    /// A counter, as Unleash sends: gives the event its slot, so that order survives.
    Number(u64),
    /// Any other identifier.
    Text(String),
}

/// SHA-256 of what makes an event the same event when it is sent again: its source, type and the
/// producer's id, or, where the producer gives none, its source and its bytes.
///
/// The type belongs to it because producers' ids are not always unique: two events that say they
/// are different things are both kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of an event of `source`.
    pub fn of(source: &str, event_type: &str, producer_id: Option<&ProducerId>, payload: &[u8]) -> Self {
        match producer_id {
            Some(ProducerId::Number(id)) => Self::hash("number", &[source, event_type], &id.to_be_bytes()),
            Some(ProducerId::Text(id)) => Self::hash("text", &[source, event_type], id.as_bytes()),
            None => Self::of_bytes(source, payload),
        }
    }

    /// The fingerprint of bytes that `source` sent, whatever they say.
    pub fn of_bytes(source: &str, bytes: &[u8]) -> Self {
        Self::hash("bytes", &[source], bytes)
    }

    /// Each text goes in with its length, so that no two lists of parts read alike.
    fn hash(kind: &str, texts: &[&str], rest: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for text in [kind].iter().chain(texts) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(rest);
        Self(hash.finalize().into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The slot for an event whose producer counts nothing.
    fn slot(self) -> u64 {
        u64::from(u16::from_be_bytes([self.0[0], self.0[1]]))
    }
}

/// The slot in which an event is first tried: its producer's number where it has one.
pub fn first_slot(producer_id: Option<&ProducerId>, fingerprint: Fingerprint) -> u64 {
    match producer_id {
        Some(ProducerId::Number(id)) => *id,
        _ => fingerprint.slot(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_design_s_example_holds() {
        let time: Timestamp = "2024-10-03T11:09:53.225Z".parse().unwrap();
        let id = EventId::at(time, 27332).unwrap();
        assert_eq!(id.as_u64() % SLOTS, 27332 % SLOTS);
        assert_eq!(id.time(), time);
        assert!(id.as_u64() < 1 << 53);
    }

    #[test]
    fn times_outside_the_range_have_no_id() {
        for time in ["1999-12-31T23:59:59.999Z", "2070-01-01T00:00:00Z"] {
            assert_eq!(EventId::at(time.parse().unwrap(), 0), None, "{time}");
        }
        assert_eq!(EventId::at("2000-01-01T00:00:00Z".parse().unwrap(), 0), Some(EventId(0)));
    }

    #[test]
    fn a_full_millisecond_spills_into_the_next() {
        let time: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let last = EventId::at(time, 4095).unwrap();
        let next = EventId::at(time + jiff::SignedDuration::from_millis(1), 0);
        assert_eq!(last.after(0, 1), next);
        assert_eq!(EventId::at(time, 0).and_then(|first| first.after(1, 0)), next);
        assert_eq!(EventId::MAX.after(0, 1), None);
    }

    #[test]
    fn numbers_past_2_to_53_are_refused() {
        assert!("9007199254740991".parse::<EventId>().is_ok());
        assert!("9007199254740992".parse::<EventId>().is_err());
        assert!("-1".parse::<EventId>().is_err());
    }

    proptest! {
        #[test]
        fn ids_sort_as_times_do(a in 0i64..2_000_000_000_000, b in 0i64..2_000_000_000_000, slot in any::<u64>()) {
            let at = |ms: i64| EventId::at(Timestamp::from_millisecond(EPOCH_MS + ms).unwrap(), slot).unwrap();
            prop_assert_eq!(a.cmp(&b), at(a).cmp(&at(b)));
        }

        #[test]
        fn parts_of_a_fingerprint_do_not_run_into_each_other(source in "[a-z]{1,5}", id in any::<u64>()) {
            let number = Fingerprint::of(&source, "t", Some(&ProducerId::Number(id)), b"x");
            let text = Fingerprint::of(&source, "t", Some(&ProducerId::Text(id.to_string())), b"x");
            let payload = Fingerprint::of(&source, "t", None, id.to_string().as_bytes());
            prop_assert!(number != text && text != payload && number != payload);
            let shifted = Fingerprint::of(&format!("{source}t"), "", Some(&ProducerId::Number(id)), b"x");
            prop_assert!(number != shifted);
        }

        #[test]
        fn the_payload_does_not_count_where_there_is_an_id(id in any::<u64>(), a: Vec<u8>, b: Vec<u8>) {
            let of = |payload: &[u8]| Fingerprint::of("s", "t", Some(&ProducerId::Number(id)), payload);
            prop_assert_eq!(of(&a), of(&b));
        }
    }
}
