//! `GET /v1/targets/{name}/health`: how a target is doing, and what waits for it.

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};
use model::{DeliveryQuery, DeliverySummary, Pause, RecordedStatus, Replay, ReplayState, SearchFilter, Target};
use schemars::JsonSchema;
use search::SearchRequest;
use serde::Serialize;
use web::{Problem, ReadOrManage};

use crate::State;
use crate::targets::load_target;

/// How far back attempts count.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How far back deliveries say how fast they go.
const LATELY: SignedDuration = SignedDuration::from_mins(5);

/// The most deliveries that are looked at.
const LOOKED_AT: usize = 1000;

/// The most that are counted of what waits.
const COUNTED: usize = 10_000;

/// How many events without an attempt are looked for at once, and how many at most.
const STEP: usize = 100;
const STEPS: usize = 20;

/// After how many steps without one there are none further.
const CLEAN: usize = 5;

/// How a target is doing.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// The target's name.
    target: String,
    /// Since when it is paused, and why; null where it is not.
    paused: Option<Pause>,
    /// Since when every attempt has failed; null where the last one succeeded.
    failing_since: Option<Timestamp>,
    /// The deliveries of the last 24 hours' events that are over (the latest 1,000 of them).
    settled: usize,
    /// The share of those that were delivered; null where there are none.
    success_rate: Option<f64>,
    /// How long half of their last attempts took at most, in milliseconds.
    p50_ms: Option<u64>,
    /// How long 95 of 100 took at most, in milliseconds.
    p95_ms: Option<u64>,
    /// How many deliveries are still to be made: those waiting, those held, and those whose first attempt is due.
    backlog: usize,
    /// Whether there may be more than that.
    backlog_is_at_least: bool,
    /// How many of them wait for another attempt.
    waiting: usize,
    /// How many are held because the target is paused.
    held: usize,
    /// How many have not been attempted yet.
    unattempted: usize,
    /// When the oldest event happened that is still to be delivered.
    oldest_undelivered_at: Option<Timestamp>,
    /// How many deliveries failed for good.
    failed: usize,
    /// When the backlog will be through, if it goes on as its replays do, or as in the last five minutes; null where
    /// nothing was delivered in them, or nothing waits.
    through_at: Option<Timestamp>,
}

