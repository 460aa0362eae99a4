//! `/v1/replays`: events that are sent to a target again.

mod operations;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::EventId;
use jiff::Timestamp;
use model::defaults::{DEFAULT_REPLAY_RATE, MAX_REPLAY_RATE};
use model::{AuditEvent, Record, Replay, ReplayOf, ReplaySelection, ReplayState, SearchFilter, run_name_after};
use schemars::JsonSchema;
use search::SearchRequest;
use serde::Serialize;
use serde_json::{Value, json};
use store::WriteOutcome;
use web::{Caller, Manage, Params, Problem, filters, parse_time_range_of};

use crate::State;
use crate::match_preview::{MAX_PREVIEW_TIME, MAX_SAMPLE_EVENTS, MatchPreview, preview_matches};
use crate::targets::load_target;
use crate::validation::not_found;

pub(crate) use operations::register_routes;

/// Page size of the search that counts events by time of receipt.
const COUNT_PAGE_SIZE: usize = 1000;

/// A replay and its progress.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Replay")]
pub(crate) struct ReplayView {
    /// Name of the replay.
    name: String,
    /// Target of the events.
    target: String,
    /// Kind of events: events of the log, held deliveries, or failed deliveries.
    of: ReplayOf,
    /// State of the replay.
    state: ReplayState,
    /// Earliest event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Event time before which events are sent (exclusive).
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Earliest time of receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    received_from: Option<Timestamp>,
    /// Time of receipt before which events are sent (exclusive).
    #[serde(skip_serializing_if = "Option::is_none")]
    received_until: Option<Timestamp>,
    /// Maximum number of events that are sent per second.
    rate: u32,
    /// Number of events to send, counted at the start.
    total: u64,
    /// Number of events sent so far.
    sent: u64,
    /// Last event that was processed.
    cursor: Option<EventId>,
    /// Time at which the replay was started.
    created_at: Timestamp,
    /// Name of the key that started the replay.
    created_by: String,
    /// Time at which the replay ended.
    ended_at: Option<Timestamp>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            name: replay.name,
            target: replay.target,
            of: replay.of,
            state: replay.state,
            from: replay.selection.from,
            until: replay.selection.until,
            received_from: replay.selection.received_from,
            received_until: replay.selection.received_until,
            rate: replay.rate,
            total: replay.total,
            sent: replay.sent,
            cursor: replay.cursor,
            created_at: replay.created_at,
            created_by: replay.created_by,
            ended_at: replay.ended_at,
        }
    }
}

/// The list of all replays.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReplayList {
    /// The replays, latest first.
    replays: Vec<ReplayView>,
}

/// Counts matching events by time of receipt. The indexes do not contain it, so that every event is read.
async fn preview_received(
    state: &State,
    filter: SearchFilter,
    selection: &ReplaySelection,
) -> Result<MatchPreview, Problem> {
    let deadline = tokio::time::Instant::now() + MAX_PREVIEW_TIME;
    let mut search = SearchRequest {
        filter,
        limit: COUNT_PAGE_SIZE,
        max_bytes: 16 << 20,
        deadline: Some(deadline),
        ..SearchRequest::default()
    };
    let (mut events, mut sample) = (0, Vec::new());
    loop {
        let page = state.log.search(&search).await?;
        for event in page.events.into_iter().filter(|event| selection.is_received(event.received_at)) {
            events += 1;
            if sample.len() < MAX_SAMPLE_EVENTS {
                sample.push(event.into());
            }
        }
        search.after = page.next;
        if search.after.is_none() {
            return Ok(MatchPreview { events: Some(events), sample });
        }
        if tokio::time::Instant::now() >= deadline {
            return Ok(MatchPreview { events: None, sample });
        }
    }
}

/// Parses the parameter `rate`.
pub(crate) fn rate(params: &Params) -> Result<u32, Problem> {
    let expected = format!("a whole number from 1 to {MAX_REPLAY_RATE}");
    let read = |value: &str| value.parse().ok().filter(|rate| (1..=MAX_REPLAY_RATE).contains(rate));
    Ok(params.parse("rate", &expected, read)?.unwrap_or(DEFAULT_REPLAY_RATE))
}

/// Parses the parameter `dry_run`.
pub(crate) fn is_dry_run(params: &Params) -> Result<bool, Problem> {
    Ok(params.choice("dry_run", &["true", "false"])? == Some("true"))
}

