//! The table of the transitions of a delivery.
//!
//! | event | applies to | the delivery becomes |
//! |---|---|---|
//! | `Held`, first delivery | no record, or waiting without a run | held |
//! | `Held`, run | a delivery of no or an earlier run, or waiting for this run | held for the run |
//! | `Claimed`, new run | a delivery of no or an earlier run | waiting for the run, claimed |
//! | `Claimed`, same run | waiting or held for the run, without a valid claim | waiting, claimed |
//! | `Released` | the given status, of no or an earlier run | waiting for the run |
//! | `ReleaseUndone` | waiting for the run, not attempted | the given status |
//! | `Attempted` | the first delivery without a run, or a delivery of the run | delivered, waiting, failed or held |
//!
//! A *run* is a replay or a retry. A later run takes a delivery over from an earlier one, never the reverse. The events `Held` and `Claimed` of a run that skips delivered events do not change a delivered one. An
//! attempt that was not successful does not change a delivered delivery either.
//!
//! Messages are delivered at least once, and several processes may work on a delivery. An event that does not apply
//! to the current state therefore changes nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::record::{Delivery, DeliveryKey, RecordedStatus};

/// The part of a delivery record that transitions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryState {
    /// Status of the delivery.
    pub status: RecordedStatus,
    /// Replay or retry that the delivery belongs to.
    pub run: Option<String>,
    /// Number of attempts since the retry schedule last started.
    pub made: u32,
    /// Time of the next attempt.
    pub next_attempt_at: Option<Timestamp>,
    /// Expiry of the claim of a worker.
    pub claimed_until: Option<Timestamp>,
    /// Time of the last recorded attempt.
    pub last_attempt_at: Option<Timestamp>,
}

/// Returns the maximum time from now until the end of a claim that a worker has made for `claim_time`. A claim that ends
/// later was made before the clock was set back. Twice the time allows for different clocks of the workers.
pub fn max_claim_time(claim_time: Duration) -> Duration {
    claim_time.saturating_mul(2)
}

impl From<&Delivery> for DeliveryState {
    fn from(delivery: &Delivery) -> Self {
        Self {
            status: delivery.status,
            run: delivery.run.clone(),
            made: delivery.made,
            next_attempt_at: delivery.next_attempt_at,
            claimed_until: delivery.claimed_until.and_then(|until| Timestamp::from_millisecond(until).ok()),
            last_attempt_at: delivery.attempts.last().map(|attempt| attempt.at),
        }
    }
}

/// An event in the life of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// The target is paused.
    Held {
        /// Current time.
        now: Timestamp,
        /// Number of attempts of a first delivery without a recorded result.
        lost_attempts: u32,
    },
    /// A worker claims the delivery for one attempt of a run.
    Claimed {
        /// `true` if the delivery does not belong to the run yet.
        is_new_run: bool,
        /// Current time.
        now: Timestamp,
        /// Expiry of the claim.
        until: Timestamp,
    },
    /// A run is about to send the delivery.
    Released {
        /// Status before the release.
        from: RecordedStatus,
    },
    /// The message of a released delivery could not be sent.
    ReleaseUndone {
        /// Status before the release.
        to: RecordedStatus,
    },
    /// An attempt ended.
    Attempted {
        /// Status after the attempt.
        status: RecordedStatus,
        /// Number of attempts since the retry schedule started, including this one.
        made: u32,
        /// Time of the next attempt.
        next_attempt_at: Option<Timestamp>,
    },
}

/// A conditional change of a delivery: `change` is made if `guard` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition<'a> {
    /// Condition on the current state.
    pub guard: Guard<'a>,
    /// The change.
    pub change: DeliveryChange<'a>,
}

/// A condition on the state of a delivery: one of the alternatives holds, and `unless_delivered` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard<'a> {
    /// Alternatives, each of which is a list of conditions that must all hold.
    pub alternatives: Vec<Vec<StateCondition<'a>>>,
    /// `true` if a delivered delivery is excluded.
    pub unless_delivered: bool,
}

