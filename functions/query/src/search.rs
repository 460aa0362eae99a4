//! `GET /v1/events` and `GET /v1/events/{id}`.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, RawQuery, State as Shared};
use events::EventId;
use schemars::JsonSchema;
use serde::Serialize;
use store::Search;
use web::{Kind, Params, Problem, Read, time_range};

use crate::State;
use crate::api::SEARCH;
use crate::cursor;
use crate::view::EventView;

/// The most events of a page.
pub(crate) const MAX_LIMIT: usize = 1000;

/// The events of a page where its caller does not say.
pub(crate) const DEFAULT_LIMIT: usize = 50;

/// The parameters that choose no events: they may differ from page to page.
const PAGING: [&str; 2] = ["limit", "cursor"];

/// A Lambda answers with at most 6 MB: a page ends early when it nears that.
const MAX_BYTES: usize = 5_000_000;

/// How long a search may take before it answers with what it has found.
const MAX_TIME: Duration = Duration::from_secs(10);

/// One page of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventList {
    /// Newest first.
    events: Vec<EventView>,
    /// The next page's `cursor`; null on the last page.
    next: Option<String>,
    /// Whether time ran out before the page was full: `next` goes on from there. Left out where it is
    /// not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

/// `GET /v1/events`: newest first.
pub(crate) async fn list(Shared(state): Shared<State>, _: Read, query: RawQuery) -> Result<Json<EventList>, Problem> {
    let params = Params::read(query, SEARCH.parameters)?;
    let filters = canonical(&params);
    let page = state.events.search(&search(&params, &filters)?).await?;
    Ok(Json(EventList {
        next: page.next.map(|id| cursor::encode(id, &filters)),
        partial: page.partial,
        events: page.events.into_iter().map(EventView::new).collect(),
    }))
}

/// `GET /v1/events/{id}`.
pub(crate) async fn read(
    Shared(state): Shared<State>,
    _: Read,
    Path(id): Path<String>,
) -> Result<Json<EventView>, Problem> {
    let event = state.events.get(event_id(&id)?).await?;
    event.map(|event| Json(EventView::new(event))).ok_or_else(|| no_event(&id))
}

/// The id in a path.
pub(crate) fn event_id(id: &str) -> Result<EventId, Problem> {
    id.parse().map_err(|_| no_id(id))
}

/// The problem of what is no event's id.
pub(crate) fn no_id(id: &str) -> Problem {
    Problem::new(Kind::BadRequest, format!("{:?} is not an event's id: those are whole numbers", shortened(id)))
}

/// The problem of an id that no event has.
pub(crate) fn no_event(id: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("There is no event with the id {}", shortened(id)))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn search(params: &Params, filters: &str) -> Result<Search, Problem> {
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let (from, until) = time_range(params)?;
    Ok(Search {
        sources: params.list("source")?,
        types: params.list("type")?,
        subjects: params.list("subject")?,
        actors: params.list("actor")?,
        projects: params.list("project")?,
        from,
        until,
        before: params.get("cursor").map(|cursor| cursor::decode(cursor, filters)).transpose()?,
        limit: params.parsed("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_LIMIT),
        max_bytes: MAX_BYTES,
        deadline: Some(Instant::now() + MAX_TIME),
    })
}

/// The filters in one spelling, for the cursor.
fn canonical(params: &Params) -> String {
    let filters = SEARCH.parameters.iter().map(|parameter| parameter.name).filter(|name| !PAGING.contains(name));
    filters.filter_map(|name| params.get(name).map(|value| format!("{name}={value}\n"))).collect()
}
