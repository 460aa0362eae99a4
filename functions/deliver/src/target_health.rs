//! The health of targets: records slow and failing attempts, reports failed deliveries and pauses targets.

use std::time::Duration;

use events::{Event, TIDINGS_SOURCE};
use jiff::{SignedDuration, Timestamp};
use model::{Attempt, AuditEvent, Pause, Target, TargetState, duration};
use serde_json::json;
use store::WriteOutcome;

use crate::state::State;

/// Duration of an attempt from which its target counts as slow.
const SLOW_ATTEMPT: Duration = Duration::from_secs(2);

/// Time for which a slow target uses the slow queue.
const SLOW_QUEUE_TIME: SignedDuration = SignedDuration::from_secs(60);

/// Remaining time on the slow queue below which a slow attempt extends it.
const SLOW_QUEUE_RENEWAL: SignedDuration = SignedDuration::from_secs(30);

/// Minimum time between two reports of failed deliveries of a target.
const FAILURE_REPORT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Type of the event that reports a failed delivery.
const TARGET_FAILED_TYPE: &str = "target-failed";

/// Type of the event that reports the first success after a reported failure.
const TARGET_RECOVERED_TYPE: &str = "target-recovered";

/// Maximum length of the reason in that event, in characters.
const MAX_REASON_CHARS: usize = 200;

/// Returns whether a target that is slow until `until` is slow now. A time that is too far away was written before the
/// clock was set back.
pub(crate) fn is_slow(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.duration_since(now) <= SLOW_QUEUE_TIME + SLOW_QUEUE_TIME
}

/// Updates the state of a target after an attempt. An update that fails is only logged, because the next attempt
/// repeats it.
pub(crate) async fn record_attempt(
    state: &State,
    target: &Target,
    target_state: Option<&TargetState>,
    attempt: &Attempt,
) {
    if let Err(error) = try_record_attempt(state, target, target_state, attempt).await {
        tracing::warn!(%error, target = target.name, "failed to update the target state");
    }
}

async fn try_record_attempt(
    state: &State,
    target: &Target,
    target_state: Option<&TargetState>,
    attempt: &Attempt,
) -> Result<(), store::Error> {
    let now = (state.clock)();
    let slow_until = target_state.and_then(|state| state.slow_until);
    let failing_since = target_state.and_then(|state| state.failing_since);
    let quick = Duration::from_millis(attempt.duration_ms) < SLOW_ATTEMPT;
    let in_future = |delay| now.checked_add(delay).unwrap_or(now);
    let is_current = |until: Timestamp| is_slow(until, now) && until >= in_future(SLOW_QUEUE_RENEWAL);
    if !quick && !slow_until.is_some_and(is_current) {
        state.config.record_slow(&target.name, in_future(SLOW_QUEUE_TIME)).await?;
    }
    if let (None, Some(reported_at)) = (&attempt.error, target_state.and_then(|state| state.failure_reported_at)) {
        report_recovery(state, target, failing_since, reported_at).await?;
    }
    match (&attempt.error, failing_since) {
        (None, None) if !(quick && slow_until.is_some()) => Ok(()),
        (None, _) => {
            state.config.record_success(&target.name, quick).await?;
            // The next failure starts a new series.
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

/// Reports by an audit event that a delivery has failed permanently, at most once an hour for each target. A report
/// that fails is only logged, because the next failed delivery repeats it.
pub(crate) async fn report_failed_delivery(
    state: &State,
    event: &Event,
    target: &Target,
    target_state: Option<&TargetState>,
    made: u32,
    attempt: &Attempt,
) {
    let now = (state.clock)();
    let reported_before = now.checked_sub(FAILURE_REPORT_INTERVAL).unwrap_or(now);
    // The report itself may be delivered to the failing target: its failure is not reported again.
    let is_report = event.source == TIDINGS_SOURCE
        && [TARGET_FAILED_TYPE, TARGET_RECOVERED_TYPE].contains(&event.fields.event_type.as_str());
    let reported_at = target_state.and_then(|state| state.failure_reported_at);
    if is_report || reported_at.is_some_and(|reported_at| reported_at >= reported_before && reported_at <= now) {
        return;
    }
    let reported = write_failure_report(state, event, target, made, attempt, (now, reported_before)).await;
    if let Err(error) = reported {
        tracing::warn!(%error, target = target.name, "failed to report a failed delivery");
    }
}

async fn write_failure_report(
    state: &State,
    event: &Event,
    target: &Target,
    made: u32,
    attempt: &Attempt,
    (now, reported_before): (Timestamp, Timestamp),
) -> Result<(), store::Error> {
    let reason: Option<String> = attempt.error.as_ref().map(|error| error.chars().take(MAX_REASON_CHARS).collect());
    let audit_event = AuditEvent {
        event_type: TARGET_FAILED_TYPE,
        actor: TIDINGS_SOURCE,
        subject: &target.name,
        data: json!({ "event": event.id, "type": event.fields.event_type, "attempts": made, "reason": reason }),
        previous: json!(null),
    };
    let write = state.config.report_failure_write(&target.name, now, reported_before)?;
    state.events.write_audited(&audit_event, vec![write]).await?;
    // The next failed delivery must see the report.
    state.states.invalidate().await;
    Ok(())
}

/// Reports by an audit event that a delivery has succeeded after a reported failure.
async fn report_recovery(
    state: &State,
    target: &Target,
    failing_since: Option<Timestamp>,
    reported_at: Timestamp,
) -> Result<(), store::Error> {
    let audit_event = AuditEvent {
        event_type: TARGET_RECOVERED_TYPE,
        actor: TIDINGS_SOURCE,
        subject: &target.name,
        data: json!({ "failing_since": failing_since, "failure_reported_at": reported_at }),
        previous: json!(null),
    };
    let write = state.config.report_recovery_write(&target.name)?;
    // Only one of several concurrent successes writes the report.
    state.events.write_audited(&audit_event, vec![write]).await?;
    state.states.invalidate().await;
    Ok(())
}

/// Pauses a target automatically, together with the audit event of the pause.
pub(crate) async fn pause(state: &State, target: &Target, reason: String) -> Result<(), store::Error> {
    let now: Timestamp = (state.clock)();
    let pause = Pause { since: now, reason, by: TIDINGS_SOURCE.to_owned() };
    let audit_event = AuditEvent {
        event_type: "target-paused",
        actor: TIDINGS_SOURCE,
        subject: &target.name,
        data: json!({ "reason": pause.reason, "since": pause.since }),
        previous: json!(null),
    };
    let write = state.config.pause_write(&target.name, &pause)?;
    let outcome = state.events.write_audited(&audit_event, vec![write]).await?;
    // This process must hold further deliveries immediately, including those of the current batch.
    state.states.invalidate().await;
    match outcome {
        WriteOutcome::Done(_) => tracing::warn!(target = target.name, reason = pause.reason, "paused the target"),
        WriteOutcome::ConditionFailed(_) => tracing::debug!(target = target.name, "the target is paused already"),
    }
    Ok(())
}
