//! Event times: the forms of a time that ingest reads. `docs/ingest.md` describes them.
//!
//! Both `events`, which reads payloads, and `codegen`, which checks the examples of schemas, use this grammar.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use serde_json::Number;

/// Times that an event's ID can hold, in milliseconds since 1970: 2000-01-01T00:00:00Z, and 2^41 milliseconds from then on.
pub const EVENT_TIMES_MS: RangeInclusive<i64> = 946_684_800_000..=946_684_800_000 + (1 << 41) - 1;

/// Units of Unix times, in nanoseconds: seconds, milliseconds, microseconds and nanoseconds.
const UNIX_TIME_UNITS: [i128; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

/// Parses a time in text: RFC 3339, and the unambiguous forms that producers write instead of it.
///
/// A space may replace the `T`, a comma the point; seconds may be missing; the offset may be `+02:00`, `+0200`, `+02`, or
/// missing, which means UTC. Fractions of a nanosecond are truncated. A leap second, which exists only at 23:59:60 UTC,
/// becomes the last nanosecond of its day, so that it sorts after all other times of that day. A time after the largest
/// `Timestamp` (in the last hours of the year 9999) becomes that timestamp.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    // jiff accepts much more (weeks, names of zones, offsets of 25 hours), so the form is checked here. jiff checks that
    // the numbers form a valid date.
    let (date, rest) = split_form(text, "dddd-dd-dd")?;
    let (hour_and_minute, rest) = split_form(rest.strip_prefix(['T', 't', ' '])?, "dd:dd")?;
    let (second, rest) = split_form(rest, ":dd").map_or((0, rest), |(second, rest)| (two_digits(&second[1..]), rest));
    let (nanosecond, zone) = split_fraction(rest)?;
    let offset = parse_offset_seconds(zone)?;
    let (hour, minute) = (two_digits(hour_and_minute), two_digits(&hour_and_minute[3..]));
    let minute_of_day = i32::from(hour) * 60 + i32::from(minute);
    let (second, nanosecond) = match second {
        60 if (minute_of_day * 60 - offset).rem_euclid(86_400) == 86_340 => (59, 999_999_999),
        _ => (second, nanosecond),
    };
    let date: Date = date.parse().ok()?;
    let time = date.to_datetime(Time::new(hour, minute, second, nanosecond).ok()?);
    match Offset::from_seconds(offset).ok()?.to_timestamp(time) {
        Ok(timestamp) => Some(timestamp),
        Err(_) => (date.year() == 9999).then_some(Timestamp::MAX),
    }
}

/// Parses a Unix time, written as a decimal number of seconds, milliseconds, microseconds or nanoseconds. The magnitude
/// tells the unit, because only times that an event's ID can hold ([`EVENT_TIMES_MS`]) are accepted.
pub fn parse_unix_time(text: &str) -> Option<Timestamp> {
    // More digits than a nanosecond needs have no effect.
    const MAX_DIGITS: usize = 18;
    let (integer, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(integer) || !is_number(fraction) || integer.len() > 19 {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(MAX_DIGITS)];
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let (integer, fraction): (i128, i128) = (integer.parse().ok()?, fraction.parse().ok()?);
    let times = UNIX_TIME_UNITS.iter().map(|unit| integer * unit + fraction * unit / scale);
    times
        .filter_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok())
        .find(|time| EVENT_TIMES_MS.contains(&time.as_millisecond()))
}

/// Parses a JSON number as a Unix time, as [`parse_unix_time`] does.
pub fn parse_unix_number(number: &Number) -> Option<Timestamp> {
    match (number.as_u64(), number.as_f64()) {
        (Some(integer), _) => parse_unix_time(&integer.to_string()),
        // Rust never writes a float with an exponent.
        (None, Some(float)) => parse_unix_time(&format!("{float}")),
        (None, None) => None,
    }
}

/// Splits a fraction of a second off the start of a text, and returns its nanoseconds.
fn split_fraction(text: &str) -> Option<(i32, &str)> {
    let Some(fraction) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let nanoseconds = format!("{:0<9}", &fraction[..digits.min(9)]);
    Some((nanoseconds.parse().ok()?, &fraction[digits..]))
}

/// Returns the seconds of an offset from UTC.
fn parse_offset_seconds(zone: &str) -> Option<i32> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &zone[1..];
    let is_offset = ["dd:dd", "dddd", "dd"].iter().any(|form| has_form(digits, form));
    if !is_offset {
        return None;
    }
    let hours = two_digits(digits);
    let minutes = if digits.len() == 2 { 0 } else { two_digits(&digits[digits.len() - 2..]) };
    (hours < 24 && minutes < 60).then(|| sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// Returns the number that the first two bytes of a text, which are digits, form.
fn two_digits(text: &str) -> i8 {
    text.bytes().take(2).fold(0, |number, digit| number * 10 + (digit - b'0').cast_signed())
}

/// Splits a prefix of the form `form` off a text.
fn split_form<'a>(text: &'a str, form: &str) -> Option<(&'a str, &'a str)> {
    text.split_at_checked(form.len()).filter(|(prefix, _)| has_form(prefix, form))
}

