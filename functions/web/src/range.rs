//! Ranges of time, as `from` and `to` give them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::problem::{Kind, Problem};
use crate::query::Params;

const EXPECTED: &str = "a date (2026-01-31, in UTC) or a time (2026-01-31T12:00:00Z)";

/// The half-open range that `from` and `to` stand for; `None` at an end that is open.
///
/// # Errors
/// The parameter that is no time, or `from` where the range ends before it begins.
pub fn time_range(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let from = params.parsed("from", EXPECTED, |value| range(value).map(|(start, _)| start))?;
    let until = params.parsed("to", EXPECTED, |value| range(value).map(|(_, end)| end))?;
    match (from, until) {
        (Some(from), Some(until)) if from >= until => Err(from_after_to()),
        ends => Ok(ends),
    }
}

/// The problem of a range that ends before it begins.
pub fn from_after_to() -> Problem {
    Problem::new(Kind::BadRequest, "The parameter `from` is after `to`").with("parameter", "from")
}

/// The start of a date or time, and the end that it stands for: both ends of a range belong to it.
fn range(value: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(time) = value.parse::<Timestamp>() {
        return Some((time, time.checked_add(1.nanosecond()).ok()?));
    }
    // A civil date alone: jiff would also read one out of a date and time without a zone.
    let date: Date = (value.len() == "2026-01-31".len()).then(|| value.parse().ok())??;
    // The last days that there are have no time that can be told: nothing happens then.
    let start = |date: Date| date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp());
    Some((start(date), date.tomorrow().map_or(Timestamp::MAX, start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_utc_day() {
        let (start, end) = range("2024-02-29").unwrap();
        assert_eq!(start.to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(end.to_string(), "2024-03-01T00:00:00Z");
    }

    #[test]
    fn an_instant_belongs_to_its_range() {
        let (start, end) = range("2024-10-03T13:09:53.225+02:00").unwrap();
        assert_eq!(start.to_string(), "2024-10-03T11:09:53.225Z");
        assert_eq!((end - start).get_nanoseconds(), 1);
    }

    #[test]
    fn the_last_day_is_one() {
        assert_eq!(range("9999-12-31"), Some((Timestamp::MAX, Timestamp::MAX)));
    }

    #[test]
    fn other_times_are_refused() {
        for value in ["", "yesterday", "2024-02-30", "2024-1-1", "2024-01-01T00:00:00", "20240101"] {
            assert_eq!(range(value), None, "{value}");
        }
    }
}
