use std::time::Duration;

use events::EventId;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::decision::{MessageDecision, decide_message};
use super::record::{DeliveryKey, RecordedStatus};
use super::transition::{DeliveryEvent, DeliveryState, next};

use RecordedStatus::{Delivered, Failed, Held, Waiting};

/// Runs in the order of their start; the first delivery has no run.
const RUNS: [Option<&str>; 4] = [None, Some("r1"), Some("r2"), Some("r3")];

fn minute(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number)
}

fn key(run: Option<&str>) -> DeliveryKey<'_> {
    DeliveryKey { event: EventId::MIN, target: "t", target_created_at: None, run, undelivered: false }
}

fn state(status: RecordedStatus, run: Option<&str>) -> DeliveryState {
    let run = run.map(str::to_owned);
    DeliveryState { status, run, made: 2, next_attempt_at: None, claimed_until: None, last_attempt_at: None }
}

/// A status and a run.
type OldState = (RecordedStatus, Option<&'static str>);

/// Returns the status and the run after an event; `None` if the event does not apply.
fn after(
    old: Option<OldState>,
    key: DeliveryKey<'_>,
    event: DeliveryEvent,
) -> Option<(RecordedStatus, Option<String>)> {
    let old = old.map(|(status, run)| state(status, run));
    next(old.as_ref(), key, event).map(|new| (new.status, new.run))
}

const HOLD: DeliveryEvent = DeliveryEvent::Held { now: Timestamp::UNIX_EPOCH, lost_attempts: 0 };

fn claim(is_new_run: bool) -> DeliveryEvent {
    DeliveryEvent::Claimed { is_new_run, now: minute(5), until: minute(10) }
}

fn attempted(status: RecordedStatus) -> DeliveryEvent {
    DeliveryEvent::Attempted { status, made: 3, next_attempt_at: None }
}

/// A row of the table for one event.
struct Row {
    key: DeliveryKey<'static>,
    event: DeliveryEvent,
    /// Returns `true` if the event applies to a state.
    applies: fn(Option<OldState>) -> bool,
    /// Status after the event.
    status: RecordedStatus,
    /// `true` if the delivery belongs to the event's run afterwards.
    takes_over: bool,
}

const R2: Option<&str> = Some("r2");

fn rows() -> Vec<Row> {
    let undelivered = DeliveryKey { undelivered: true, ..key(R2) };
    let row = |key, event, status, takes_over, applies| Row { key, event, applies, status, takes_over };
    vec![
        row(key(None), HOLD, Held, false, |old| matches!(old, None | Some((Waiting, None)))),
        row(key(R2), HOLD, Held, true, |old| {
            old.is_none_or(|(status, run)| run < R2 || (run == R2 && status == Waiting))
        }),
        row(undelivered, HOLD, Held, true, |old| {
            old.is_none_or(|(status, run)| status != Delivered && (run < R2 || (run == R2 && status == Waiting)))
        }),
        row(key(R2), claim(true), Waiting, true, |old| old.is_none_or(|(_, run)| run < R2)),
        row(undelivered, claim(true), Waiting, true, |old| {
            old.is_none_or(|(status, run)| run < R2 && status != Delivered)
        }),
        row(key(R2), claim(false), Waiting, true, |old| matches!(old, Some((Waiting | Held, R2)))),
        row(key(R2), DeliveryEvent::Released { from: Failed }, Waiting, true, |old| {
            old.is_some_and(|(status, run)| status == Failed && run < R2)
        }),
        row(key(R2), DeliveryEvent::ReleaseUndone { to: Failed }, Failed, false, |_| false),
        row(key(None), attempted(Delivered), Delivered, false, |old| old.is_none_or(|(_, run)| run.is_none())),
        row(key(None), attempted(Failed), Failed, false, |old| {
            old.is_none_or(|(status, run)| run.is_none() && status != Delivered)
        }),
        row(key(R2), attempted(Delivered), Delivered, false, |old| matches!(old, Some((_, R2)))),
        row(key(R2), attempted(Waiting), Waiting, false, |old| matches!(old, Some((Waiting | Failed | Held, R2)))),
    ]
}

#[test]
fn every_event_changes_exactly_its_states() {
    let mut states = vec![None];
    for status in RecordedStatus::ALL {
        states.extend(RUNS.map(|run| Some((status, run))));
    }
    for Row { key, event, applies, status, takes_over } in rows() {
        for old in &states {
            let old_run = old.and_then(|(_, run)| run);
            let run = if takes_over { key.run } else { old_run };
            let expected = applies(*old).then(|| (status, run.map(str::to_owned)));
            assert_eq!(after(*old, key, event), expected, "{event:?} for {:?} in {old:?}", key.run);
        }
    }
}

#[test]
fn a_release_is_undone_only_before_an_attempt() {
    let r1 = Some("r1");
    let released = next(Some(&state(Failed, None)), key(r1), DeliveryEvent::Released { from: Failed }).unwrap();
    assert_eq!(released, DeliveryState { made: 0, ..state(Waiting, r1) });
    let undo = DeliveryEvent::ReleaseUndone { to: Failed };
    assert_eq!(next(Some(&released), key(r1), undo).unwrap(), DeliveryState { made: 0, ..state(Failed, r1) });
    assert_eq!(next(Some(&state(Waiting, r1)), key(r1), undo), None, "attempted");
    assert_eq!(next(Some(&released), key(Some("r0")), undo), None, "another run");
}

#[test]
fn a_claim_excludes_other_workers_until_it_expires() {
    let r1 = Some("r1");
    let claimed = next(Some(&state(Failed, None)), key(r1), claim(true)).unwrap();
    assert_eq!((claimed.made, claimed.claimed_until), (0, Some(minute(10))));
    let claim_at = |now| DeliveryEvent::Claimed { is_new_run: false, now: minute(now), until: minute(now + 5) };
    assert_eq!(next(Some(&claimed), key(r1), claim_at(9)), None);
    assert_eq!(next(Some(&claimed), key(r1), claim_at(11)).unwrap().claimed_until, Some(minute(16)));
    let recorded = next(Some(&claimed), key(r1), attempted(Failed)).unwrap();
    assert_eq!((recorded.made, recorded.claimed_until), (3, None), "an attempt ends the claim");
}

#[test]
fn runs_are_needed_to_claim_and_to_release() {
    for event in [claim(true), claim(false), DeliveryEvent::Released { from: Held }] {
        assert_eq!(next(Some(&state(Held, None)), key(None), event), None);
    }
}

/// An action of one of the processes that work on a delivery.
#[derive(Debug, Clone, Copy)]
enum Action {
    Hold,
    /// A worker receives a message, and claims the delivery if it belongs to a run.
    Receive,
    /// A worker records an attempt, whether or not it has received a message before.
    Record(RecordedStatus),
    Release(RecordedStatus),
    /// A release whose message cannot be sent.
    FailedRelease(RecordedStatus),
}

fn status() -> impl Strategy<Value = RecordedStatus> {
    prop::sample::select(RecordedStatus::ALL.to_vec())
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Hold),
        Just(Action::Receive),
        status().prop_map(Action::Record),
        status().prop_map(Action::Release),
        status().prop_map(Action::FailedRelease),
    ]
}

