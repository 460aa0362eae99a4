//! Limits quarantine events to one a minute for each source.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Limits the events that report quarantined events of a source to one a minute.
#[derive(Debug, Default)]
pub struct QuarantineAlertLimiter(Mutex<ReportedSources>);

/// The sources that were already reported in the current minute.
#[derive(Debug, Default)]
struct ReportedSources {
    /// Start of the minute.
    minute: Timestamp,
    sources: HashSet<String>,
}

impl QuarantineAlertLimiter {
    /// Returns the start of the current minute if `source` was not reported in it yet, and marks it as reported.
    pub(crate) fn try_report(&self, source: &str, now: Timestamp) -> Option<Timestamp> {
        let minute = Timestamp::from_second(now.as_second().div_euclid(60) * 60).ok()?;
        // In the worst case, a poisoned lock causes a duplicate report.
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.minute != minute {
            *reported = ReportedSources { minute, sources: HashSet::new() };
        }
        reported.sources.insert(source.to_owned()).then_some(minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_reported_once_a_minute() {
        let limiter = QuarantineAlertLimiter::default();
        let at = |time: &str| time.parse::<Timestamp>().expect("a time");
        let minute = Some(at("2026-05-01T09:30:00Z"));
        assert_eq!(limiter.try_report("a", at("2026-05-01T09:30:10.5Z")), minute);
        assert_eq!(limiter.try_report("a", at("2026-05-01T09:30:59.9Z")), None);
        assert_eq!(limiter.try_report("b", at("2026-05-01T09:30:59.9Z")), minute);
        assert_eq!(limiter.try_report("a", at("2026-05-01T09:31:00Z")), Some(at("2026-05-01T09:31:00Z")));
    }
}