/// `GET /v1/targets/{name}/health`.
pub(crate) async fn read_target_health(
    Shared(state): Shared<State>,
    _: ReadOrManage,
    Path(name): Path<String>,
) -> Result<Json<Health>, Problem> {
    let (target, standing) = load_target(&state, &name).await?;
    let now = (state.clock)();
    let recent = SearchFilter { from: now.checked_sub(DAY).ok(), ..SearchFilter::default() };
    let (low, high) = recent.id_range().unwrap_or((EventId::MIN, EventId::MAX));
    let since = Some(target.created_at);
    let listing = DeliveryQuery { target: &name, since, status: None, low, high, ascending: false, limit: LOOKED_AT };
    let count = |status| state.deliveries.count(&name, target.created_at, status, COUNTED);
    let (listed, replays, waiting, held, failed, oldest, (unattempted, oldest_unattempted)) = futures::try_join!(
        state.deliveries.list(listing),
        state.config.list::<Replay>(),
        count(RecordedStatus::Waiting),
        count(RecordedStatus::Held),
        count(RecordedStatus::Failed),
        oldest(&state, &target),
        unattempted(&state, &target, standing.as_ref().is_some_and(|standing| standing.pause.is_some())),
    )?;
    let listed = listed.0;
    let over: Vec<&DeliverySummary> =
        listed.iter().filter(|one| matches!(one.status, RecordedStatus::Delivered | RecordedStatus::Failed)).collect();
    let mut took: Vec<u64> = over.iter().filter_map(|one| Some(one.last.as_ref()?.ms)).collect();
    took.sort_unstable();
    let backlog = waiting + held + unattempted;
    Ok(Json(Health {
        paused: standing.as_ref().and_then(|standing| standing.pause.clone()),
        failing_since: standing.and_then(|standing| standing.failing_since),
        settled: over.len(),
        success_rate: share(&over),
        p50_ms: quantile(&took, 50),
        p95_ms: quantile(&took, 95),
        backlog,
        backlog_is_at_least: [waiting, held].contains(&COUNTED) || unattempted >= STEP * STEPS,
        waiting,
        held,
        unattempted,
        oldest_undelivered_at: oldest.into_iter().chain(oldest_unattempted).min().map(EventId::time),
        failed,
        through_at: pace(&listed, &replays, &name, now).and_then(|pace| through_at(backlog, pace, now)),
        target: name,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a thousand at most")]
fn share(over: &[&DeliverySummary]) -> Option<f64> {
    let delivered = over.iter().filter(|one| one.status == RecordedStatus::Delivered).count();
    (!over.is_empty()).then(|| delivered as f64 / over.len() as f64)
}

/// The value that so many of a hundred do not exceed.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let index = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(index).copied()
}

/// How many deliveries go through in a second: as many as the target's replays have sent, which take what is oldest
/// and so is not among the latest; else as many as of the latest events lately.
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds, far below 2^53")]
fn pace(listed: &[DeliverySummary], replays: &[Replay], target: &str, now: Timestamp) -> Option<f64> {
    let seconds = |since: Timestamp| (now.duration_since(since).as_millis().max(1)) as f64 / 1e3;
    let running = |replay: &&Replay| replay.target == target && replay.state == ReplayState::Running;
    let replayed: f64 =
        replays.iter().filter(running).map(|replay| replay.sent as f64 / seconds(replay.created_at)).sum();
    if replayed > 0.0 {
        return Some(replayed);
    }
    let since = now.checked_sub(LATELY).ok()?;
    let delivered = listed.iter().filter(|one| one.status == RecordedStatus::Delivered);
    let lately: Vec<Timestamp> =
        delivered.filter_map(|one| Some(one.last.as_ref()?.at)).filter(|at| *at >= since).collect();
    // Where more were delivered than are looked at, they tell of the time since the first of them.
    let since = if listed.len() < LOOKED_AT { since } else { *lately.iter().min()? };
    (!lately.is_empty()).then(|| lately.len() as f64 / seconds(since))
}

/// When so many deliveries will be through, at so many a second.
#[expect(clippy::cast_precision_loss, reason = "a few ten thousand")]
fn through_at(backlog: usize, pace: f64, now: Timestamp) -> Option<Timestamp> {
    let seconds = backlog as f64 / pace;
    if backlog == 0 {
        return None;
    }
    now.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

/// The oldest event that waits or is held.
async fn oldest(state: &State, target: &Target) -> Result<Option<EventId>, store::Error> {
    let (target, since, low, high) = (&target.name, Some(target.created_at), EventId::MIN, EventId::MAX);
    let first = |status| {
        state.deliveries.list(DeliveryQuery {
            target,
            since,
            status: Some(status),
            low,
            high,
            ascending: true,
            limit: 1,
        })
    };
    let (waiting, held) = futures::try_join!(first(RecordedStatus::Waiting), first(RecordedStatus::Held))?;
    Ok([waiting, held].into_iter().filter_map(|(listed, _)| Some(listed.first()?.event)).min())
}

/// How many events that the target wants have no record of a delivery, and the oldest of them. They are among the
/// newest, but queues keep no order: the search ends where several steps have been attempted.
async fn unattempted(state: &State, target: &Target, paused: bool) -> Result<(usize, Option<EventId>), store::Error> {
    let (mut count, mut oldest, mut after, mut clean) = (0, None, None, 0);
    if paused {
        return Ok((0, None));
    }
    for _ in 0..STEPS {
        let filter = SearchFilter {
            conditions: target.filter.conditions(),
            from: Some(target.created_at),
            ..SearchFilter::default()
        };
        let search = SearchRequest { filter, after, limit: STEP, max_bytes: 16 << 20, ..SearchRequest::default() };
        let page = state.log.search(&search).await?;
        let wanted: Vec<&Event> =
            page.events.iter().filter(|event| target.accepts(event, (state.clock)()).is_ok()).collect();
        let keys: Vec<(EventId, &str)> = wanted.iter().map(|event| (event.id, target.name.as_str())).collect();
        let known = state.deliveries.get_many(&keys).await?;
        let missing = keys.iter().filter(|(event, _)| !known.iter().any(|known| known.event == *event));
        let missing: Vec<EventId> = missing.map(|(event, _)| *event).collect();
        count += missing.len();
        oldest = missing.iter().min().copied().or(oldest);
        after = page.next;
        clean = if missing.is_empty() { clean + 1 } else { 0 };
        if clean == CLEAN || after.is_none() {
            break;
        }
    }
    Ok((count, oldest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_through_at_the_pace_of_its_replays() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let replay = |target: &str, state: &str| -> Replay {
            serde_json::from_value(serde_json::json!({
                "name": "r", "target": target, "of": "held", "selection": {}, "rate": 100, "state": state, "sent": 600,
                "created_at": "2026-01-01T00:00:00Z", "created_by": "k",
            }))
            .unwrap()
        };
        let replays = [replay("a", "running"), replay("b", "running"), replay("a", "done")];
        let pace = pace(&[], &replays, "a", now).unwrap();
        assert_eq!(through_at(300, pace, now), Some("2026-01-01T00:01:30Z".parse().unwrap()));
        assert_eq!(through_at(0, pace, now), None);
    }

    #[test]
    fn a_backlog_is_through_at_the_pace_of_late() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let delivered = |at: &str| -> DeliverySummary {
            let last = serde_json::json!({ "at": at, "ms": 5 });
            serde_json::from_value(serde_json::json!({ "pk": 1, "sk": "a", "status": "delivered", "last": last }))
                .unwrap()
        };
        let lately = |count| vec![delivered("2026-01-01T00:59:50Z"); count];
        assert_eq!(pace(&lately(300), &[], "a", now), Some(1.0));
        assert_eq!(pace(&lately(LOOKED_AT), &[], "a", now), Some(100.0), "more than are looked at, within ten seconds");
        assert_eq!(pace(&[delivered("2026-01-01T00:00:00Z")], &[], "a", now), None);
    }

    #[test]
    fn quantiles_are_values_that_there_were() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7], 95), Some(7));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 95)), (Some(50), Some(95)));
    }
}