/// A condition on the state of a delivery. A missing record has neither a run, a status nor a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateCondition<'a> {
    /// There is no record.
    NoRecord,
    /// The delivery does not belong to a run.
    NoRun,
    /// The delivery belongs to an earlier run.
    RunBefore(&'a str),
    /// The delivery belongs to this run.
    RunIs(&'a str),
    /// The delivery has this status.
    StatusIs(RecordedStatus),
    /// The delivery is waiting or held.
    Unfinished,
    /// No claim is valid.
    Unclaimed {
        /// Time before which claims have ended.
        now: Timestamp,
        /// Time after which no claim of now ends.
        latest: Timestamp,
    },
    /// The current run has made no attempt.
    NothingMade,
}

/// The change of a delivery by a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryChange<'a> {
    /// The new status.
    pub status: RecordedStatus,
    /// The new run; `None` keeps the run.
    pub run: Option<&'a str>,
    /// The new number of attempts since the retry schedule started; `None` keeps the number.
    pub made: Option<u32>,
    /// The time of the next attempt.
    pub next_attempt_at: FieldChange<Timestamp>,
    /// The expiry of the claim.
    pub claimed_until: FieldChange<Timestamp>,
    /// The counter of claims without a recorded result.
    pub claims: ClaimsChange,
    /// The time since which the delivery is held, if it is held now.
    pub held_at: Option<Timestamp>,
}

/// A change of an optional field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldChange<T> {
    /// The field does not change.
    Keep,
    /// The field gets this value.
    Set(T),
    /// The field is removed.
    Remove,
}

impl<T> FieldChange<T> {
    fn apply(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Set(new) => Some(new),
            Self::Remove => None,
        }
    }

    fn set_or_remove(new: Option<T>) -> Self {
        new.map_or(Self::Remove, Self::Set)
    }
}

/// A change of the counter of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsChange {
    /// The counter does not change.
    Keep,
    /// The counter increases by one.
    Increment,
    /// The counter gets this value.
    Set(u32),
    /// The counter is removed.
    Remove,
}