/// `POST /v1/targets/{name}/replay`: sends the matching events of a range of the log to the target again.
pub(crate) async fn replay_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let (rate, dry_run) = (rate(&params)?, is_dry_run(&params)?);
    let asked = filters::parse(&params)?;
    let text = params.get("q").map(str::to_owned);
    let (received_from, received_until) = parse_time_range_of(&params, "received_from", "received_to")?;
    if asked.from.is_none() && received_from.is_none() {
        return Err(web::invalid_parameter(
            "from",
            "is missing, and so is `received_from`: say from when on events are sent again",
        ));
    }
    let (target, _) = load_target(&state, &name).await?;
    let now = (state.clock)();
    // Later events are delivered as usual.
    let received_until = Some(received_until.unwrap_or(now).min(now));
    let (from, until, conditions) = (asked.from, asked.until, asked.conditions);
    let selection = ReplaySelection { from, until, received_from, received_until, conditions, text };
    let filter = selection.search_filter(target.filter.conditions());
    let matching = match received_from {
        None => preview_matches(&state, filter).await?,
        Some(_) => preview_received(&state, filter, &selection).await?,
    };
    if dry_run {
        return Ok(Json(matching).into_response());
    }
    let total = matching.events.unwrap_or_default();
    let replay = Start { target: &name, of: ReplayOf::Log, selection, rate, total, previous_run: None };
    start(&state, &caller, replay).await
}

/// Parameters of a new replay.
pub(crate) struct Start<'a> {
    pub(crate) target: &'a str,
    pub(crate) of: ReplayOf,
    pub(crate) selection: ReplaySelection,
    pub(crate) rate: u32,
    pub(crate) total: u64,
    /// The latest run of the deliveries that the replay sends, if they are known.
    pub(crate) previous_run: Option<String>,
}

/// Starts a replay and returns the response.
pub(crate) async fn start(state: &State, caller: &Caller, start: Start<'_>) -> Result<Response, Problem> {
    let now = (state.clock)();
    let replay = Replay {
        name: run_name_after(now, start.previous_run.as_deref()),
        target: start.target.to_owned(),
        of: start.of,
        selection: start.selection,
        rate: start.rate,
        state: ReplayState::Running,
        total: start.total,
        sent: 0,
        cursor: None,
        page: Vec::new(),
        paged_at: None,
        pass_at: None,
        leased_until: None,
        created_at: now,
        created_by: caller.key.clone(),
        ended_at: None,
    };
    let (from, to) = (replay.selection.from, replay.selection.until);
    let entry = AuditEvent {
        event_type: "replay-created",
        actor: &caller.key,
        subject: &replay.name,
        data: json!({
            "name": replay.name, "replay": replay.name, "target": replay.target, "of": replay.of,
            "from": from, "to": to, "events": replay.total,
        }),
        previous: Value::Null,
    };
    let changes = vec![state.config.create_write(&replay)?];
    if let WriteOutcome::ConditionFailed(_) = state.events.write_audited(&entry, changes).await? {
        return Err(store::Error::Exists(format!("{}/{}", Replay::KIND, replay.name)).into());
    }
    let place = HeaderValue::from_str(&format!("/v1/replays/{}", replay.name));
    let mut response = (StatusCode::ACCEPTED, Json(ReplayView::from(replay))).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `GET /v1/replays`.
pub(crate) async fn list_replays(Shared(state): Shared<State>, _: Manage) -> Result<Json<ReplayList>, Problem> {
    let mut replays: Vec<Replay> = state.config.list().await?;
    replays.reverse();
    Ok(Json(ReplayList { replays: replays.into_iter().map(ReplayView::from).collect() }))
}

/// `GET /v1/replays/{name}`.
pub(crate) async fn read_replay(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<ReplayView>, Problem> {
    let replay: Option<Replay> = state.config.get(&name).await?;
    replay.map(|replay| Json(replay.into())).ok_or_else(|| not_found(Replay::KIND, &name))
}

/// `POST /v1/replays/{name}/cancel`. Events that were sent are still delivered.
pub(crate) async fn cancel_replay(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<Json<ReplayView>, Problem> {
    let known: Option<Replay> = state.config.get(&name).await?;
    let known = known.ok_or_else(|| not_found(Replay::KIND, &name))?;
    let Some(ended) = state.config.end_replay(&name, ReplayState::Cancelled, (state.clock)()).await? else {
        return Ok(Json(known.into()));
    };
    let entry = AuditEvent {
        event_type: "replay-removed",
        actor: &caller.key,
        subject: &name,
        data: json!({ "target": ended.target, "sent": ended.sent, "events": ended.total }),
        previous: Value::Null,
    };
    state.events.write_audited(&entry, Vec::new()).await?;
    Ok(Json(ended.into()))
}
