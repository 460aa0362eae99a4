//! Replays: events that are sent to a target again at a limited rate, while new events are delivered.
//!
//! A replay stores its progress after each page. After a crash, the last page is sent again. Deliver skips the events
//! of that page that were attempted, because each delivery stores its replay.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::SignedDuration;
use model::{Replay, ReplayMessage, ReplayOf, ReplayState, Target, TargetState};
use tokio::time::Instant;

use crate::metrics;
use crate::replay_error::ReplayError;
use crate::replay_page::{find_page, send_page};
use crate::replay_wait::{lease_expiry, wait_for_earlier_resume, wait_until_attempted};
use crate::state::State;

/// Time after which an invocation starts no further page and hands the replay to the next invocation.
const INVOCATION_BUDGET: Duration = Duration::from_secs(20);

/// Time after which an invocation stops waiting for the attempts of a page. It leaves a margin before the function's
/// timeout.
const MAX_WAIT_FOR_ATTEMPTS: Duration = Duration::from_secs(40);

/// Time after a resume until all held deliveries are visible: other functions may have read the target as paused, and
/// the index follows its table with a delay.
const HELD_VISIBLE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Time after a resume before the replay sends held deliveries. Until then, deliver may have cached the target as
/// paused.
const RESUME_VISIBLE_AFTER: SignedDuration = SignedDuration::from_millis(1500);

/// Delay before a replay checks again whether its target is paused.
const PAUSED_RETRY_DELAY: Duration = Duration::from_mins(1);

/// Delay before a message retries a replay that another invocation has leased.
const LEASED_RETRY_DELAY: Duration = Duration::from_secs(5);

/// Maximum number of messages of a replay in a row that send no event. The function allows itself recursive invocations,
/// so that this is the only end of a chain of messages. It exceeds the messages of a target that is paused for a week.
const MAX_IDLE_MESSAGES: u32 = 7 * 24 * 60;

/// The next step of a replay after an invocation.
#[derive(Debug, PartialEq, Eq)]
enum ReplayStep {
    /// The replay has ended.
    Ended,
    /// The replay made progress, and continues after this delay.
    ContinueAfter(Duration),
    /// The replay sent nothing, and is tried again after this delay.
    WaitFor(Duration),
    /// Another message continues the replay. This one remains in case that the function of the other one has crashed.
    Leased,
}

/// Continues the replays of a batch of messages. The response names the messages that SQS must deliver again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in batch.records {
        if let Err(error) = continue_replay(state, &record).await {
            tracing::error!(message = record.message_id, %error, "failed to continue a replay");
            metrics::count_failed_replay_message();
            response.add_failure(record.message_id.unwrap_or_default());
        }
    }
    response
}

async fn continue_replay(state: &State, record: &SqsMessage) -> Result<(), ReplayError> {
    state.deployment.verify().await?;
    let message: ReplayMessage = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    let step = send_pages(state, &message.replay).await?;
    match next_message(&message, &step) {
        // A new message, because a long replay would use up the receives that the queue allows a message.
        Some((next, delay)) => Ok(state.replays.send_delayed(&next, delay).await?),
        None if matches!(step, ReplayStep::WaitFor(_)) => {
            tracing::error!(replay = message.replay, "the replay made no progress for too long; cancelling it");
            end(state, &message.replay, ReplayState::Cancelled).await.map(|_| ())
        }
        None => Ok(()),
    }
}

/// Returns the message that follows a step, and its delay; `None` if the chain of messages ends.
fn next_message(message: &ReplayMessage, step: &ReplayStep) -> Option<(ReplayMessage, Duration)> {
    let (idle, delay) = match step {
        ReplayStep::Ended => return None,
        ReplayStep::ContinueAfter(delay) => (0, *delay),
        ReplayStep::WaitFor(delay) => (message.idle.saturating_add(1), *delay),
        ReplayStep::Leased => (message.idle.saturating_add(1), LEASED_RETRY_DELAY),
    };
    (idle <= MAX_IDLE_MESSAGES).then(|| (ReplayMessage { idle, ..message.clone() }, delay))
}