/// Returns the transition of an event for the delivery `key`. This function is the table in the module's documentation.
/// `None` if the event needs a run and the key has no run.
pub fn transition(key: DeliveryKey<'_>, event: DeliveryEvent) -> Option<Transition<'_>> {
    use StateCondition::{NoRecord, NoRun, NothingMade, RunBefore, RunIs, StatusIs, Unclaimed, Unfinished};
    let (alternatives, unless_delivered, change) = match (event, key.run) {
        (DeliveryEvent::Held { now, lost_attempts }, run) => (
            match run {
                None => vec![vec![NoRecord], vec![StatusIs(RecordedStatus::Waiting), NoRun]],
                Some(run) => {
                    vec![vec![NoRun], vec![RunBefore(run)], vec![RunIs(run), StatusIs(RecordedStatus::Waiting)]]
                }
            },
            key.undelivered,
            DeliveryChange {
                run,
                made: Some(0),
                next_attempt_at: FieldChange::Remove,
                claimed_until: FieldChange::Remove,
                claims: match run {
                    None if lost_attempts > 0 => ClaimsChange::Set(lost_attempts),
                    _ => ClaimsChange::Keep,
                },
                held_at: Some(now),
                ..DeliveryChange::to(RecordedStatus::Held)
            },
        ),
        (DeliveryEvent::Claimed { is_new_run: true, until, .. }, Some(run)) => (
            vec![vec![NoRun], vec![RunBefore(run)]],
            key.undelivered,
            DeliveryChange { made: Some(0), ..DeliveryChange::claimed(run, until) },
        ),
        (DeliveryEvent::Claimed { is_new_run: false, now, until }, Some(run)) => {
            let claim_time = until.duration_since(now).unsigned_abs();
            let latest = now.checked_add(max_claim_time(claim_time)).unwrap_or(Timestamp::MAX);
            let unclaimed = Unclaimed { now, latest };
            (vec![vec![RunIs(run), Unfinished, unclaimed]], false, DeliveryChange::claimed(run, until))
        }
        (DeliveryEvent::Released { from }, Some(run)) => (
            vec![vec![StatusIs(from), NoRun], vec![StatusIs(from), RunBefore(run)]],
            false,
            DeliveryChange { run: Some(run), made: Some(0), ..DeliveryChange::to(RecordedStatus::Waiting) },
        ),
        (DeliveryEvent::ReleaseUndone { to }, Some(run)) => {
            (vec![vec![StatusIs(RecordedStatus::Waiting), RunIs(run), NothingMade]], false, DeliveryChange::to(to))
        }
        (DeliveryEvent::Attempted { status, made, next_attempt_at }, run) => (
            vec![vec![run.map_or(NoRun, RunIs)]],
            status != RecordedStatus::Delivered,
            DeliveryChange {
                made: Some(made),
                next_attempt_at: FieldChange::set_or_remove(next_attempt_at),
                claimed_until: FieldChange::Remove,
                claims: ClaimsChange::Remove,
                ..DeliveryChange::to(status)
            },
        ),
        _ => return None,
    };
    Some(Transition { guard: Guard { alternatives, unless_delivered }, change })
}

/// Returns the state of a delivery after an event; `None` if the event does not apply to the state.
pub fn next(state: Option<&DeliveryState>, key: DeliveryKey<'_>, event: DeliveryEvent) -> Option<DeliveryState> {
    let Transition { guard, change } = transition(key, event)?;
    guard.holds(state).then(|| change.apply(state))
}

impl<'a> DeliveryChange<'a> {
    /// A change of the status only.
    fn to(status: RecordedStatus) -> Self {
        Self {
            status,
            run: None,
            made: None,
            next_attempt_at: FieldChange::Keep,
            claimed_until: FieldChange::Keep,
            claims: ClaimsChange::Keep,
            held_at: None,
        }
    }

    fn claimed(run: &'a str, until: Timestamp) -> Self {
        let (claimed_until, claims) = (FieldChange::Set(until), ClaimsChange::Increment);
        Self { run: Some(run), claimed_until, claims, ..Self::to(RecordedStatus::Waiting) }
    }

    fn apply(&self, old: Option<&DeliveryState>) -> DeliveryState {
        DeliveryState {
            status: self.status,
            run: self.run.map(str::to_owned).or_else(|| old?.run.clone()),
            made: self.made.or_else(|| Some(old?.made)).unwrap_or_default(),
            next_attempt_at: self.next_attempt_at.apply(old.and_then(|old| old.next_attempt_at)),
            claimed_until: self.claimed_until.apply(old.and_then(|old| old.claimed_until)),
            last_attempt_at: old.and_then(|old| old.last_attempt_at),
        }
    }
}

impl Guard<'_> {
    /// Returns whether the condition holds for a state; `None` is a missing record.
    pub fn holds(&self, state: Option<&DeliveryState>) -> bool {
        let is_delivered = state.is_some_and(|state| state.status == RecordedStatus::Delivered);
        let any = self.alternatives.iter().any(|all| all.iter().all(|condition| condition.holds(state)));
        any && !(self.unless_delivered && is_delivered)
    }

    /// Returns whether the condition holds for a missing record: the transition then creates it.
    pub fn allows_missing_record(&self) -> bool {
        self.holds(None)
    }
}

impl StateCondition<'_> {
    fn holds(&self, state: Option<&DeliveryState>) -> bool {
        let run = state.and_then(|state| state.run.as_deref());
        match *self {
            Self::NoRecord => state.is_none(),
            Self::NoRun => run.is_none(),
            Self::RunBefore(later) => run.is_some_and(|run| run < later),
            Self::RunIs(same) => run == Some(same),
            Self::StatusIs(status) => state.is_some_and(|state| state.status == status),
            Self::Unfinished => state.is_some_and(|state| state.status.is_unfinished()),
            Self::Unclaimed { now, latest } => {
                state.and_then(|state| state.claimed_until).is_none_or(|until| until < now || until > latest)
            }
            Self::NothingMade => state.is_some_and(|state| state.made == 0),
        }
    }
}
