//! Times as producers write them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// An instant whose text may leave out the offset, which then means UTC: the schema format
/// `instant`. Written with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Instant(pub Timestamp);

impl FromStr for Instant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or("not an instant such as 2025-12-09T23:17:28.00")
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads RFC 3339, with any offset or none (then UTC), and up to nanoseconds.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if zone(text)?.is_empty() { format!("{text}Z").parse().ok() } else { text.parse().ok() }
}

/// Reads RFC 3339 as it stands: with an offset.
pub(crate) fn parse_strict(text: &str) -> Option<Timestamp> {
    if zone(text)?.is_empty() { None } else { text.parse().ok() }
}

/// The offset of what has the form of a time, empty where it has none.
///
/// jiff reads much more than RFC 3339 (spaces, weeks, missing seconds, names of zones), so the
/// form is looked at here. That the numbers make a date is left to jiff.
fn zone(text: &str) -> Option<&str> {
    let (date_time, rest) = text.split_at_checked(19)?;
    if !has_form(date_time, "dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    let known = ["", "Z", "+dd:dd", "-dd:dd"].iter().any(|form| has_form(zone, form));
    known.then_some(zone)
}

/// Whether `text` is `form`, with a digit for each `d`, and letters in either case.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte.to_ascii_uppercase() == form,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_in_all_its_forms() {
        for (text, utc) in [
            ("2024-10-03T11:09:53Z", "2024-10-03T11:09:53Z"),
            ("2024-10-03t11:09:53z", "2024-10-03T11:09:53Z"),
            ("2024-10-03T11:09:53.225+02:00", "2024-10-03T09:09:53.225Z"),
            ("2024-10-03T11:09:53.123456789-11:30", "2024-10-03T22:39:53.123456789Z"),
            ("2024-10-03T11:09:53-00:00", "2024-10-03T11:09:53Z"),
            ("2024-02-29T23:59:60Z", "2024-02-29T23:59:59Z"),
        ] {
            let utc = utc.parse().ok();
            assert_eq!(parse_strict(text), utc, "{text}");
            assert_eq!(parse(text), utc, "{text}");
        }
    }

    #[test]
    fn no_zone_is_utc() {
        let text = "2025-12-09T23:17:28.00";
        assert_eq!(parse(text), "2025-12-09T23:17:28Z".parse().ok());
        assert_eq!(parse_strict(text), None);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2024-10-03",
            "2024-10-03 11:09:53Z",
            "2024-10-03T11:09Z",
            "2024-10-03T11:09:53.Z",
            "2024-10-03T11:09:53.1234567890Z",
            "2024-10-03T11:09:53+0200",
            "2024-10-03T11:09:53Z[UTC]",
            "2024-02-30T11:09:53Z",
            "2024-10-03T25:09:53Z",
            "20241003T110953Z",
            "2024-10-03T11:09:5é",
            "-009999-10-03T11:09:53Z",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