/// Applies an event and checks what must hold for every transition.
fn step(old: &mut Option<DeliveryState>, key: DeliveryKey<'_>, event: DeliveryEvent) -> Result<bool, TestCaseError> {
    let Some(new) = next(old.as_ref(), key, event) else { return Ok(false) };
    let old_run = old.as_ref().and_then(|old| old.run.clone());
    prop_assert!(new.run >= old_run, "a run is never taken over by an earlier one");
    prop_assert!(new.run == old_run || new.run.as_deref() == key.run, "only a message's own run takes over");
    if old.as_ref().is_some_and(|old| old.status == Delivered) && new.status != Delivered {
        prop_assert!(new.run > old_run, "only a later run starts a delivered delivery again");
        let is_release = matches!(event, DeliveryEvent::Released { .. });
        prop_assert!(is_release || !key.undelivered, "a run for undelivered events skips delivered ones");
    }
    if new.status == Held {
        prop_assert_eq!((new.next_attempt_at, new.claimed_until), (None, None), "a held delivery is not scheduled");
    }
    if new.next_attempt_at.is_some() || new.claimed_until.is_some() {
        prop_assert_eq!(new.status, Waiting, "only a waiting delivery is scheduled or claimed");
    }
    *old = Some(new);
    Ok(true)
}

proptest! {
    #[test]
    fn deliveries_keep_their_invariants(
        // A clock may be set back by up to an hour.
        actions in prop::collection::vec((action(), 0..RUNS.len(), any::<bool>(), -30..3i64), 1..40),
    ) {
        let (mut state, mut now) = (None, 0);
        for (action, run, undelivered, minutes) in actions {
            now += 2 * if minutes < -6 { minutes } else { minutes.max(0) };
            // Claims end at odd minutes, so that no message is received in the minute in which a claim ends.
            let (now, until) = (minute(now), minute(now + 5));
            let key = DeliveryKey { undelivered: undelivered && RUNS[run].is_some(), ..key(RUNS[run]) };
            match action {
                Action::Hold => {
                    step(&mut state, key, DeliveryEvent::Held { now, lost_attempts: 0 })?;
                }
                Action::Receive => {
                    let decision = decide_message(state.as_ref(), key, now, Duration::from_mins(5));
                    let claim = |is_new_run| DeliveryEvent::Claimed { is_new_run, now, until };
                    match decision {
                        MessageDecision::Attempt { is_new_run, .. } if key.run.is_some() => {
                            prop_assert!(step(&mut state, key, claim(is_new_run))?, "an attempt that is due is claimed");
                        }
                        MessageDecision::Drop => {
                            prop_assert_eq!(next(state.as_ref(), key, claim(true)), None);
                            prop_assert_eq!(next(state.as_ref(), key, claim(false)), None);
                        }
                        _ => {}
                    }
                }
                Action::Record(status) => {
                    let next_attempt_at = (status == Waiting).then_some(until);
                    step(&mut state, key, DeliveryEvent::Attempted { status, made: 1, next_attempt_at })?;
                }
                Action::Release(from) => {
                    step(&mut state, key, DeliveryEvent::Released { from })?;
                }
                Action::FailedRelease(from) => {
                    let before = state.clone();
                    if step(&mut state, key, DeliveryEvent::Released { from })? {
                        let undone = step(&mut state, key, DeliveryEvent::ReleaseUndone { to: from })?;
                        prop_assert!(undone, "a release can be undone");
                        let (before, after) = (before.map(|state| state.status), state.as_ref().map(|state| state.status));
                        prop_assert_eq!(before, after, "the status is restored");
                    }
                }
            }
        }
    }
}
