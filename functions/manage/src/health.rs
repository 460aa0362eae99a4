//! `GET /v1/targets/{name}/health`: success rate, latency and backlog of a target.

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
use crate::targets::{filter_warnings, load_target};

/// Age of the oldest events whose deliveries count.
const HEALTH_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Period over which the delivery rate is measured.
const THROUGHPUT_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Time without a matching event after which a response contains a warning.
const NO_MATCH_WARNING_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Maximum number of deliveries that are read for rates and latencies.
const MAX_SAMPLED_DELIVERIES: usize = 1000;

/// Maximum number of deliveries that are counted per status.
const MAX_COUNTED_DELIVERIES: usize = 10_000;

/// Page size of the search for events without an attempt.
const UNATTEMPTED_PAGE_SIZE: usize = 100;

/// Maximum number of pages of that search.
const MAX_UNATTEMPTED_PAGES: usize = 20;

/// Number of consecutive pages without such an event after which the search ends.
const MAX_EMPTY_PAGES: usize = 5;

/// Health of a target.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Name of the target.
    target: String,
    /// Pause of the target; null if it is not paused.
    paused: Option<Pause>,
    /// Time since which every attempt has failed; null if the last attempt succeeded.
    failing_since: Option<Timestamp>,
    /// Number of finished deliveries of the events of the last 24 hours (the latest 1,000 of them).
    settled: usize,
    /// Share of delivered events among the finished deliveries; null without finished deliveries.
    success_rate: Option<f64>,
    /// Median duration of their last attempts, in milliseconds.
    p50_ms: Option<u64>,
    /// 95th percentile of the duration of their last attempts, in milliseconds.
    p95_ms: Option<u64>,
    /// Number of unfinished deliveries: waiting, held, and unattempted.
    backlog: usize,
    /// If true, the backlog may be larger than the number in `backlog`.
    backlog_is_at_least: bool,
    /// Number of deliveries that wait for another attempt.
    waiting: usize,
    /// Number of deliveries that are held because the target is paused.
    held: usize,
    /// Number of deliveries without an attempt.
    unattempted: usize,
    /// Time of the oldest undelivered event.
    oldest_undelivered_at: Option<Timestamp>,
    /// Time of receipt of the latest event that the filters match, whatever its own time; null if none has matched since the
    /// target was created.
    latest_match_at: Option<Timestamp>,
    /// Advice about filters that match no event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Number of deliveries that failed after their last attempt.
    failed: usize,
    /// Estimated time at which the backlog will be delivered, at the rate of the running replays, or else of the last five
    /// minutes; null without a backlog or without recent deliveries.
    through_at: Option<Timestamp>,
}

