//! What operators are told of: that a source sends what is refused.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Of which sources it is told already, in the minute that begins then.
#[derive(Debug, Default)]
pub struct Told(Mutex<(Timestamp, HashSet<String>)>);

impl Told {
    /// The beginning of this minute, where it is not told yet in it that `source` sent what is refused.
    pub(crate) fn note(&self, source: &str, now: Timestamp) -> Option<Timestamp> {
        let minute = Timestamp::from_second(now.as_second().div_euclid(60) * 60).ok()?;
        // What panicked elsewhere makes it be told twice at worst.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0 != minute {
            *told = (minute, HashSet::new());
        }
        told.1.insert(source.to_owned()).then_some(minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_told_of_once_a_minute() {
        let told = Told::default();
        let at = |time: &str| time.parse::<Timestamp>().expect("a time");
        let minute = Some(at("2026-05-01T09:30:00Z"));
        assert_eq!(told.note("a", at("2026-05-01T09:30:10.5Z")), minute);
        assert_eq!(told.note("a", at("2026-05-01T09:30:59.9Z")), None);
        assert_eq!(told.note("b", at("2026-05-01T09:30:59.9Z")), minute);
        assert_eq!(told.note("a", at("2026-05-01T09:31:00Z")), Some(at("2026-05-01T09:31:00Z")));
    }
}
