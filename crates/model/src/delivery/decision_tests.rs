use std::time::Duration;

use events::EventId;
use jiff::Timestamp;

use super::decision::{
    AttemptVerdict, MessageDecision, RetryDecision, decide_after_attempt, decide_message, decide_retry, lost_attempts,
    status_before_attempt,
};
use super::record::{Delivery, DeliveryKey, RecordedStatus};
use super::transition::DeliveryState;
use crate::retry_policy::RetryPolicy;

const CLAIM_TIME: Duration = Duration::from_secs(40);

const STARTED_AGAIN: MessageDecision = MessageDecision::Attempt { made: 0, is_new_run: true };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn state(status: RecordedStatus, run: Option<&str>, next: Option<&str>) -> DeliveryState {
    let (run, next_attempt_at) = (run.map(str::to_owned), next.map(at));
    DeliveryState { status, run, made: 2, next_attempt_at, claimed_until: None, last_attempt_at: None }
}

fn key(run: Option<&str>) -> DeliveryKey<'_> {
    DeliveryKey { event: EventId::MIN, target: "t", target_created_at: None, run, undelivered: false }
}

#[track_caller]
fn assert_decision(state: &DeliveryState, run: Option<&str>, expected: MessageDecision) {
    assert_eq!(decide_message(Some(state), key(run), at("2026-01-01T00:00:00Z"), CLAIM_TIME), expected);
}

#[test]
fn finished_deliveries_are_not_repeated() {
    for status in [RecordedStatus::Delivered, RecordedStatus::Failed] {
        assert_decision(&state(status, None, None), None, MessageDecision::Drop);
        assert_decision(&state(status, Some("r1"), None), Some("r1"), MessageDecision::Drop);
    }
    assert_eq!(decide_message(None, key(None), Timestamp::UNIX_EPOCH, CLAIM_TIME), STARTED_AGAIN);
}

#[test]
fn an_attempt_waits_until_it_is_due() {
    let waiting = |next| state(RecordedStatus::Waiting, None, Some(next));
    let later = MessageDecision::NotYet(Duration::from_mins(1));
    assert_decision(&waiting("2026-01-01T00:01:00Z"), None, later);
    let due = MessageDecision::Attempt { made: 2, is_new_run: false };
    assert_decision(&waiting("2025-12-31T23:59:00Z"), None, due);
    let claimed = DeliveryState {
        claimed_until: Some(at("2026-01-01T00:01:00Z")),
        ..state(RecordedStatus::Waiting, Some("r1"), None)
    };
    assert_decision(&claimed, Some("r1"), MessageDecision::Claimed(Duration::from_mins(1)));
}

#[test]
fn a_clock_that_was_set_back_delays_no_attempt() {
    let due = MessageDecision::Attempt { made: 2, is_new_run: false };
    let retried = |last: &str| DeliveryState {
        last_attempt_at: Some(at(last)),
        ..state(RecordedStatus::Waiting, None, Some("2026-01-01T01:00:10Z"))
    };
    assert_decision(&retried("2026-01-01T01:00:00Z"), None, due);
    // The clocks of two workers differ by less than a second.
    let later = MessageDecision::NotYet(Duration::from_secs(3610));
    for last in ["2025-12-31T23:59:00Z", "2026-01-01T00:00:00.9Z"] {
        assert_decision(&retried(last), None, later);
    }
    let claimed = DeliveryState {
        claimed_until: Some(at("2026-01-01T01:00:00Z")),
        ..state(RecordedStatus::Waiting, Some("r1"), None)
    };
    assert_decision(&claimed, Some("r1"), due);
}

#[test]
fn a_later_run_takes_over_and_starts_the_schedule_again() {
    let delivered = state(RecordedStatus::Delivered, Some("r2"), None);
    assert_decision(&delivered, Some("r3"), STARTED_AGAIN);
    assert_decision(&delivered, Some("r1"), MessageDecision::Drop);
    assert_decision(&state(RecordedStatus::Waiting, Some("r1"), None), None, MessageDecision::Drop);
    assert_decision(&state(RecordedStatus::Failed, None, None), Some("r1"), STARTED_AGAIN);
}

