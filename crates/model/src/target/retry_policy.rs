//! Retry policies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// The retry policy of a target: the number of attempts of a delivery, and the time between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Maximum number of attempts, if there is no schedule.
    pub count: u32,
    /// Time between two attempts, if there is no schedule. Migration Manager calls it `retry_timeout`.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Times between consecutive attempts. A delivery has one attempt more than the schedule has entries.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::list")]
    pub schedule: Option<Vec<Duration>>,
}

impl RetryPolicy {
    /// Returns the time to the next attempt after `made` failed attempts; `None` after the last one.
    pub fn delay_after(&self, made: u32) -> Option<Duration> {
        match &self.schedule {
            Some(delays) => delays.get(usize::try_from(made).ok()?.checked_sub(1)?).copied(),
            None => (made < self.count).then_some(self.timeout),
        }
    }

    /// Returns the sum of all delays.
    pub fn total_delay(&self) -> Duration {
        match &self.schedule {
            Some(delays) => delays.iter().fold(Duration::ZERO, |sum, delay| sum.saturating_add(*delay)),
            None => self.timeout.saturating_mul(self.count.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_one_attempt_more_than_delays() {
        let seconds = Duration::from_secs;
        let plain = RetryPolicy { count: 3, timeout: seconds(10), schedule: None };
        assert_eq!([1, 2, 3].map(|made| plain.delay_after(made)), [Some(seconds(10)), Some(seconds(10)), None]);
        let schedule = RetryPolicy { schedule: Some(vec![seconds(1), seconds(60)]), ..plain };
        assert_eq!([1, 2, 3].map(|made| schedule.delay_after(made)), [Some(seconds(1)), Some(seconds(60)), None]);
        assert_eq!(schedule.total_delay(), seconds(61));
    }
}
