//! Unleash's own API for its event log, over the events of the catalog `unleash`: what was written for
//! Unleash works here with another address and token. `docs/unleash-api.md` lists what is different.

pub(crate) mod params;
pub(crate) mod view;

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use events::EventId;
use model::{Field, SearchFilter};
use search::Matches;
use serde_json::value::RawValue;
use web::{Problem, ReadAnyFormat};

use crate::State;
use crate::room::{JSON, Room, written};
use crate::search::MAX_TIME;
use crate::tally::Tally;
use params::{BadData, Params};
use view::{EventOfUnleash, FeatureEvents, Recent, SearchResult};

/// How many events there are where nothing else is asked for.
const RECENT: usize = 100;

/// How many of a project or feature.
const OF_ONE: usize = 50;

/// What Unleash answers as the version of these answers.
const VERSION: u8 = 1;

/// Why there is no answer.
pub(crate) enum No {
    /// A parameter is wrong: as Unleash says it.
    BadData(BadData),
    /// Something else is.
    Problem(Problem),
}

impl From<BadData> for No {
    fn from(bad: BadData) -> Self {
        Self::BadData(bad)
    }
}

impl From<store::Error> for No {
    fn from(error: store::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            Self::BadData(bad) => bad.into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// `GET /api/admin/search/events`.
pub(crate) async fn search(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    query: RawQuery,
) -> Result<Json<SearchResult>, No> {
    let params = Params::read(query)?;
    let found = find(&state, params.filter()?).await?;
    let events = page(&state, &found, params.offset(), params.limit(), true).await?;
    Ok(Json(SearchResult { events, total: found.len() }))
}

/// `GET /api/admin/events`.
pub(crate) async fn recent(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    query: RawQuery,
) -> Result<Json<Recent>, No> {
    let params = Params::read(query)?;
    let (filter, limit) = match params.project() {
        Some(project) => (SearchFilter::default().and(Field::Project, params::values(project)), OF_ONE),
        None => (SearchFilter::default(), RECENT),
    };
    let found = find(&state, filter).await?;
    let events = page(&state, &found, 0, limit, false).await?;
    Ok(Json(Recent { version: VERSION, events, total_events: found.len() }))
}

/// `GET /api/admin/events/{feature}`.
pub(crate) async fn of_feature(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    feature: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Json<FeatureEvents>, No> {
    let Path(feature) = feature.map_err(|_| params::no_text("feature", uri.path()))?;
    params::text("feature", &feature, uri.path())?;
    let found = find(&state, SearchFilter::default().and(Field::Feature, params::values(&feature))).await?;
    let events = page(&state, &found, 0, OF_ONE, false).await?;
    Ok(Json(FeatureEvents { version: VERSION, toggle_name: feature, events, total_events: found.len() }))
}

async fn find(state: &State, filter: SearchFilter) -> Result<Matches, No> {
    let filter = filter.and(Field::Catalog, vec!["unleash".to_owned()]);
    let tally = Tally::new("unleash");
    let found = state.log.matches(&filter, Some(Instant::now() + MAX_TIME)).await?;
    tally.log("", found.len(), found.units, false);
    Ok(found)
}

/// A page of what was found. It ends early where an answer has no room for more.
async fn page(
    state: &State,
    found: &Matches,
    offset: usize,
    limit: usize,
    texts: bool,
) -> Result<Vec<Box<RawValue>>, No> {
    // What is read together is in memory together.
    const TOGETHER: usize = 100;
    let ids: Vec<EventId> = found.page(offset, limit).collect();
    let (mut room, mut page) = (Room::new(JSON), Vec::with_capacity(ids.len()));
    for ids in ids.chunks(TOGETHER) {
        for event in state.log.events.get_many(ids).await? {
            let event = written(&EventOfUnleash::new(&event, texts));
            if !room.takes(event.get().as_bytes(), 1) {
                return Ok(page);
            }
            page.push(event);
        }
    }
    Ok(page)
}
