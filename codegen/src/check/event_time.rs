//! Event times: the forms of a time that ingest reads. `docs/ingest.md` describes them, and
//! `crates/events` implements them.

use serde_json::{Value, json};

use super::json_schema::compile_validator;

/// Unix times of the years that an event ID can hold, 2000 to 2069, in seconds.
const UNIX_SECONDS: std::ops::Range<f64> = 946_684_800.0..3_155_760_000.0;
/// Units of Unix times, per second: seconds, milliseconds, microseconds and nanoseconds.
const UNIX_TIME_UNITS: [f64; 4] = [1.0, 1e3, 1e6, 1e9];

/// Returns whether ingest reads a value as a time.
pub(super) fn is_event_time(value: &Value) -> bool {
    match value {
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|number| UNIX_TIME_UNITS.iter().any(|unit| UNIX_SECONDS.contains(&(number / unit)))),
        Value::String(text) => is_time_text(text).unwrap_or(false),
        _ => false,
    }
}

/// Returns whether a text is a date and a time, with an optional fraction and offset.
fn is_time_text(text: &str) -> Option<bool> {
    let (date, rest) = text.split_at_checked("2024-10-03".len())?;
    let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked("11:09".len())?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => rest.split_at_checked(2)?,
        None => ("00", rest),
    };
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("0", rest),
    };
    let offset = match zone {
        "" | "Z" | "z" => "Z".to_owned(),
        _ => {
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let (hours, minutes) = digits.split_at_checked(2)?;
            format!("{}{hours}:{}", &zone[..1], if minutes.is_empty() { "00" } else { minutes })
        }
    };
    // The format checks the numbers, the calendar and leap seconds.
    let time = format!("{date}T{clock}:{second}.{fraction}{offset}");
    let validator = compile_validator(&json!({"format": "date-time"})).ok()?;
    Some(validator.is_valid(&json!(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_ingest_reads_are_event_times() {
        for time in [
            json!("2024-10-03T11:09:53.225Z"),
            json!("2024-10-03 11:09"),
            json!("2024-10-03T11:09:53,5+0200"),
            json!("2024-10-03t11:09:53-02"),
            json!(1_714_550_000),
            json!(1_714_550_000_123_u64),
        ] {
            assert!(is_event_time(&time), "{time}");
        }
        for time in [
            json!("yesterday"),
            json!(""),
            json!("2024-10-03"),
            json!("2024-13-03T11:09:53Z"),
            json!("2024-10-03T11:09:53+24:00"),
            json!("1714550000"),
            json!(7),
            json!(true),
        ] {
            assert!(!is_event_time(&time), "{time}");
        }
    }
}
