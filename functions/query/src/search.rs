//! `GET /v1/events` and `GET /v1/events/{id}`.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use events::EventId;
use schemars::JsonSchema;
use search::{SearchRequest, SearchStats};
use serde::Serialize;
use serde_json::value::RawValue;
use web::{Caching, Params, Problem, ProblemType, Read, cached_response, filters, quoted};

use crate::State;
use crate::cursor;
use crate::room::{JSON, Room, written};
use crate::tally::Tally;
use crate::view::EventView;

/// The most events of a page.
pub(crate) const MAX_LIMIT: usize = 1000;

/// The events of a page where its caller does not say.
pub(crate) const DEFAULT_LIMIT: usize = 50;

/// The most bytes of payloads that are read for one page. How many of its events are answered is decided by what each
/// of them takes: a quotation mark is two bytes of a Lambda's answer, and every event has about 500 beside its payload.
pub(crate) const MAX_BYTES: usize = 4_200_000;

/// How long a search may take before it answers with what it has found.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(10);

/// One page of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventList {
    /// In the order that was asked for.
    #[schemars(with = "Vec<EventView>")]
    events: Vec<Box<RawValue>>,
    /// The next page's `cursor`; null on the last page.
    next: Option<String>,
    /// How many events match, on all pages; null where it was not asked for, or could not be counted in
    /// time.
    total: Option<u64>,
    /// Whether the search ended early, because of its time or its read units: `next` goes on from there. Left out
    /// where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    /// How the answer was found, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<SearchPlan>,
}

/// How a search was answered.
#[derive(Debug, Serialize, JsonSchema)]
struct SearchPlan {
    /// What was read: `log`, one of its indexes, or `segments`.
    read: &'static str,
    /// How many partitions of it were read side by side.
    partitions: usize,
    /// How many of their items were looked at.
    examined: usize,
    /// How many segments there are in the range of time.
    segments: usize,
    /// Of how many of them the text was read.
    texts: usize,
    /// How many events were looked at that are in no segment: the newest, and late ones.
    unpacked: usize,
    /// The read units that DynamoDB says it took.
    read_units: f64,
}

impl From<SearchStats> for SearchPlan {
    fn from(way: SearchStats) -> Self {
        Self {
            read: way.read,
            partitions: way.partitions,
            examined: way.examined,
            segments: way.segments,
            texts: way.texts,
            unpacked: way.unpacked,
            read_units: way.units,
        }
    }
}

/// `GET /v1/events`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Read, params: Params) -> Result<Json<EventList>, Problem> {
    let ascending = params.choice("order", &["desc", "asc"])? == Some("asc");
    let total = params.choice("total", &["none", "exact"])? == Some("exact");
    let explain = params.choice("explain", &["true", "false"])? == Some("true");
    let filter = filters::parse(&params)?;
    let canonical = filters::canonical(&params, &filter, ascending);
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let search = SearchRequest {
        filter,
        ascending,
        after: params.get("cursor").map(|cursor| cursor::decode(cursor, &canonical)).transpose()?,
        limit: params.parse("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_LIMIT),
        max_bytes: MAX_BYTES,
        total,
        deadline: Some(Instant::now() + MAX_TIME),
    };
    let tally = Tally::new("search");
    let page = state.log.search(&search).await?;
    tally.log(page.stats.read, page.events.len(), page.stats.units, page.partial);
    let (events, cut) =
        Room::new(JSON).fill(page.events, |event| written(&EventView::new(event)), |event| event.get().as_bytes());
    Ok(Json(EventList {
        events,
        next: cut.or(page.next).map(|id| cursor::encode(id, &canonical)),
        total: page.total,
        partial: page.partial,
        explain: explain.then(|| page.stats.into()),
    }))
}

/// `GET /v1/events/{id}`: an event never changes.
pub(crate) async fn read(
    Shared(state): Shared<State>,
    _: Read,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = state.log.events.get(event_id(&id)?).await?.ok_or_else(|| no_event(&id))?;
    Ok(cached_response(&headers, Caching::Private, Json(EventView::new(event))))
}

/// The id in a path.
pub(crate) fn event_id(id: &str) -> Result<EventId, Problem> {
    id.parse().map_err(|_| no_id(id))
}

/// The problem of what is no event's id.
pub(crate) fn no_id(id: &str) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("{:?} is not an event's id: those are whole numbers", quoted(id)))
}

/// The problem of an id that no event has.
pub(crate) fn no_event(id: &str) -> Problem {
    Problem::new(ProblemType::NotFound, format!("There is no event with the id {}", quoted(id)))
}
