//! Unleash's event API over the events of the catalog `unleash`. Clients of Unleash work with another address and token.
//! `docs/unleash-api.md` lists the differences.

mod operations;
mod params;
mod responses;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use events::EventId;
use model::{Field, SearchFilter};
use search::Matches;
use serde_json::value::RawValue;
use tokio::time::Instant;
use web::{Problem, ReadAnyFormat};

use crate::State;
use crate::response_budget::{JSON, ResponseBudget, serialize};
use crate::search::MAX_SEARCH_TIME;
use crate::search_metrics::SearchMetrics;
use params::{BadData, Params};
use responses::{FeatureEvents, RecentEvents, SearchResult, UnleashEvent};

pub(crate) use operations::register_routes;

/// Number of newest events of all projects.
const MAX_RECENT_EVENTS: usize = 100;

/// Number of newest events of a project or a feature.
const MAX_PROJECT_EVENTS: usize = 50;

/// Number of events that are read, and held in memory, together.
const EVENTS_PER_READ: usize = 100;

/// Value of `version` in Unleash's responses.
const RESPONSE_VERSION: u8 = 1;

/// An error response.
pub(crate) enum UnleashError {
    /// A parameter is invalid; the response has Unleash's form.
    BadData(BadData),
    /// Any other problem.
    Problem(Problem),
}

impl From<BadData> for UnleashError {
    fn from(bad: BadData) -> Self {
        Self::BadData(bad)
    }
}

impl From<store::Error> for UnleashError {
    fn from(error: store::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for UnleashError {
    fn into_response(self) -> Response {
        match self {
            Self::BadData(bad) => bad.into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// `GET /api/admin/search/events`.
pub(crate) async fn search_events_as_unleash(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    query: RawQuery,
) -> Result<Json<SearchResult>, UnleashError> {
    let params = Params::read(query)?;
    let found = find(&state, params.filter()?).await?;
    let events = read_page(&state, &found, params.offset(), params.limit(), true).await?;
    Ok(Json(SearchResult { events, total: found.len() }))
}

/// `GET /api/admin/events`.
pub(crate) async fn list_events_as_unleash(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    query: RawQuery,
) -> Result<Json<RecentEvents>, UnleashError> {
    let params = Params::read(query)?;
    let (filter, limit) = match params.project() {
        Some(project) => {
            (SearchFilter::default().and(Field::Project, params::split_values(project)), MAX_PROJECT_EVENTS)
        }
        None => (SearchFilter::default(), MAX_RECENT_EVENTS),
    };
    let found = find(&state, filter).await?;
    let events = read_page(&state, &found, 0, limit, false).await?;
    Ok(Json(RecentEvents { version: RESPONSE_VERSION, events, total_events: found.len() }))
}

/// `GET /api/admin/events/{feature}`.
pub(crate) async fn list_events_of_feature_as_unleash(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    feature: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Json<FeatureEvents>, UnleashError> {
    let Path(feature) = feature.map_err(|_| params::not_utf8("feature", uri.path()))?;
    params::check_text("feature", &feature, uri.path())?;
    let found = find(&state, SearchFilter::default().and(Field::Feature, params::split_values(&feature))).await?;
    let events = read_page(&state, &found, 0, MAX_PROJECT_EVENTS, false).await?;
    Ok(Json(FeatureEvents { version: RESPONSE_VERSION, toggle_name: feature, events, total_events: found.len() }))
}

/// Finds the events of the catalog `unleash` that match a filter.
async fn find(state: &State, filter: SearchFilter) -> Result<Matches, UnleashError> {
    let filter = filter.and(Field::Catalog, vec!["unleash".to_owned()]);
    let metrics = SearchMetrics::start("unleash");
    let found = state.log.matches(&filter, Some(Instant::now() + MAX_SEARCH_TIME)).await?;
    metrics.emit("", found.len(), found.units, false);
    Ok(found)
}

/// Returns a page of the matches. It ends early if the maximum response size is reached.
async fn read_page(
    state: &State,
    found: &Matches,
    offset: usize,
    limit: usize,
    texts: bool,
) -> Result<Vec<Box<RawValue>>, UnleashError> {
    let ids: Vec<EventId> = found.page(offset, limit).collect();
    let (mut budget, mut page) = (ResponseBudget::new(JSON), Vec::with_capacity(ids.len()));
    for ids in ids.chunks(EVENTS_PER_READ) {
        for event in state.log.events.get_many(ids).await? {
            let event = serialize(&UnleashEvent::new(&event, texts));
            if !budget.try_reserve(event.get().as_bytes(), 1) {
                return Ok(page);
            }
            page.push(event);
        }
    }
    Ok(page)
}
