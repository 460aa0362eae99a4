//! The `Retry-After` header.
//!
//! `headers::RetryAfter` is not used, because its value cannot be read.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

/// Maximum delay that a target may request.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Returns the delay that a response with status 429 or 503 requests (RFC 9110, 10.2.3): a number of seconds, or a date
/// in one of the three HTTP formats.
pub(crate) fn parse_retry_after(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that exceeds 64 bits exceeds the maximum too.
        return Some(value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).ok()?.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(status: u16, value: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        parse_retry_after(status, &headers, now).map(|delay| delay.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_parsed() {
        assert_eq!(seconds(429, "120"), Some(120));
        assert_eq!(seconds(503, "Thu, 01 Jan 2026 00:01:30 GMT"), Some(90));
        assert_eq!(seconds(503, "Thursday, 01-Jan-26 00:01:30 GMT"), Some(90));
        assert_eq!(seconds(503, "Thu Jan  1 00:01:30 2026"), Some(90));
        for long in ["99999999999", "99999999999999999999999999"] {
            assert_eq!(seconds(503, long), Some(86_400), "at most a day");
        }
    }

    #[test]
    fn invalid_values_are_ignored() {
        for value in ["soon", "-5", "Thu, 01 Jan 2020 00:00:00 GMT", ""] {
            assert_eq!(seconds(503, value), None, "{value}");
        }
        assert_eq!(seconds(500, "120"), None, "only with 429 and 503");
    }
}
