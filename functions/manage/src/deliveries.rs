//! `/v1/deliveries`: delivery records and retries.

mod operations;

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use events::EventId;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use model::delivery::decision::{RetryDecision, decide_retry};
use model::delivery::transition::DeliveryState;
use model::{
    DeliveryKey, DeliveryMessage, DeliveryQuery, DeliverySummary, Record, RecordedStatus, ReplayOf, ReplaySelection,
    SearchFilter, TARGET_REMOVED, Target, run_name_after,
};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Manage, Params, Problem, ProblemType, ReadOrManage, parse_time_range};

use crate::State;
use crate::replays::{self, Start};
use crate::targets::load_target;
use crate::validation::not_found;

pub(crate) use operations::register_routes;

const DEFAULT_LIMIT: usize = 50;
pub(crate) const MAX_LIMIT: usize = 1000;

/// Maximum number of delivery lists that are queried in parallel.
const MAX_CONCURRENT_LISTS: usize = 8;

/// Maximum number of failed deliveries that are counted before a retry.
const MAX_COUNTED_FAILED: usize = 100_000;

/// A delivery in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryView {
    /// Id of the event.
    event: EventId,
    /// Name of the target.
    target: String,
    /// Status of the delivery.
    status: RecordedStatus,
    /// Number of attempts so far.
    attempts: u32,
    /// Time at which the last attempt began.
    last_attempt_at: Option<Timestamp>,
    /// Duration of the last attempt, in milliseconds.
    last_duration_ms: Option<u64>,
    /// HTTP status of the response to the last attempt.
    last_status: Option<u16>,
    /// Reason why the last attempt failed.
    last_error: Option<String>,
    /// Time at which the next attempt is due.
    next_attempt_at: Option<Timestamp>,
    /// Name of the replay or retry that the delivery is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryList {
    /// The deliveries, newest event first.
    deliveries: Vec<DeliveryView>,
    /// Value of `cursor` for the next page; null on the last page.
    next: Option<String>,
}

impl From<DeliverySummary> for DeliveryView {
    fn from(listed: DeliverySummary) -> Self {
        let (at, ms, status, error) = match listed.last {
            Some(last) => (Some(last.at), Some(last.ms), last.status, last.error),
            None => (None, None, None, None),
        };
        Self {
            event: listed.event,
            target: listed.target,
            status: listed.status,
            attempts: listed.count,
            last_attempt_at: at,
            last_duration_ms: ms,
            last_status: status,
            last_error: error,
            next_attempt_at: listed.next_attempt_at,
            run: listed.run,
        }
    }
}

impl DeliveryView {
    /// Adjusts the view of an unfinished delivery to the removal of its target, with the words of its explanation.
    fn apply_target_removal(&mut self) {
        if self.status.is_unfinished() {
            self.status = self.status.after_target_removal();
            self.next_attempt_at = None;
            self.last_error = Some(TARGET_REMOVED.to_owned());
        }
    }
}

