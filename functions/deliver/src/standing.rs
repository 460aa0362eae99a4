//! How targets are doing, from one attempt to the next: slow, failing, paused.

use std::time::Duration;

use events::{Event, TIDINGS_SOURCE};
use jiff::{SignedDuration, Timestamp};
use model::{Attempt, AuditEvent, Pause, Target, TargetState, duration};
use serde_json::json;
use store::WriteOutcome;

use crate::State;

/// An attempt that takes longer than this keeps others waiting.
const SLOW: Duration = Duration::from_secs(2);

/// How long a target that is slow takes the slow lane.
const SLOW_FOR: SignedDuration = SignedDuration::from_secs(60);

/// When less than this is left of that, it is set anew.
const SLOW_ANEW: SignedDuration = SignedDuration::from_secs(30);

/// Notes what an attempt says of its target. What cannot be noted is noted by the next.
pub(crate) async fn note(state: &State, target: &Target, standing: Option<&TargetState>, attempt: &Attempt) {
    if let Err(error) = try_note(state, target, standing, attempt).await {
        tracing::warn!(%error, target = target.name, "how a target is doing cannot be noted");
    }
}

async fn try_note(
    state: &State,
    target: &Target,
    standing: Option<&TargetState>,
    attempt: &Attempt,
) -> Result<(), store::Error> {
    let now = (state.clock)();
    let slow_until = standing.and_then(|standing| standing.slow_until);
    let failing_since = standing.and_then(|standing| standing.failing_since);
    let quick = Duration::from_millis(attempt.duration_ms) < SLOW;
    let later = |wait| now.checked_add(wait).unwrap_or(now);
    if !quick && slow_until.is_none_or(|until| until < later(SLOW_ANEW)) {
        state.config.record_slow(&target.name, later(SLOW_FOR)).await?;
    }
    match (&attempt.error, failing_since) {
        (None, None) if !(quick && slow_until.is_some()) => Ok(()),
        (None, _) => {
            state.config.record_success(&target.name, quick).await?;
            // What fails next is the first that does.
            state.states.invalidate().await;
            Ok(())
        }
        (Some(_), None) => state.config.record_failing(&target.name, attempt.at).await,
        (Some(_), Some(since)) => {
            let failing = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            if failing < target.disable_after {
                return Ok(());
            }
            let reason = format!("no delivery has succeeded for {}", duration::format(target.disable_after));
            pause(state, target, reason).await
        }
    }
}

/// How long it is not told again that deliveries to a target fail.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The type of the event that tells of a failed delivery.
const FAILED: &str = "target-failed";

/// Tells that a delivery has failed for good. What cannot be told is told by the next.
pub(crate) async fn failed(
    state: &State,
    event: &Event,
    target: &Target,
    standing: Option<&TargetState>,
    made: u32,
    attempt: &Attempt,
) {
    let now = (state.clock)();
    let before = now.checked_sub(TOLD_FOR).unwrap_or(now);
    // What is told may be wanted by the very target that fails: that it fails to get this is no news.
    let is_news = event.source != TIDINGS_SOURCE || event.fields.event_type != FAILED;
    if !is_news || standing.and_then(|standing| standing.failure_reported_at).is_some_and(|told| told >= before) {
        return;
    }
    let told = tell_failed(state, event, target, made, attempt, (now, before)).await;
    if let Err(error) = told {
        tracing::warn!(%error, target = target.name, "that a delivery has failed cannot be told");
    }
}

async fn tell_failed(
    state: &State,
    event: &Event,
    target: &Target,
    made: u32,
    attempt: &Attempt,
    (now, before): (Timestamp, Timestamp),
) -> Result<(), store::Error> {
    let reason: Option<String> = attempt.error.as_ref().map(|error| error.chars().take(200).collect());
    let entry = AuditEvent {
        event_type: FAILED,
        actor: TIDINGS_SOURCE,
        subject: &target.name,
        data: json!({ "event": event.id, "attempts": made, "reason": reason }),
        previous: json!(null),
    };
    let change = state.config.report_failure_write(&target.name, now, before)?;
    state.events.write_audited(&entry, vec![change]).await?;
    // What fails next knows that it is told.
    state.states.invalidate().await;
    Ok(())
}

/// Pauses a target by itself, with the event that tells of it.
pub(crate) async fn pause(state: &State, target: &Target, reason: String) -> Result<(), store::Error> {
    let now: Timestamp = (state.clock)();
    let paused = Pause { since: now, reason, by: TIDINGS_SOURCE.to_owned() };
    let entry = AuditEvent {
        event_type: "target-paused",
        actor: TIDINGS_SOURCE,
        subject: &target.name,
        data: json!({ "reason": paused.reason, "since": paused.since }),
        previous: json!(null),
    };
    let change = state.config.pause_write(&target.name, &paused)?;
    let changed = state.events.write_audited(&entry, vec![change]).await?;
    // What this process delivers from now on is held, also what it has in hand.
    state.states.invalidate().await;
    match changed {
        WriteOutcome::Done(_) => tracing::warn!(target = target.name, reason = paused.reason, "the target is paused"),
        WriteOutcome::ConditionFailed(_) => tracing::debug!(target = target.name, "the target is paused already"),
    }
    Ok(())
}
