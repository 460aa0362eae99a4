//! What a message asks for, by what is on record of its delivery. A message is only a nudge: the record says
//! whether an attempt is due, so messages that came twice do no harm.

use std::time::Duration;

use jiff::Timestamp;
use model::{Delivery, DeliveryKey, RecordedStatus};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing, ever.
    Nothing,
    /// Nothing yet.
    NotYet(Duration),
    /// An attempt, after so many since the schedule began; `first` where the record is not this run's yet.
    Attempt { made: u32, first: bool },
}

/// What a message asks for whose turn it is.
pub(crate) fn plan(record: Option<&Delivery>, turn: DeliveryKey<'_>, now: Timestamp) -> Plan {
    let Some(record) = record else { return Plan::Attempt { made: 0, first: true } };
    if turn.undelivered && record.status == RecordedStatus::Delivered {
        return Plan::Nothing;
    }
    match (record.run.as_deref(), turn.run) {
        // A replay or retry that began later has taken it over.
        (Some(_), None) => return Plan::Nothing,
        (Some(theirs), Some(ours)) if theirs > ours => return Plan::Nothing,
        (theirs, Some(ours)) if theirs != Some(ours) => return Plan::Attempt { made: 0, first: true },
        _ => {}
    }
    match record.status {
        RecordedStatus::Delivered | RecordedStatus::Failed => Plan::Nothing,
        RecordedStatus::Held => Plan::Attempt { made: 0, first: false },
        RecordedStatus::Waiting => {
            let claimed = record.claimed_until.and_then(|until| Timestamp::from_millisecond(until).ok());
            let due = record.next_attempt_at.into_iter().chain(claimed).max();
            match due.filter(|due| *due > now) {
                Some(due) => Plan::NotYet(Duration::try_from(due.duration_since(now)).unwrap_or_default()),
                None => Plan::Attempt { made: record.made, first: false },
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

    fn turn(run: Option<&str>) -> DeliveryKey<'_> {
        DeliveryKey { event: events::EventId::MIN, target: "t", run, undelivered: false }
    }

    #[track_caller]
    fn is(record: &Delivery, run: Option<&str>, expected: Plan) {
        assert_eq!(plan(Some(record), turn(run), "2026-01-01T00:00:00Z".parse().unwrap()), expected);
    }

    #[test]
    fn what_is_done_is_not_done_again() {
        for status in ["delivered", "failed"] {
            is(&record(status, None, None), None, Plan::Nothing);
            is(&record(status, Some("r1"), None), Some("r1"), Plan::Nothing);
        }
        assert_eq!(plan(None, turn(None), Timestamp::UNIX_EPOCH), Plan::Attempt { made: 0, first: true });
    }

    #[test]
    fn what_is_not_due_waits() {
        let waiting = |next| record("waiting", None, Some(next));
        is(&waiting("2026-01-01T00:01:00Z"), None, Plan::NotYet(Duration::from_mins(1)));
        is(&waiting("2025-12-31T23:59:00Z"), None, Plan::Attempt { made: 2, first: false });
    }

    #[test]
    fn a_later_run_begins_anew_and_overtakes() {
        let delivered = record("delivered", Some("r2"), None);
        is(&delivered, Some("r3"), Plan::Attempt { made: 0, first: true });
        is(&delivered, Some("r1"), Plan::Nothing);
        is(&record("waiting", Some("r1"), None), None, Plan::Nothing);
        is(&record("failed", None, None), Some("r1"), Plan::Attempt { made: 0, first: true });
    }

    #[test]
    fn a_run_of_what_is_undelivered_leaves_the_delivered_alone() {
        let turn = DeliveryKey { undelivered: true, ..turn(Some("r2")) };
        for (status, expected) in [("delivered", Plan::Nothing), ("held", Plan::Attempt { made: 0, first: true })] {
            assert_eq!(plan(Some(&record(status, Some("r1"), None)), turn, Timestamp::UNIX_EPOCH), expected);
        }
    }
}
