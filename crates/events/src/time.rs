//! Times in payloads.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use event_time::parse_time;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time in text, as [`parse_time`] accepts it.
///
/// It is serialised as the text from which it was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instant {
    text: String,
    timestamp: Option<Timestamp>,
}

impl Instant {
    /// Returns the time to the nanosecond; `None` if the text is not a time, which only a schema without `format: date-time`
    /// accepts.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Returns the original text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<String> for Instant {
    fn from(text: String) -> Self {
        let timestamp = parse_time(&text);
        Self { text, timestamp }
    }
}

impl FromStr for Instant {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.to_owned().into())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Returns a time in nanoseconds since 1970. Times outside the years 1677 to 2262 are clamped.
pub fn unix_nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_id::EventId;

    #[test]
    fn event_times_are_the_times_of_ids() {
        let times = EventId::MIN.time().as_millisecond()..=EventId::MAX.time().as_millisecond();
        assert_eq!(event_time::EVENT_TIMES_MS, times);
    }

    #[test]
    fn instants_are_serialised_as_their_original_text() {
        let text = "\"2025-12-09T23:17:28.00\"";
        let instant: Instant = serde_json::from_str(text).unwrap();
        assert_eq!(instant.timestamp(), Some("2025-12-09T23:17:28Z".parse().unwrap()));
        assert_eq!(Instant::from("soon".to_owned()).timestamp(), None);
        assert_eq!(serde_json::to_string(&instant).unwrap(), text);
    }
}