/// Returns whether `text` has the form `form`, in which `d` represents a digit.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte == form,
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_forms_of_rfc_3339_are_accepted() {
        for (text, utc) in [
            ("2024-10-03T11:09:53Z", "2024-10-03T11:09:53Z"),
            ("2024-10-03t11:09:53z", "2024-10-03T11:09:53Z"),
            ("2024-10-03T11:09:53.225+02:00", "2024-10-03T09:09:53.225Z"),
            ("2024-10-03T11:09:53.123456789-11:30", "2024-10-03T22:39:53.123456789Z"),
            ("2024-10-03T11:09:53.1234567899Z", "2024-10-03T11:09:53.123456789Z"),
            ("2024-10-03T11:09:53-00:00", "2024-10-03T11:09:53Z"),
            ("2024-10-03T11:09:53+23:59", "2024-10-02T11:10:53Z"),
            ("2025-12-09T23:17:28.00", "2025-12-09T23:17:28Z"),
            ("9999-12-31T23:59:59-23:59", &Timestamp::MAX.to_string()),
        ] {
            assert_eq!(parse_time(text), Some(utc.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_unambiguous_forms_are_accepted() {
        for (text, utc) in [
            ("2024-10-03 11:09:53", "2024-10-03T11:09:53Z"),
            ("2024-10-03 11:09:53,225+02", "2024-10-03T09:09:53.225Z"),
            ("2024-10-03T11:09Z", "2024-10-03T11:09:00Z"),
            ("2024-10-03 11:09", "2024-10-03T11:09:00Z"),
            ("2024-10-03T11:09:53+0200", "2024-10-03T09:09:53Z"),
            ("2024-10-03T11:09:53.5-1130", "2024-10-03T22:39:53.5Z"),
        ] {
            assert_eq!(parse_time(text), Some(utc.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn leap_seconds_exist_only_before_midnight_utc_and_keep_the_order() {
        let last = Some("2016-12-31T23:59:59.999999999Z".parse().unwrap());
        for text in ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.25", "2017-01-01T05:29:60+05:30"] {
            assert_eq!(parse_time(text), last, "{text}");
        }
        assert!(parse_time("2016-12-31T23:59:59.999Z") < last && last < parse_time("2017-01-01T00:00:00Z"));
        for text in
            ["2026-05-01T12:34:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:61Z", "2016-12-31T22:59:60Z"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "2024-10-03",
            "2024-10-03T11Z",
            "2024-10-03  11:09:53Z",
            "2024-10-03T11:09:53.Z",
            "2024-10-03T11:09.5Z+",
            "2024-10-03T11:09:53 +0200",
            "2024-10-03T11:09:53+24:00",
            "2024-10-03T11:09:53-25:59",
            "2024-10-03T11:09:53+0060",
            "2024-10-03T11:09:53+2",
            "2024-10-03T11:09:53Z[UTC]",
            "2024-02-30T11:09:53Z",
            "2024-10-03T24:00:00Z",
            "9999-12-31T25:59:59Z",
            "20241003T110953Z",
            "2024-10-03T11:09:5é",
            "2024-10-03T11:09:53+é",
            "-009999-10-03T11:09:53Z",
            "Thu, 03 Oct 2024 11:09:53 GMT",
            "1727953793",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn unix_times_tell_their_unit_by_their_magnitude() {
        for (text, utc) in [
            ("946684800", "2000-01-01T00:00:00Z"),
            ("1727953793", "2024-10-03T11:09:53Z"),
            ("1727953793.225", "2024-10-03T11:09:53.225Z"),
            ("1727953793225", "2024-10-03T11:09:53.225Z"),
            ("1727953793225.5", "2024-10-03T11:09:53.2255Z"),
            ("1727953793225001", "2024-10-03T11:09:53.225001Z"),
            ("1727953793225001002", "2024-10-03T11:09:53.225001002Z"),
        ] {
            assert_eq!(parse_unix_time(text), Some(utc.parse().unwrap()), "{text}");
        }
        for text in
            ["", "0", "2026", "20260501", "20260501093000", "946684799", "1e9", "-1727953793", "1727953793.", ".5"]
        {
            assert_eq!(parse_unix_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[-+:.,TZ 0-9é]{0,40}") {
            let _ = (parse_time(&text), parse_unix_time(&text));
        }

        #[test]
        fn every_time_is_parsed_as_it_is_printed(nanoseconds in 946_684_800_000_000_000_i128..3_000_000_000_000_000_000) {
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap();
            prop_assert_eq!(parse_time(&time.to_string()), Some(time));
            prop_assert_eq!(parse_unix_time(&nanoseconds.to_string()), Some(time));
        }
    }
}
