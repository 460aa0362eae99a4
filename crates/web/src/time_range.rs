//! Time ranges, as the parameters `from` and `to` describe them.

use events::{parse_time, parse_unix_time};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::problem::Problem;
use crate::query_params::{Params, invalid_parameter, quoted};

const EXPECTED: &str = "a date (2026-01-31, in UTC) or a time (2026-01-31T12:00:00Z, or a Unix time)";

/// Parses the parameters `from` and `to` as a half-open range; `None` for an open end.
///
/// # Errors
/// If a parameter is neither a date nor a time, or the range ends before it begins.
pub fn parse_time_range(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    parse_time_range_of(params, "from", "to")
}

/// Parses two other parameters as [`parse_time_range`] does.
///
/// # Errors
/// As for [`parse_time_range`].
pub fn parse_time_range_of(
    params: &Params,
    first: &str,
    last: &str,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let from = params.parse(first, EXPECTED, |value| parse_date_or_time(value).map(|(start, _)| start))?;
    let until = params.parse(last, EXPECTED, |value| parse_date_or_time(value).map(|(_, end)| end))?;
    match (from, until) {
        // Times after the largest timestamp become that timestamp, so both ends may be equal to it.
        (Some(from), Some(until)) if from >= until && from < Timestamp::MAX => {
            let value = |name| params.get(name).unwrap_or_default();
            Err(after((first, value(first)), (last, value(last))))
        }
        ends => Ok(ends),
    }
}

/// The problem of a range that ends before it begins, as an example.
pub fn reversed_time_range() -> Problem {
    after(("from", "2026-05-02"), ("to", "2026-05-01"))
}

fn after((first, from): (&str, &str), (last, to): (&str, &str)) -> Problem {
    let (from, to) = (quoted(from), quoted(to));
    invalid_parameter(first, &format!("is {from:?}, which is after `{last}`, {to:?}: expected the same or earlier"))
}

/// The half-open range that a date, or a time as in an event, covers. Both ends of a range of parameters are inclusive.
fn parse_date_or_time(value: &str) -> Option<(Timestamp, Timestamp)> {
    if let Some(time) = parse_time(value).or_else(|| parse_unix_time(value)) {
        return Some((time, time.checked_add(1.nanosecond()).unwrap_or(Timestamp::MAX)));
    }
    // Only a date on its own: jiff would also accept other forms of dates and times.
    let date: Date = (value.len() == "2026-01-31".len()).then(|| value.parse().ok())??;
    // The last days of the calendar are beyond the largest timestamp.
    let start = |date: Date| date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp());
    Some((start(date), date.tomorrow().map_or(Timestamp::MAX, start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_covers_a_whole_utc_day() {
        let (start, end) = parse_date_or_time("2024-02-29").unwrap();
        assert_eq!(start.to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(end.to_string(), "2024-03-01T00:00:00Z");
    }

    #[test]
    fn a_time_covers_one_nanosecond() {
        let (start, end) = parse_date_or_time("2024-10-03T13:09:53.225+02:00").unwrap();
        assert_eq!(start.to_string(), "2024-10-03T11:09:53.225Z");
        assert_eq!((end - start).get_nanoseconds(), 1);
    }

    #[test]
    fn times_have_the_forms_of_times_in_events() {
        let expected = parse_date_or_time("2024-10-03T11:09:53.225Z");
        for time in ["2024-10-03T11:09:53.225", "2024-10-03 13:09:53,225+0200", "1727953793225", "1727953793.225"] {
            assert_eq!(parse_date_or_time(time), expected, "{time}");
        }
    }

    #[test]
    fn the_last_day_of_the_calendar_is_valid() {
        assert_eq!(parse_date_or_time("9999-12-31"), Some((Timestamp::MAX, Timestamp::MAX)));
    }

    #[test]
    fn times_after_the_largest_timestamp_are_clamped() {
        for time in ["9999-12-31T23:59:59.999999999Z", "9999-12-31T00:00:00+01:00", "9999-12-30T23:00:00Z"] {
            assert_eq!(parse_date_or_time(time), Some((Timestamp::MAX, Timestamp::MAX)), "{time}");
        }
        let earlier = parse_date_or_time("9999-12-30T20:00:00Z").unwrap();
        assert!(earlier.0 < Timestamp::MAX && earlier.1 > earlier.0);
    }

    #[test]
    fn other_formats_are_rejected() {
        for value in [
            "",
            "yesterday",
            "2024-02-30",
            "2024-1-1",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T12:34:60Z",
            "20240101",
            "2024",
            "0",
            "9999-12-31T24:00:00Z",
        ] {
            assert_eq!(parse_date_or_time(value), None, "{value}");
        }
    }
}
