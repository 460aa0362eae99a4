//! Decides from the delivery record whether an attempt is due. A message only suggests that something may be due, so
//! that repeated messages do no harm.

use std::time::Duration;

use jiff::Timestamp;
use model::{Delivery, DeliveryKey, RecordedStatus};

/// The decision about a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AttemptDecision {
    /// The message is obsolete.
    Never,
    /// The next attempt is due after this delay.
    NotYet(Duration),
    /// An attempt is due. `made` attempts were made since the schedule started; `is_new_run` means that the record does
    /// not belong to the run of the message yet.
    Attempt { made: u32, is_new_run: bool },
}

/// Decides about a message for the delivery `key`.
pub(crate) fn decide(record: Option<&Delivery>, key: DeliveryKey<'_>, now: Timestamp) -> AttemptDecision {
    let Some(record) = record else { return AttemptDecision::Attempt { made: 0, is_new_run: true } };
    if key.undelivered && record.status == RecordedStatus::Delivered {
        return AttemptDecision::Never;
    }
    match (record.run.as_deref(), key.run) {
        // A later replay or retry has taken the delivery over.
        (Some(_), None) => return AttemptDecision::Never,
        (Some(theirs), Some(ours)) if theirs > ours => return AttemptDecision::Never,
        (theirs, Some(ours)) if theirs != Some(ours) => return AttemptDecision::Attempt { made: 0, is_new_run: true },
        _ => {}
    }
    match record.status {
        RecordedStatus::Delivered | RecordedStatus::Failed => AttemptDecision::Never,
        RecordedStatus::Held => AttemptDecision::Attempt { made: 0, is_new_run: false },
        RecordedStatus::Waiting => {
            let claimed = record.claimed_until.and_then(|until| Timestamp::from_millisecond(until).ok());
            let due = record.next_attempt_at.into_iter().chain(claimed).max();
            match due.filter(|due| *due > now) {
                Some(due) => AttemptDecision::NotYet(Duration::try_from(due.duration_since(now)).unwrap_or_default()),
                None => AttemptDecision::Attempt { made: record.made, is_new_run: false },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: &str, run: Option<&str>, next: Option<&str>) -> Delivery {
        let mut item = serde_json::json!({ "pk": 1, "sk": "t", "status": status, "made": 2, "count": 2 });
        item["run"] = run.into();
        item["next_attempt_at"] = next.into();
        serde_json::from_value(item).unwrap()
    }

    fn key(run: Option<&str>) -> DeliveryKey<'_> {
        DeliveryKey { event: events::EventId::MIN, target: "t", run, undelivered: false }
    }

    #[track_caller]
    fn assert_decision(record: &Delivery, run: Option<&str>, expected: AttemptDecision) {
        assert_eq!(decide(Some(record), key(run), "2026-01-01T00:00:00Z".parse().unwrap()), expected);
    }

    #[test]
    fn finished_deliveries_are_not_repeated() {
        for status in ["delivered", "failed"] {
            assert_decision(&record(status, None, None), None, AttemptDecision::Never);
            assert_decision(&record(status, Some("r1"), None), Some("r1"), AttemptDecision::Never);
        }
        let first = AttemptDecision::Attempt { made: 0, is_new_run: true };
        assert_eq!(decide(None, key(None), Timestamp::UNIX_EPOCH), first);
    }

    #[test]
    fn an_attempt_waits_until_it_is_due() {
        let waiting = |next| record("waiting", None, Some(next));
        let later = AttemptDecision::NotYet(Duration::from_mins(1));
        assert_decision(&waiting("2026-01-01T00:01:00Z"), None, later);
        let due = AttemptDecision::Attempt { made: 2, is_new_run: false };
        assert_decision(&waiting("2025-12-31T23:59:00Z"), None, due);
    }

    #[test]
    fn a_later_run_takes_over_and_starts_the_schedule_again() {
        let restarted = || AttemptDecision::Attempt { made: 0, is_new_run: true };
        let delivered = record("delivered", Some("r2"), None);
        assert_decision(&delivered, Some("r3"), restarted());
        assert_decision(&delivered, Some("r1"), AttemptDecision::Never);
        assert_decision(&record("waiting", Some("r1"), None), None, AttemptDecision::Never);
        assert_decision(&record("failed", None, None), Some("r1"), restarted());
    }

    #[test]
    fn a_run_for_undelivered_events_skips_delivered_ones() {
        let key = DeliveryKey { undelivered: true, ..key(Some("r2")) };
        let restarted = AttemptDecision::Attempt { made: 0, is_new_run: true };
        for (status, expected) in [("delivered", AttemptDecision::Never), ("held", restarted)] {
            assert_eq!(decide(Some(&record(status, Some("r1"), None)), key, Timestamp::UNIX_EPOCH), expected);
        }
    }
}