/// `GET /v1/targets/{name}/health`.
pub(crate) async fn read_target_health(
    Shared(state): Shared<State>,
    _: ReadOrManage,
    Path(name): Path<String>,
) -> Result<Json<Health>, Problem> {
    let (target, target_state) = load_target(&state, &name).await?;
    let now = (state.clock)();
    let recent = SearchFilter { from: now.checked_sub(HEALTH_WINDOW).ok(), ..SearchFilter::default() };
    let (low, high) = recent.id_range().unwrap_or((EventId::MIN, EventId::MAX));
    let since = Some(target.created_at);
    let listing = DeliveryQuery {
        target: &name,
        since,
        status: None,
        low,
        high,
        ascending: false,
        limit: MAX_SAMPLED_DELIVERIES,
    };
    let count = |status| state.deliveries.count(&name, target.created_at, status, MAX_COUNTED_DELIVERIES);
    let matching = SearchFilter { conditions: target.filter.conditions(), ..SearchFilter::default() };
    let accepts = |event: &Event| target.accepts(event, now).is_ok();
    let (listed, replays, waiting, held, failed, oldest, unattempted, late) = futures::try_join!(
        state.deliveries.list(listing),
        state.config.list::<Replay>(),
        count(RecordedStatus::Waiting),
        count(RecordedStatus::Held),
        count(RecordedStatus::Failed),
        oldest(&state, &target),
        find_unattempted(
            &state,
            &target,
            target_state.as_ref().is_some_and(|target_state| target_state.pause.is_some())
        ),
        state.log.latest_late_event(&matching, target.created_at, accepts),
    )?;
    let listed = listed.0;
    let Unattempted { count: unattempted, oldest: oldest_unattempted, newest_match } = unattempted;
    let latest_match_at = newest_match.max(late.map(|event| event.received_at));
    let over: Vec<&DeliverySummary> =
        listed.iter().filter(|one| matches!(one.status, RecordedStatus::Delivered | RecordedStatus::Failed)).collect();
    let mut took: Vec<u64> = over.iter().filter_map(|one| Some(one.last.as_ref()?.ms)).collect();
    took.sort_unstable();
    let backlog = waiting + held + unattempted;
    Ok(Json(Health {
        paused: target_state.as_ref().and_then(|target_state| target_state.pause.clone()),
        failing_since: target_state.and_then(|target_state| target_state.failing_since),
        settled: over.len(),
        success_rate: share(&over),
        p50_ms: quantile(&took, 50),
        p95_ms: quantile(&took, 95),
        backlog,
        backlog_is_at_least: [waiting, held].contains(&MAX_COUNTED_DELIVERIES)
            || unattempted >= UNATTEMPTED_PAGE_SIZE * MAX_UNATTEMPTED_PAGES,
        waiting,
        held,
        unattempted,
        oldest_undelivered_at: oldest.into_iter().chain(oldest_unattempted).min().map(EventId::time),
        latest_match_at,
        warnings: health_warnings(&target, latest_match_at, now),
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

/// Returns the percentile of sorted values.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let index = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(index).copied()
}

/// Returns the delivery rate of a target, per second. Replays deliver the oldest events, which are not in `listed`: their
/// own counters give the rate while one is running. Otherwise, the recent deliveries give it.
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds, far below 2^53")]
fn pace(listed: &[DeliverySummary], replays: &[Replay], target: &str, now: Timestamp) -> Option<f64> {
    let seconds = |since: Timestamp| (now.duration_since(since).as_millis().max(1)) as f64 / 1e3;
    let running = |replay: &&Replay| replay.target == target && replay.state == ReplayState::Running;
    let replayed: f64 =
        replays.iter().filter(running).map(|replay| replay.sent as f64 / seconds(replay.created_at)).sum();
    if replayed > 0.0 {
        return Some(replayed);
    }
    let since = now.checked_sub(THROUGHPUT_WINDOW).ok()?;
    let delivered = listed.iter().filter(|one| one.status == RecordedStatus::Delivered);
    let recent: Vec<Timestamp> =
        delivered.filter_map(|one| Some(one.last.as_ref()?.at)).filter(|at| *at >= since).collect();
    // If the sample is full, it covers only the time since its first delivery.
    let since = if listed.len() < MAX_SAMPLED_DELIVERIES { since } else { *recent.iter().min()? };
    (!recent.is_empty()).then(|| recent.len() as f64 / seconds(since))
}

/// Returns the time at which the backlog will be delivered at the given rate per second.
#[expect(clippy::cast_precision_loss, reason = "a few ten thousand")]
fn through_at(backlog: usize, pace: f64, now: Timestamp) -> Option<Timestamp> {
    let seconds = backlog as f64 / pace;
    if backlog == 0 {
        return None;
    }
    now.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

/// Returns the oldest event with a waiting or held delivery.
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

/// Returns advice about a target whose filters match no event.
fn health_warnings(target: &Target, latest_match_at: Option<Timestamp>, now: Timestamp) -> Vec<String> {
    let since = latest_match_at.unwrap_or(target.created_at).max(target.filter_since);
    let silent = (now.duration_since(since) >= NO_MATCH_WARNING_AFTER).then(|| {
        let name = &target.name;
        format!("no event has matched the filters since {since}: check them with POST /v1/targets/{name}/preview")
    });
    silent.into_iter().chain(filter_warnings(&target.filter)).collect()
}

/// Matching events without a delivery record.
#[derive(Default)]
struct Unattempted {
    count: usize,
    oldest: Option<EventId>,
    /// Latest time of receipt of an event that matches the filters, attempted or not.
    newest_match: Option<Timestamp>,
}

/// Counts the matching events without a delivery record, and finds the oldest of them and the latest receipt of a matching
/// event.
///
/// Such events are among the newest. Standard queues do not keep the order, so the search continues until
/// [`MAX_EMPTY_PAGES`] consecutive pages have only attempted events.
async fn find_unattempted(state: &State, target: &Target, paused: bool) -> Result<Unattempted, store::Error> {
    let (mut found, mut after, mut empty_pages) = (Unattempted::default(), None, 0);
    let limit = if paused { 1 } else { UNATTEMPTED_PAGE_SIZE };
    for _ in 0..MAX_UNATTEMPTED_PAGES {
        let filter = SearchFilter {
            conditions: target.filter.conditions(),
            from: Some(target.created_at),
            ..SearchFilter::default()
        };
        let search = SearchRequest { filter, after, limit, max_bytes: 16 << 20, ..SearchRequest::default() };
        let page = state.log.search(&search).await?;
        let wanted: Vec<&Event> =
            page.events.iter().filter(|event| target.accepts(event, (state.clock)()).is_ok()).collect();
        found.newest_match = found.newest_match.max(wanted.iter().map(|event| event.received_at).max());
        // The events of a paused target are held, and have a record.
        if paused {
            break;
        }
        let keys: Vec<(EventId, &str)> = wanted.iter().map(|event| (event.id, target.name.as_str())).collect();
        let known = state.deliveries.get_many(&keys).await?;
        let missing = keys.iter().filter(|(event, _)| !known.iter().any(|known| known.event == *event));
        let missing: Vec<EventId> = missing.map(|(event, _)| *event).collect();
        found.count += missing.len();
        found.oldest = missing.iter().min().copied().or(found.oldest);
        after = page.next;
        empty_pages = if missing.is_empty() { empty_pages + 1 } else { 0 };
        if empty_pages == MAX_EMPTY_PAGES || after.is_none() {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_delivered_at_the_rate_of_its_replays() {
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
    fn a_backlog_is_delivered_at_the_recent_rate() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let delivered = |at: &str| -> DeliverySummary {
            let last = serde_json::json!({ "at": at, "ms": 5 });
            serde_json::from_value(serde_json::json!({ "pk": 1, "sk": "a", "status": "delivered", "last": last }))
                .unwrap()
        };
        let recent = |count| vec![delivered("2026-01-01T00:59:50Z"); count];
        assert_eq!(pace(&recent(300), &[], "a", now), Some(1.0));
        assert_eq!(
            pace(&recent(MAX_SAMPLED_DELIVERIES), &[], "a", now),
            Some(100.0),
            "a full sample covers ten seconds"
        );
        assert_eq!(pace(&[delivered("2026-01-01T00:00:00Z")], &[], "a", now), None);
    }

    #[test]
    fn percentiles_are_measured_values() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7], 95), Some(7));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 95)), (Some(50), Some(95)));
    }
}