/// `GET /v1/deliveries`: filtered by target, status and event time.
pub(crate) async fn list_deliveries(
    Shared(state): Shared<State>,
    _: ReadOrManage,
    params: Params,
) -> Result<Json<DeliveryList>, Problem> {
    let names: Vec<&str> = RecordedStatus::ALL.iter().map(|status| status.name()).collect();
    let statuses = params.choices("status", &names)?;
    let statuses: Vec<Option<RecordedStatus>> = if statuses.is_empty() {
        vec![None]
    } else {
        RecordedStatus::ALL
            .into_iter()
            .filter(|status| statuses.iter().any(|name| name == status.name()))
            .map(Some)
            .collect()
    };
    let limit = params.parse("limit", &format!("a whole number from 1 to {MAX_LIMIT}"), |value| {
        value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
    })?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let cursor = params.parse("cursor", "`next` of the page before", |value| {
        let (event, target) = value.split_once('~')?;
        Some((EventId::from_u64(event.parse().ok()?)?, target.to_owned()))
    })?;
    // The deliveries of a removed target are listed if the request names the target.
    let known: HashMap<String, Timestamp> =
        state.config.list::<Target>().await?.into_iter().map(|target| (target.name, target.created_at)).collect();
    let targets = match params.get("target") {
        Some(name) => vec![name.to_owned()],
        None => known.keys().cloned().collect(),
    };
    let (from, until) = parse_time_range(&params)?;
    let Some((low, high)) = (SearchFilter { from, until, ..SearchFilter::default() }).id_range() else {
        return Ok(Json(DeliveryList { deliveries: Vec::new(), next: None }));
    };
    // An event's deliveries to several targets are next to each other, and a page may end between them.
    let high = cursor.as_ref().map_or(high, |(event, _)| (*event).min(high));
    let asked = targets.iter().flat_map(|target| {
        let removed = !known.contains_key(target);
        recorded_statuses(&statuses, removed).into_iter().map(move |status| (target, status))
    });
    let pages = asked.map(|(target, status)| {
        // Unfinished deliveries belong to the existing target, not to a removed target with the same name.
        let since = known.get(target).copied().filter(|_| status.is_some_and(RecordedStatus::is_unfinished));
        let listing = DeliveryQuery { target, since, status, low, high, ascending: false, limit: limit + 1 };
        state.deliveries.list(listing)
    });
    let pages = futures::stream::iter(pages.collect::<Vec<_>>()).buffered(MAX_CONCURRENT_LISTS).try_collect().await?;
    let mut page = page(pages, cursor, limit);
    page.deliveries
        .iter_mut()
        .filter(|listed| !known.contains_key(&listed.target))
        .for_each(DeliveryView::apply_target_removal);
    Ok(Json(page))
}

/// Returns the recorded statuses to query for the requested ones. Deliveries that were unfinished when their target was
/// removed are shown as failed.
fn recorded_statuses(statuses: &[Option<RecordedStatus>], removed: bool) -> Vec<Option<RecordedStatus>> {
    if !removed || statuses.contains(&None) {
        return statuses.to_vec();
    }
    let recorded = RecordedStatus::ALL.into_iter();
    recorded.filter(|status| statuses.contains(&Some(status.after_target_removal()))).map(Some).collect()
}

/// Merges several lists into one page. Each list comes with the event down to which it is complete.
fn page(
    pages: Vec<(Vec<DeliverySummary>, Option<EventId>)>,
    cursor: Option<(EventId, String)>,
    limit: usize,
) -> DeliveryList {
    let complete = pages.iter().filter_map(|(_, to)| *to).max();
    let mut all: Vec<DeliverySummary> = pages.into_iter().flat_map(|(listed, _)| listed).collect();
    all.sort_by(|a, b| b.event.cmp(&a.event).then_with(|| a.target.cmp(&b.target)));
    all.retain(|listed| complete.is_none_or(|complete| listed.event >= complete));
    if let Some((event, target)) = cursor {
        all.retain(|listed| listed.event < event || (listed.event == event && listed.target > target));
    }
    let full = all.len() > limit;
    all.truncate(limit);
    let last = all.last().filter(|_| full).map(|last| format!("{}~{}", last.event, last.target));
    // If the read limit was reached first, the next page starts below that event. No name sorts after a tilde.
    let next = last.or_else(|| complete.map(|complete| format!("{complete}~~")));
    DeliveryList { deliveries: all.into_iter().map(DeliveryView::from).collect(), next }
}

/// A delivery that is retried.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Retried {
    /// Id of the event.
    event: EventId,
    /// Name of the target.
    target: String,
    /// Name of the retry. Each of its attempts records it.
    run: String,
}

