//! `Retry-After`: when a target wants to be asked again.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

/// The longest that a target may put off its deliveries.
const MOST: Duration = Duration::from_hours(24);

/// How long an answer asks to wait (RFC 9110, 10.2.3): seconds, or a date in any of the three forms that there are.
pub(crate) fn retry_after(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is no number of 64 bits is more than a day too.
        return Some(value.parse().map_or(MOST, Duration::from_secs).min(MOST));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).ok()?.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(status: u16, value: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        retry_after(status, &headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(wait(429, "120"), Some(120));
        assert_eq!(wait(503, "Thu, 01 Jan 2026 00:01:30 GMT"), Some(90));
        assert_eq!(wait(503, "Thursday, 01-Jan-26 00:01:30 GMT"), Some(90));
        assert_eq!(wait(503, "Thu Jan  1 00:01:30 2026"), Some(90));
        for long in ["99999999999", "99999999999999999999999999"] {
            assert_eq!(wait(503, long), Some(86_400), "a day at most");
        }
    }

    #[test]
    fn what_is_no_wait_is_passed_over() {
        for value in ["soon", "-5", "Thu, 01 Jan 2020 00:00:00 GMT", ""] {
            assert_eq!(wait(503, value), None, "{value}");
        }
        assert_eq!(wait(500, "120"), None, "of 429 and 503 only");
    }
}
