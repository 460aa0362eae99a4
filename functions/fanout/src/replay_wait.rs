//! Waiting for attempts, so that a replay keeps the order of events.

use std::time::Duration;

use events::EventId;
use jiff::{SignedDuration, Timestamp};
use model::{Delivery, DeliveryQuery, DeliverySummary, RecordedStatus, Replay, ReplayOf, Target};
use tokio::time::Instant;

use crate::replay_page::MAX_PAGE_EVENTS;
use crate::state::State;

/// Duration of the lease of a replay, which is renewed at each page and at each poll. It is longer than a page takes.
const REPLAY_LEASE: SignedDuration = SignedDuration::from_secs(15);

/// First interval between two polls of the delivery records.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Maximum of that interval, which grows with each poll.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Time that a page may take in addition to the timeouts of its attempts: until its message is received, also after a
/// crash.
const PAGE_GRACE_TIME: Duration = Duration::from_mins(12);

/// Returns the expiry of a lease that starts now.
pub(crate) fn lease_expiry(state: &State) -> Timestamp {
    let now = (state.clock)();
    now.checked_add(REPLAY_LEASE).unwrap_or(now)
}

/// Waits until `deadline` for the events that the replay of an earlier resume has sent. When they are attempted or held
/// again, this replay can send its events after them.
pub(crate) async fn wait_for_earlier_resume(
    state: &State,
    replay: &Replay,
    deadline: Instant,
) -> Result<(), store::Error> {
    let query = DeliveryQuery {
        target: &replay.target,
        since: None,
        status: Some(RecordedStatus::Waiting),
        low: EventId::MIN,
        high: EventId::MAX,
        ascending: true,
        limit: MAX_PAGE_EVENTS,
    };
    while Instant::now() < deadline {
        let (waiting, _) = state.deliveries.list(query).await?;
        // A delivery that was attempted has the time of its next attempt.
        let is_unattempted = |delivery: &DeliverySummary| {
            delivery.next_attempt_at.is_none() && delivery.run.as_ref().is_some_and(|run| *run < replay.name)
        };
        if !waiting.iter().any(is_unattempted) {
            break;
        }
        tokio::time::sleep(MIN_POLL_INTERVAL).await;
        state.config.extend_replay_lease(&replay.name, lease_expiry(state)).await?;
    }
    Ok(())
}

/// Waits until each event of the last page was attempted, so that the next page follows it. Returns `false` if that has
/// not happened before `deadline`.
pub(crate) async fn wait_until_attempted(
    state: &State,
    replay: &Replay,
    deadline: Instant,
) -> Result<bool, store::Error> {
    let keys: Vec<(EventId, &str)> = replay.page.iter().map(|event| (*event, replay.target.as_str())).collect();
    if keys.is_empty() {
        return Ok(true);
    }
    let Some(target) = state.config.get::<Target>(&replay.target).await? else { return Ok(true) };
    // The events of a page are attempted one after the other. A page that takes longer was lost.
    let max_page_time = target.timeout.saturating_mul(u32::try_from(keys.len()).unwrap_or(u32::MAX)) + PAGE_GRACE_TIME;
    let lost_at = replay.paged_at.and_then(|paged_at| paged_at.checked_add(max_page_time).ok());
    let mut interval = MIN_POLL_INTERVAL;
    while lost_at.is_some_and(|at| (state.clock)() < at) {
        let deliveries = state.deliveries.get_many(&keys).await?;
        if deliveries.iter().filter(|delivery| is_attempted(delivery, replay)).count() == keys.len() {
            break;
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(interval).await;
        interval = (interval * 3 / 2).min(MAX_POLL_INTERVAL);
        state.config.extend_replay_lease(&replay.name, lease_expiry(state)).await?;
    }
    Ok(true)
}

/// Returns whether a delivery that a replay has sent was attempted, held again, or taken over by a later replay.
fn is_attempted(delivery: &Delivery, replay: &Replay) -> bool {
    let run = delivery.run.as_deref();
    run > Some(&replay.name)
        || (run == Some(&replay.name) && (delivery.made > 0 || delivery.status == RecordedStatus::Held))
        || (replay.of != ReplayOf::Log && delivery.status == RecordedStatus::Delivered)
}
