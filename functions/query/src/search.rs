//! `GET /v1/events` and `GET /v1/events/{id}`.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, RawQuery, State as Shared};
use events::EventId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Serialize;
use store::Search;
use web::{Kind, Params, Problem, Read};

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
    let search = Search {
        sources: params.list("source")?,
        types: params.list("type")?,
        subjects: params.list("subject")?,
        actors: params.list("actor")?,
        projects: params.list("project")?,
        from: params.parsed("from", TIME, |value| range(value).map(|(start, _)| start))?,
        until: params.parsed("to", TIME, |value| range(value).map(|(_, end)| end))?,
        before: params.get("cursor").map(|cursor| cursor::decode(cursor, filters)).transpose()?,
        limit: params.parsed("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_LIMIT),
        max_bytes: MAX_BYTES,
        deadline: Some(Instant::now() + MAX_TIME),
    };
    match (search.from, search.until) {
        (Some(from), Some(until)) if from >= until => Err(from_after_to()),
        _ => Ok(search),
    }
}

/// The problem of a range that ends before it begins.
pub(crate) fn from_after_to() -> Problem {
    Problem::new(Kind::BadRequest, "The parameter `from` is after `to`").with("parameter", "from")
}

const TIME: &str = "a date (2026-01-31, in UTC) or a time (2026-01-31T12:00:00Z)";

/// The start of a date or time, and the end that it stands for: both ends of a range belong to it.
fn range(value: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(time) = value.parse::<Timestamp>() {
        return Some((time, time.checked_add(1.nanosecond()).ok()?));
    }
    // A civil date alone: jiff would also read one out of a date and time without a zone.
    let date: Date = (value.len() == "2026-01-31".len()).then(|| value.parse().ok())??;
    let start = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    Some((start(date)?, start(date.tomorrow().ok()?)?))
}

/// The filters in one spelling, for the cursor.
fn canonical(params: &Params) -> String {
    let filters = SEARCH.parameters.iter().map(|parameter| parameter.name).filter(|name| !PAGING.contains(name));
    filters.filter_map(|name| params.get(name).map(|value| format!("{name}={value}\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_utc_day() {
        let (start, end) = range("2024-02-29").unwrap();
        assert_eq!(start.to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(end.to_string(), "2024-03-01T00:00:00Z");
    }

    #[test]
    fn an_instant_belongs_to_its_range() {
        let (start, end) = range("2024-10-03T13:09:53.225+02:00").unwrap();
        assert_eq!(start.to_string(), "2024-10-03T11:09:53.225Z");
        assert_eq!((end - start).get_nanoseconds(), 1);
    }

    #[test]
    fn other_times_are_refused() {
        for value in ["", "yesterday", "2024-02-30", "2024-1-1", "2024-01-01T00:00:00", "20240101"] {
            assert_eq!(range(value), None, "{value}");
        }
    }
}
