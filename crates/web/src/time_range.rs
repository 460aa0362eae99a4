//! Ranges of time, as `from` and `to` give them.

use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::problem::Problem;
use crate::query_params::{Params, invalid_parameter, quoted};

const EXPECTED: &str = "a date (2026-01-31, in UTC) or a time (2026-01-31T12:00:00Z)";

/// The half-open range that `from` and `to` stand for; `None` at an end that is open.
///
/// # Errors
/// The parameter that is no time, or `from` where the range ends before it begins.
pub fn parse_time_range(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    parse_time_range_of(params, "from", "to")
}

/// The same of other parameters.
///
/// # Errors
/// As [`parse_time_range`].
pub fn parse_time_range_of(
    params: &Params,
    first: &str,
    last: &str,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let from = params.parse(first, EXPECTED, |value| range(value).map(|(start, _)| start))?;
    let until = params.parse(last, EXPECTED, |value| range(value).map(|(_, end)| end))?;
    match (from, until) {
        // Of what cannot be told any more, both ends are the last moment that can.
        (Some(from), Some(until)) if from >= until && from < Timestamp::MAX => {
            let value = |name| params.get(name).unwrap_or_default();
            Err(after((first, value(first)), (last, value(last))))
        }
        ends => Ok(ends),
    }
}

/// The problem of a range that ends before it begins.
pub fn reversed_time_range() -> Problem {
    after(("from", "2026-05-02"), ("to", "2026-05-01"))
}

fn after((first, from): (&str, &str), (last, to): (&str, &str)) -> Problem {
    let (from, to) = (quoted(from), quoted(to));
    invalid_parameter(first, &format!("is {from:?}, which is after `{last}`, {to:?}: expected the same or earlier"))
}

/// The start of a date or time, and the end that it stands for: both ends of a range belong to it.
fn range(value: &str) -> Option<(Timestamp, Timestamp)> {
    if let Some(time) = time(value) {
        return Some((time, time.checked_add(1.nanosecond()).unwrap_or(Timestamp::MAX)));
    }
    // A civil date alone: jiff would also read one out of a date and time without a zone.
    let date: Date = (value.len() == "2026-01-31".len()).then(|| value.parse().ok())??;
    // The last days that there are have no time that can be told: nothing happens then.
    let start = |date: Date| date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp());
    Some((start(date), date.tomorrow().map_or(Timestamp::MAX, start)))
}

/// A time; the last that can be told, where it is one of the last hours of 9999.
fn time(value: &str) -> Option<Timestamp> {
    if let Ok(time) = value.parse() {
        return Some(time);
    }
    let pieces = Pieces::parse(value).ok()?;
    let (date, offset) = (pieces.date(), pieces.to_numeric_offset()?);
    let time = date.to_datetime(pieces.time()?);
    // It is read, but for the range that a `Timestamp` has.
    (date.year() == 9999 && offset.to_timestamp(time).is_err()).then_some(Timestamp::MAX)
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
    fn the_last_moments_are_times() {
        for time in ["9999-12-31T23:59:59.999999999Z", "9999-12-31T00:00:00+01:00", "9999-12-30T23:00:00Z"] {
            assert_eq!(range(time), Some((Timestamp::MAX, Timestamp::MAX)), "{time}");
        }
        let earlier = range("9999-12-30T20:00:00Z").unwrap();
        assert!(earlier.0 < Timestamp::MAX && earlier.1 > earlier.0);
    }

    #[test]
    fn other_times_are_refused() {
        for value in
            ["", "yesterday", "2024-02-30", "2024-1-1", "2024-01-01T00:00:00", "20240101", "9999-12-31T24:00:00Z"]
        {
            assert_eq!(range(value), None, "{value}");
        }
    }
}
