//! Event IDs.

use std::fmt;
use std::num::IntErrorKind;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of slots of a millisecond.
pub const SLOTS_PER_MS: u64 = 4096;

/// Time of the first ID, 2000-01-01T00:00:00Z, in milliseconds since 1970.
const EPOCH_MS: i64 = 946_684_800_000;

/// Largest integer that JavaScript represents exactly, 2^53 - 1.
const MAX_ID: u64 = (1 << 53) - 1;

/// Maximum number of milliseconds by which the id of an event may be later than its time: an event whose first slot is
/// taken is stored in a slot of a later millisecond.
pub const MAX_SPILL_MS: u64 = 1024;

/// ID of an event: `(milliseconds since 2000-01-01T00:00Z) * 4096 + slot`.
///
/// IDs sort by the events' times, need no counter, and are below 2^53 until the year 2069.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EventId(#[schemars(range(max = MAX_ID))] u64);

impl EventId {
    /// Largest ID.
    pub const MAX: Self = Self(MAX_ID);

    /// Smallest ID.
    pub const MIN: Self = Self(0);

    /// Returns the ID with the given slot (modulo 4096) in the millisecond of `time`; `None` if `time` is out of range.
    pub fn at(time: Timestamp, slot: u64) -> Option<Self> {
        let ms = u64::try_from(time.as_millisecond() - EPOCH_MS).ok()?;
        Self::from_u64(ms.checked_mul(SLOTS_PER_MS)? + slot % SLOTS_PER_MS)
    }

    /// Returns the ID with this number, unless the number is too large.
    pub fn from_u64(id: u64) -> Option<Self> {
        (id <= MAX_ID).then_some(Self(id))
    }

    /// Returns the ID as a number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the ID that is later by the given milliseconds and slots, if it is in range. The last slot of a millisecond
    /// is followed by the first slot of the next.
    pub fn after(self, milliseconds: u64, slots: u64) -> Option<Self> {
        Self::from_u64(milliseconds.checked_mul(SLOTS_PER_MS)?.checked_add(slots)?.checked_add(self.0)?)
    }

    /// Returns the beginning of the millisecond of this ID.
    pub fn time(self) -> Timestamp {
        // Cannot fail: an ID has at most 2^41 ms after 2000, well within the range of a Timestamp.
        let ms = i64::try_from(self.0 / SLOTS_PER_MS).unwrap_or(i64::MAX - EPOCH_MS) + EPOCH_MS;
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// Returns the shard of this ID in a deployment with the given number of shards.
    pub fn shard(self, shards: u16) -> u16 {
        // The remainder is below `shards`, so it fits.
        u16::try_from(self.0 % u64::from(shards.max(1))).unwrap_or(0)
    }
}

/// The error of a text that is not an event ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventId {
    /// The text is not an integer.
    #[error("expected an integer from 0 to 2^53 - 1")]
    NotAnInteger,
    /// The integer is larger than every ID.
    #[error("too large: expected an integer from 0 to 2^53 - 1 (9007199254740991)")]
    TooLarge,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(s: &str) -> Result<Self, InvalidEventId> {
        match s.parse() {
            Ok(id) => Self::from_u64(id).ok_or(InvalidEventId::TooLarge),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err(InvalidEventId::TooLarge),
            Err(_) => Err(InvalidEventId::NotAnInteger),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_consist_of_time_and_slot() {
        let time: Timestamp = "2024-10-03T11:09:53.225Z".parse().unwrap();
        let id = EventId::at(time, 27332).unwrap();
        assert_eq!(id.as_u64() % SLOTS_PER_MS, 27332 % SLOTS_PER_MS);
        assert_eq!(id.time(), time);
        assert!(id.as_u64() < 1 << 53);
    }

    #[test]
    fn times_out_of_range_have_no_id() {
        for time in ["1999-12-31T23:59:59.999Z", "2070-01-01T00:00:00Z"] {
            assert_eq!(EventId::at(time.parse().unwrap(), 0), None, "{time}");
        }
        assert_eq!(EventId::at("2000-01-01T00:00:00Z".parse().unwrap(), 0), Some(EventId(0)));
    }

    #[test]
    fn slots_overflow_into_the_next_millisecond() {
        let time: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let last = EventId::at(time, 4095).unwrap();
        let next = EventId::at(time + jiff::SignedDuration::from_millis(1), 0);
        assert_eq!(last.after(0, 1), next);
        assert_eq!(EventId::at(time, 0).and_then(|first| first.after(1, 0)), next);
        assert_eq!(EventId::MAX.after(0, 1), None);
    }

    #[test]
    fn numbers_above_2_to_53_are_rejected() {
        assert!("9007199254740991".parse::<EventId>().is_ok());
        for text in ["9007199254740992", "18446744073709551616", &"9".repeat(100)] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId::TooLarge), "{text}");
        }
        for text in ["", "-1", "1.5", "x"] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId::NotAnInteger), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_sort_by_time(a in 0i64..2_000_000_000_000, b in 0i64..2_000_000_000_000, slot in any::<u64>()) {
            let at = |ms: i64| EventId::at(Timestamp::from_millisecond(EPOCH_MS + ms).unwrap(), slot).unwrap();
            prop_assert_eq!(a.cmp(&b), at(a).cmp(&at(b)));
        }
    }
}