#[test]
fn a_run_for_undelivered_events_skips_delivered_ones() {
    let key = DeliveryKey { undelivered: true, ..key(Some("r2")) };
    for (status, expected) in
        [(RecordedStatus::Delivered, MessageDecision::Drop), (RecordedStatus::Held, STARTED_AGAIN)]
    {
        let state = state(status, Some("r1"), None);
        assert_eq!(decide_message(Some(&state), key, Timestamp::UNIX_EPOCH, CLAIM_TIME), expected);
    }
}

#[test]
fn a_pause_holds_every_event_but_tests() {
    assert_eq!(status_before_attempt(false, false), RecordedStatus::Waiting);
    assert_eq!(status_before_attempt(true, false), RecordedStatus::Held);
    assert_eq!(status_before_attempt(true, true), RecordedStatus::Waiting);
}

#[test]
fn a_lost_attempt_is_reported_once() {
    let delivery = |unrecorded: &[u64]| -> Delivery {
        let attempts: Vec<_> = unrecorded
            .iter()
            .map(|count| serde_json::json!({ "at": Timestamp::UNIX_EPOCH, "duration_ms": 1, "unrecorded": count }))
            .collect();
        let item = serde_json::json!({ "pk": 1, "sk": "t", "status": "waiting", "attempts": attempts });
        serde_json::from_value(item).unwrap()
    };
    assert_eq!(lost_attempts(None, 1, 0), 0);
    assert_eq!(lost_attempts(None, 2, 0), 1);
    assert_eq!(lost_attempts(Some(&delivery(&[1])), 3, 1), 0, "reported by the first attempt");
    assert_eq!(lost_attempts(Some(&delivery(&[1, 0])), 5, 2), 1);
}

#[test]
fn the_attempt_decides_what_follows() {
    let policy = RetryPolicy { count: 3, timeout: Duration::from_secs(10), schedule: None };
    let failure = AttemptVerdict::Failure { retry_after: None };
    let delayed = AttemptVerdict::Failure { retry_after: Some(Duration::from_hours(1)) };
    let waiting = |seconds| (RecordedStatus::Waiting, Some(Duration::from_secs(seconds)));
    let [delivered, failed, held] =
        [RecordedStatus::Delivered, RecordedStatus::Failed, RecordedStatus::Held].map(|status| (status, None));
    for (verdict, is_test, made, expected) in [
        (AttemptVerdict::Success, false, 1, delivered),
        (AttemptVerdict::Success, true, 1, delivered),
        (failure, false, 1, waiting(10)),
        (failure, false, 3, failed),
        (failure, true, 1, failed),
        (delayed, false, 1, waiting(3600)),
        (delayed, false, 3, failed),
        (AttemptVerdict::PermanentFailure, false, 1, failed),
        (AttemptVerdict::TargetGone, false, 3, held),
        (AttemptVerdict::TargetGone, true, 1, failed),
    ] {
        let decided = decide_after_attempt(verdict, is_test, made, &policy, 0.5);
        assert_eq!(decided, expected, "{verdict:?} {is_test} {made}");
    }
}

#[test]
fn a_retry_is_decided_by_the_status() {
    let now = at("2026-01-01T01:00:00Z");
    let not_attempted = |run| DeliveryState { made: 0, ..state(RecordedStatus::Waiting, Some(run), None) };
    for (state, paused, expected) in [
        (state(RecordedStatus::Failed, None, None), false, RetryDecision::Release(RecordedStatus::Failed)),
        (state(RecordedStatus::Failed, None, None), true, RetryDecision::Release(RecordedStatus::Failed)),
        (state(RecordedStatus::Delivered, None, None), false, RetryDecision::Release(RecordedStatus::Delivered)),
        (state(RecordedStatus::Held, None, None), false, RetryDecision::Release(RecordedStatus::Held)),
        (state(RecordedStatus::Held, None, None), true, RetryDecision::HeldByPause),
        (state(RecordedStatus::Waiting, None, None), false, RetryDecision::AlreadyWaiting),
        (not_attempted("20260101T005000000Z-0000"), false, RetryDecision::AlreadyWaiting),
        (not_attempted("20260101T004000000Z-0000"), false, RetryDecision::Release(RecordedStatus::Waiting)),
    ] {
        assert_eq!(decide_retry(&state, paused, now), expected, "{state:?}");
    }
}

#[test]
fn unfinished_deliveries_of_a_removed_target_have_failed() {
    for status in RecordedStatus::ALL {
        let expected = if status == RecordedStatus::Delivered { status } else { RecordedStatus::Failed };
        assert_eq!(status.after_target_removal(), expected);
    }
}