/// `POST /v1/deliveries/{event}/{target}/retry`: with all attempts that the target allows.
pub(crate) async fn retry_delivery(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path((event, name)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Retried>), Problem> {
    let none = || Problem::new(ProblemType::NotFound, "There is no such event");
    let id = event.parse().ok().and_then(EventId::from_u64).ok_or_else(none)?;
    let event = state.log.events.get(id).await?.ok_or_else(none)?;
    let (target, target_state) = load_target(&state, &name).await?;
    let now = (state.clock)();
    let delivery = state.deliveries.get(id, &name).await?.filter(|delivery| delivery.is_for(&target));
    let previous_run = delivery.as_ref().and_then(|delivery| delivery.run.clone());
    let from = match delivery {
        Some(delivery) => {
            let paused = target_state.is_some_and(|target_state| target_state.pause.is_some());
            match decide_retry(&DeliveryState::from(&delivery), paused, now) {
                RetryDecision::Release(from) => from,
                RetryDecision::AlreadyWaiting => return Err(already_waiting()),
                RetryDecision::HeldByPause => {
                    return Err(Problem::new(
                        ProblemType::Conflict,
                        "The target is paused: resume it, and its held events are delivered",
                    ));
                }
            }
        }
        None => match target.accepts(&event, now) {
            Ok(()) => return Err(Problem::new(ProblemType::Conflict, "The delivery's first attempt is still due")),
            Err(not) => {
                let detail =
                    format!("The target does not want the event: {}. A replay goes by what it wants now", not.reason);
                return Err(Problem::new(ProblemType::Conflict, detail).with("filter", not.filter));
            }
        },
    };
    let run = run_name_after(now, previous_run.as_deref());
    let target_created_at = Some(target.created_at);
    let turn = DeliveryKey { event: id, target: &name, target_created_at, run: Some(&run), undelivered: false };
    // Of several concurrent requests, one succeeds. The others get a conflict.
    if !state.deliveries.release(turn, from).await? {
        return Err(already_waiting());
    }
    let message = DeliveryMessage { run: Some(run.clone()), ..DeliveryMessage::new(id, &name) };
    if let Err(error) = state.send(&message).await {
        state.deliveries.undo_release(turn, from).await?;
        return Err(error);
    }
    tracing::info!(event = %id, target = name, run, key = caller.key, "retrying a delivery");
    Ok((StatusCode::ACCEPTED, Json(Retried { event: id, target: name, run })))
}

/// The problem of a delivery that already waits for an attempt.
pub(crate) fn already_waiting() -> Problem {
    Problem::new(ProblemType::Conflict, "The delivery is waiting for an attempt already")
}

/// `POST /v1/deliveries/retry`: every failed delivery of a target.
pub(crate) async fn retry_deliveries(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    params: Params,
) -> Result<Response, Problem> {
    let (rate, dry_run) = (replays::rate(&params)?, replays::is_dry_run(&params)?);
    let name = params
        .get("target")
        .ok_or_else(|| web::invalid_parameter("target", "is missing: say whose deliveries to retry"))?;
    let (from, until) = parse_time_range(&params)?;
    let selection = ReplaySelection { from, until, ..ReplaySelection::default() };
    let target = state.config.get::<Target>(name).await?.ok_or_else(|| not_found(Target::KIND, name))?;
    let range = SearchFilter { from, until, ..SearchFilter::default() }.id_range();
    let failed = match range {
        Some((low, high)) => {
            let (since, status) = (Some(target.created_at), Some(RecordedStatus::Failed));
            let listing =
                DeliveryQuery { target: name, since, status, low, high, ascending: true, limit: MAX_COUNTED_FAILED };
            state.deliveries.list(listing).await?.0
        }
        None => Vec::new(),
    };
    let total = u64::try_from(failed.len()).unwrap_or(u64::MAX);
    if dry_run {
        return Ok(Json(Failing { failed: total }).into_response());
    }
    let previous_run = failed.into_iter().filter_map(|delivery| delivery.run).max();
    let start = Start { target: name, of: ReplayOf::Failed, selection, rate, total, previous_run };
    replays::start(&state, &caller, start).await
}

/// Number of deliveries that a retry would affect.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Failing {
    /// Number of failed deliveries.
    failed: u64,
}
