//! `GET /v1/targets/{name}/health`: how a target is doing, and what waits for it.

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Filter, Listed, Listing, Paused, Search, Status, Target};
use web::{Problem, ReadOrManage};

use crate::State;
use crate::targets;

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

/// How a target is doing.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// The target's name.
    target: String,
    /// Since when it is paused, and why; null where it is not.
    paused: Option<Paused>,
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
    /// When the backlog will be through, if it goes on as in the last five minutes; null where nothing was
    /// delivered in them, or nothing waits.
    through_at: Option<Timestamp>,
}

/// `GET /v1/targets/{name}/health`.
pub(crate) async fn health(
    Shared(state): Shared<State>,
    _: ReadOrManage,
    Path(name): Path<String>,
) -> Result<Json<Health>, Problem> {
    let (target, standing) = targets::get(&state, &name).await?;
    let now = (state.clock)();
    let recent = Filter { from: now.checked_sub(DAY).ok(), ..Filter::default() };
    let (low, high) = recent.id_range().unwrap_or((EventId::MIN, EventId::MAX));
    let listing = Listing { target: &name, status: None, low, high, ascending: false, limit: LOOKED_AT };
    let count = |status| state.deliveries.count(&name, status, COUNTED);
    let (listed, waiting, held, failed, oldest, (unattempted, oldest_unattempted)) = futures::try_join!(
        state.deliveries.list(listing),
        count(Status::Waiting),
        count(Status::Held),
        count(Status::Failed),
        oldest(&state, &name),
        unattempted(&state, &target, standing.as_ref().is_some_and(|standing| standing.paused.is_some())),
    )?;
    let listed = listed.0;
    let over: Vec<&Listed> =
        listed.iter().filter(|one| matches!(one.status, Status::Delivered | Status::Failed)).collect();
    let mut took: Vec<u64> = over.iter().filter_map(|one| Some(one.last.as_ref()?.ms)).collect();
    took.sort_unstable();
    let backlog = waiting + held + unattempted;
    Ok(Json(Health {
        paused: standing.as_ref().and_then(|standing| standing.paused.clone()),
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
        through_at: through_at(&listed, backlog, now),
        target: name,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a thousand at most")]
fn share(over: &[&Listed]) -> Option<f64> {
    let delivered = over.iter().filter(|one| one.status == Status::Delivered).count();
    (!over.is_empty()).then(|| delivered as f64 / over.len() as f64)
}

/// The value that so many of a hundred do not exceed.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let index = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(index).copied()
}

/// When so many deliveries will be through, at the pace of the last minutes.
fn through_at(listed: &[Listed], backlog: usize, now: Timestamp) -> Option<Timestamp> {
    let since = now.checked_sub(LATELY).ok()?;
    let lately =
        |one: &&Listed| one.status == Status::Delivered && one.last.as_ref().is_some_and(|last| last.at >= since);
    let delivered = i64::try_from(listed.iter().filter(lately).count()).ok()?;
    if backlog == 0 || delivered == 0 {
        return None;
    }
    let seconds = i64::try_from(backlog).ok()?.saturating_mul(LATELY.as_secs()) / delivered;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// The oldest event that waits or is held.
async fn oldest(state: &State, name: &str) -> Result<Option<EventId>, store::Error> {
    let first = |status| {
        let (low, high) = (EventId::MIN, EventId::MAX);
        state.deliveries.list(Listing { target: name, status: Some(status), low, high, ascending: true, limit: 1 })
    };
    let (waiting, held) = futures::try_join!(first(Status::Waiting), first(Status::Held))?;
    Ok([waiting, held].into_iter().filter_map(|(listed, _)| Some(listed.first()?.event)).min())
}

/// How many events that the target wants have no record of a delivery, and the oldest of them. They are among the
/// newest: the search ends where a whole step has been attempted.
async fn unattempted(state: &State, target: &Target, paused: bool) -> Result<(usize, Option<EventId>), store::Error> {
    let (mut count, mut oldest, mut after) = (0, None, None);
    if paused {
        return Ok((0, None));
    }
    for _ in 0..STEPS {
        let filter =
            Filter { conditions: target.wanted.conditions(), from: Some(target.created_at), ..Filter::default() };
        let search = Search { filter, after, limit: STEP, max_bytes: 16 << 20, ..Search::default() };
        let page = state.log.search(&search).await?;
        let wanted: Vec<&Event> = page.events.iter().filter(|event| target.wants(event).is_ok()).collect();
        let keys: Vec<(EventId, &str)> = wanted.iter().map(|event| (event.id, target.name.as_str())).collect();
        let known = state.deliveries.get_many(&keys).await?;
        let missing = keys.iter().filter(|(event, _)| !known.iter().any(|known| known.event == *event));
        let missing: Vec<EventId> = missing.map(|(event, _)| *event).collect();
        count += missing.len();
        oldest = missing.iter().min().copied().or(oldest);
        after = page.next;
        if missing.is_empty() || after.is_none() {
            break;
        }
    }
    Ok((count, oldest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_there_were() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7], 95), Some(7));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 95)), (Some(50), Some(95)));
    }
}
