//! Retry policies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;

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

/// Returns the delay before the next attempt: the policy's delay with jitter, and at least the delay that the target has
/// requested with `Retry-After`. `random` is between 0 and 1.
pub(crate) fn retry_delay(delay: Duration, retry_after: Option<Duration>, random: f64) -> Duration {
    jittered(delay, random).max(retry_after.unwrap_or_default())
}

/// Varies a delay by at most 10 %, so that what failed together is not repeated together. `random` is between 0 and 1.
pub fn jittered(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(0.9 + 0.2 * random)
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

    #[test]
    fn jitter_is_at_most_a_tenth() {
        let delay = Duration::from_secs(100);
        assert_eq!([0.0, 0.5, 1.0].map(|random| (jittered(delay, random).as_millis() + 500) / 1000), [90, 100, 110]);
    }

    #[test]
    fn a_requested_delay_is_a_minimum() {
        let [minute, hour] = [Duration::from_mins(1), Duration::from_hours(1)];
        assert_eq!(retry_delay(minute, Some(hour), 0.5), hour);
        assert_eq!(retry_delay(hour, Some(minute), 0.5), hour);
        assert_eq!(retry_delay(hour, None, 0.5), hour);
    }
}
