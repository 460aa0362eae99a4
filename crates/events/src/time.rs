//! Times in payloads.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time in the form of RFC 3339, or without an offset, which means UTC.
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
        let timestamp = parse(&text);
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

/// Parses a time in the form of RFC 3339, with any offset or none (UTC). Fractions of a nanosecond are truncated, a leap
/// second becomes the previous second, and a time after the largest `Timestamp` (in the year 9999) becomes that timestamp.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // jiff accepts much more than RFC 3339 (spaces, weeks, missing seconds, names of zones), so the form is checked here.
    // jiff checks that the numbers form a valid date.
    let (date_time, rest) = text.split_at_checked(19)?;
    if !has_form(date_time, "dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            (&rest[..=digits.min(9)], &fraction[digits..])
        }
        None => ("", rest),
    };
    if !["", "Z", "+dd:dd", "-dd:dd"].iter().any(|form| has_form(zone, form)) {
        return None;
    }
    // Fast path for nearly all times.
    if !zone.is_empty()
        && let Ok(time) = text.parse()
    {
        return Some(time);
    }
    let offset = if zone.is_empty() { "Z" } else { zone };
    let parse = |date_time: &str| format!("{date_time}{fraction}{offset}").parse().ok();
    // The largest `Timestamp` is before the end of the year 9999.
    parse(date_time).or_else(|| match date_time.strip_prefix("9999-12-3")?.split_once(['T', 't'])? {
        ("0" | "1", time) => parse(&format!("9998-12-30T{time}")).map(|_| Timestamp::MAX),
        _ => None,
    })
}

/// Returns whether `text` has the form `form`, in which `d` represents a digit; letters may have either case.
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
    fn all_forms_of_rfc_3339_are_accepted() {
        for (text, utc) in [
            ("2024-10-03T11:09:53Z", "2024-10-03T11:09:53Z"),
            ("2024-10-03t11:09:53z", "2024-10-03T11:09:53Z"),
            ("2024-10-03T11:09:53.225+02:00", "2024-10-03T09:09:53.225Z"),
            ("2024-10-03T11:09:53.123456789-11:30", "2024-10-03T22:39:53.123456789Z"),
            ("2024-10-03T11:09:53.1234567899Z", "2024-10-03T11:09:53.123456789Z"),
            ("2024-10-03T11:09:53-00:00", "2024-10-03T11:09:53Z"),
            ("2024-02-29T23:59:60Z", "2024-02-29T23:59:59Z"),
            ("2025-12-09T23:17:28.00", "2025-12-09T23:17:28Z"),
            ("9999-12-31T23:59:59-23:59", &Timestamp::MAX.to_string()),
        ] {
            assert_eq!(parse(text), Some(utc.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_rejected() {
        for text in [
            "",
            "2024-10-03",
            "2024-10-03 11:09:53Z",
            "2024-10-03T11:09Z",
            "2024-10-03T11:09:53.Z",
            "2024-10-03T11:09:53+0200",
            "2024-10-03T11:09:53Z[UTC]",
            "2024-02-30T11:09:53Z",
            "2024-10-03T25:09:53Z",
            "9999-12-31T25:59:59Z",
            "20241003T110953Z",
            "2024-10-03T11:09:5é",
            "-009999-10-03T11:09:53Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
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