/// Sends pages of a replay until it ends, its target is paused, or the budget of the invocation is spent.
async fn send_pages(state: &State, name: &str) -> Result<ReplayStep, ReplayError> {
    let started = Instant::now();
    let Some(mut replay) = state.config.lease_replay(name, (state.clock)(), lease_expiry(state)).await? else {
        let known: Option<Replay> = state.config.get(name).await?;
        let running = known.is_some_and(|replay| replay.state == ReplayState::Running);
        return Ok(if running { ReplayStep::Leased } else { ReplayStep::Ended });
    };
    let before = replay.cursor;
    if replay.of == ReplayOf::Held {
        let since = (state.clock)().duration_since(replay.created_at);
        // If the clock was set back, the replay was created in the future.
        let remaining = (RESUME_VISIBLE_AFTER - since).min(RESUME_VISIBLE_AFTER);
        tokio::time::sleep(Duration::try_from(remaining).unwrap_or_default()).await;
        wait_for_earlier_resume(state, &replay, started + INVOCATION_BUDGET).await?;
    }
    loop {
        let attempted = wait_until_attempted(state, &replay, started + MAX_WAIT_FOR_ATTEMPTS).await?;
        if !attempted || started.elapsed() > INVOCATION_BUDGET {
            return release_lease(state, &replay, Duration::ZERO, replay.cursor != before).await;
        }
        // Read after the wait, so that this replay sends no events of a later resume.
        let Some(target) = state.config.get::<Target>(&replay.target).await? else {
            tracing::info!(replay = name, "the target was removed; cancelling the replay");
            return end(state, name, ReplayState::Cancelled).await;
        };
        let target_state: Option<TargetState> = state.config.get(&replay.target).await?;
        let paused = target_state.as_ref().is_some_and(|state| state.pause.is_some());
        let resumed_by = target_state.and_then(|state| state.resumed_by);
        // The held deliveries stay held for the replay of the next resume.
        if replay.of == ReplayOf::Held && (paused || resumed_by.is_some_and(|later| later > replay.name)) {
            return end(state, name, ReplayState::Cancelled).await;
        }
        if paused {
            return release_lease(state, &replay, PAUSED_RETRY_DELAY, replay.cursor != before).await;
        }
        let page = find_page(state, &replay, &target).await?;
        if page.events.is_empty() && page.last.is_none() {
            return complete_pass(state, &replay).await;
        }
        // The replay may have been cancelled meanwhile.
        if state.config.extend_replay_lease(name, lease_expiry(state)).await?.is_none() {
            return Ok(ReplayStep::Ended);
        }
        let page_started = Instant::now();
        send_page(state, &replay, &page.events).await?;
        let sent = u64::try_from(page.events.len()).unwrap_or(0);
        replay.cursor = page.last.or(replay.cursor);
        metrics::log_replay_page(name, &replay.target, sent);
        match state.config.record_replay_page(&replay, &page.events, (state.clock)()).await? {
            Some(recorded) if recorded.state == ReplayState::Running => replay = recorded,
            _ => return Ok(ReplayStep::Ended),
        }
        let page_time = Duration::from_secs(1) * u32::try_from(sent).unwrap_or(1) / replay.rate.max(1);
        tokio::time::sleep(page_time.saturating_sub(page_started.elapsed())).await;
    }
}

/// Ends a replay that has examined every event. A replay of held deliveries makes another pass when all of them are
/// visible.
async fn complete_pass(state: &State, replay: &Replay) -> Result<ReplayStep, ReplayError> {
    let all_visible_at = replay.created_at.checked_add(HELD_VISIBLE_AFTER).unwrap_or(replay.created_at);
    if replay.of == ReplayOf::Held && replay.pass_at.is_none_or(|pass_at| pass_at < all_visible_at) {
        let pass_at = all_visible_at.max((state.clock)());
        state.config.start_replay_pass(&replay.name, pass_at).await?;
        let delay = pass_at.duration_since((state.clock)()).min(HELD_VISIBLE_AFTER);
        let delay = Duration::try_from(delay).unwrap_or_default();
        return Ok(ReplayStep::ContinueAfter(delay + Duration::from_secs(1)));
    }
    tracing::info!(replay = replay.name, target = replay.target, sent = replay.sent, "completed the replay");
    end(state, &replay.name, ReplayState::Done).await
}

async fn end(state: &State, name: &str, final_state: ReplayState) -> Result<ReplayStep, ReplayError> {
    state.config.end_replay(name, final_state, (state.clock)()).await?;
    Ok(ReplayStep::Ended)
}

/// Releases the lease of a replay, so that another invocation can continue it after a delay. `progressed` says whether
/// this invocation examined events.
async fn release_lease(
    state: &State,
    replay: &Replay,
    delay: Duration,
    progressed: bool,
) -> Result<ReplayStep, ReplayError> {
    state.config.extend_replay_lease(&replay.name, (state.clock)()).await?;
    Ok(if progressed { ReplayStep::ContinueAfter(delay) } else { ReplayStep::WaitFor(delay) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_sends_nothing_does_not_continue_forever() {
        let next = |idle, step| {
            let message = ReplayMessage { idle, ..ReplayMessage::new("r") };
            next_message(&message, &step).map(|(message, _)| message.idle)
        };
        let minute = Duration::from_mins(1);
        assert_eq!(next(500, ReplayStep::ContinueAfter(minute)), Some(0));
        assert_eq!(next(500, ReplayStep::WaitFor(minute)), Some(501));
        assert_eq!(next(500, ReplayStep::Leased), Some(501));
        assert_eq!(next(MAX_IDLE_MESSAGES, ReplayStep::ContinueAfter(minute)), Some(0));
        assert_eq!(next(MAX_IDLE_MESSAGES, ReplayStep::WaitFor(minute)), None);
        assert_eq!(next(MAX_IDLE_MESSAGES, ReplayStep::Leased), None);
        assert_eq!(next(0, ReplayStep::Ended), None);
    }
}
