//! The text format of durations: `10s`, `5m`, `1h30m` as in Migration Manager, and `2d`. A day has 24 hours.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parses a duration such as `10s`, `5m`, `1h30m` or `2d`; `None` if it is invalid or negative.
pub fn parse(text: &str) -> Option<Duration> {
    let duration = text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// Formats a duration in hours, minutes, seconds and smaller units, as [`parse`] reads it.
pub fn format(duration: Duration) -> String {
    const PRINTER: SpanPrinter = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
    PRINTER.unsigned_duration_to_string(&duration)
}

/// Serializes a duration, for serde's `with`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    format(*duration).serialize(serializer)
}

/// Deserializes a duration, for serde's `with`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read(&String::deserialize(deserializer)?)
}

fn read<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    parse(text).ok_or_else(|| E::custom("expected a duration such as 10s, 5m, 1h30m or 2d"))
}

/// Serde support for an optional list of durations.
pub mod list {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, format, read};

    /// Serializes a list of durations, for serde's `with`.
    pub fn serialize<S: Serializer>(durations: &Option<Vec<Duration>>, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = durations.as_ref().map(|all| all.iter().map(|one| format(*one)).collect::<Vec<_>>());
        texts.serialize(serializer)
    }

    /// Deserializes a list of durations, for serde's `with`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Duration>>, D::Error> {
        let texts = Option::<Vec<String>>::deserialize(deserializer)?;
        texts.map(|texts| texts.iter().map(|text| read(text)).collect()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_and_formatted() {
        for (text, seconds) in [("10s", 10), ("5m", 300), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
        for (text, milliseconds) in [("1s500ms", 1500), ("1h1s", 3_601_000), ("26h", 93_600_000), ("999ms", 999)] {
            assert_eq!(format(Duration::from_millis(milliseconds)), text);
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(parse("2d"), Some(Duration::from_hours(48)));
        assert_eq!(parse("1d12h30m"), Some(Duration::from_mins(36 * 60 + 30)));
        for text in ["", "ten", "-5s", "10", "1mo", "1y", "99999999999999999999h", "99999999d99999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
