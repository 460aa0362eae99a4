//! Reading what is in the quarantine again, with the schemas as they are now.

use axum::Json;
use axum::extract::{Path, RawQuery, State as Shared};
use events::{Catalog, EventId, Refused, Violation};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use store::{Put, Quarantined, Record, Source};
use tokio::time::Instant;
use web::{Kind, Manage, Problem};

use crate::State;
use crate::name::unknown;
use crate::quarantine::{MAX_TIME, Selection, none};

/// How many are read at the same time: each may be some megabytes.
const TOGETHER: usize = 4;

/// What became of a quarantined event that was read again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schemars(rename = "ReplayResult")]
pub(crate) enum Replayed {
    /// It is in the log now, and no longer in the quarantine.
    Stored {
        /// The event's id.
        id: EventId,
    },
    /// It was in the log already, and is no longer in the quarantine.
    Duplicate {
        /// The id that it has there.
        id: EventId,
    },
}

/// What became of those that were read again.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct ReplayReport {
    /// How many are in the log now.
    stored: u64,
    /// How many were in the log already.
    duplicates: u64,
    /// How many still do not fit: they stay in the quarantine, with the reasons of today.
    refused: u64,
    /// `before` of the next call; null where there is nothing left to do.
    next: Option<String>,
}

/// How many were discarded.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DiscardReport {
    /// How many are no longer in the quarantine.
    discarded: u64,
    /// `before` of the next call; null where there is nothing left to do.
    next: Option<String>,
}

/// What is still wrong with one that was read again, or why it could not be.
enum NotReplayed {
    Refused(Refused),
    Problem(Problem),
}

impl<E: Into<Problem>> From<E> for NotReplayed {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

/// `POST /v1/quarantine/{source}/{id}/replay`.
pub(crate) async fn replay_one(
    Shared(state): Shared<State>,
    _: Manage,
    Path((source, id)): Path<(String, String)>,
) -> Result<Json<Replayed>, Problem> {
    let quarantined = state.quarantine.get(&source, &id).await?.ok_or_else(|| none(&id))?;
    let deadline = Instant::now() + MAX_TIME;
    match replay(&state, catalog_of(&state, &source).await?, &quarantined, deadline).await {
        Ok(replayed) => Ok(Json(replayed)),
        Err(NotReplayed::Problem(problem)) => Err(problem),
        Err(NotReplayed::Refused(refused)) => Err(still_refused(&id, &refused.violations)),
    }
}

/// `POST /v1/quarantine/replay`: as many of those that are meant as there is time for.
pub(crate) async fn replay_all(
    Shared(state): Shared<State>,
    _: Manage,
    query: RawQuery,
) -> Result<Json<ReplayReport>, Problem> {
    let selection = Selection::read(&state, query).await?;
    if let Some(name) = selection.unregistered() {
        return Err(unknown(Source::KIND, name));
    }
    let sources = selection.sources();
    let Selection { registered, mut filter, limit, deadline, .. } = selection;
    let catalog = |name: &str| events::catalog(&registered.iter().find(|source| source.name == name)?.catalog);
    let mut report = ReplayReport::default();
    loop {
        let page = state.quarantine.list(&sources, &filter, limit, deadline).await?;
        let replays: Vec<_> = page
            .quarantined
            .iter()
            .filter_map(|one| Some((one, catalog(&one.source)?)))
            .map(|(one, catalog)| replay_listed(&state, catalog, &one.source, &one.id, deadline))
            .collect();
        let results: Vec<_> = futures::stream::iter(replays).buffered(TOGETHER).collect().await;
        for result in results {
            match result {
                Ok(Some(Replayed::Stored { .. })) => report.stored += 1,
                Ok(Some(Replayed::Duplicate { .. })) => report.duplicates += 1,
                Ok(None) => {}
                Err(NotReplayed::Refused(_)) => report.refused += 1,
                // What was done stays done: the same call again goes on with the rest.
                Err(NotReplayed::Problem(problem)) => return Err(problem),
            }
        }
        report.next = page.next;
        if report.next.is_none() || Instant::now() >= deadline {
            return Ok(Json(report));
        }
        filter.before.clone_from(&report.next);
    }
}

/// `POST /v1/quarantine/discard`: as many of those that are meant as there is time for.
pub(crate) async fn discard_all(
    Shared(state): Shared<State>,
    _: Manage,
    query: RawQuery,
) -> Result<Json<DiscardReport>, Problem> {
    let selection = Selection::read(&state, query).await?;
    if selection.source.is_none() {
        return Err(no_source());
    }
    let sources = selection.sources();
    let Selection { mut filter, limit, deadline, .. } = selection;
    let mut report = DiscardReport { discarded: 0, next: None };
    loop {
        let page = state.quarantine.list(&sources, &filter, limit, deadline).await?;
        for one in &page.quarantined {
            report.discarded += u64::from(state.quarantine.remove(&one.source, &one.id).await?);
        }
        report.next = page.next;
        if report.next.is_none() || Instant::now() >= deadline {
            return Ok(Json(report));
        }
        filter.before.clone_from(&report.next);
    }
}

/// The problem of a call that would discard everything.
pub(crate) fn no_source() -> Problem {
    Problem::new(Kind::BadRequest, "The parameter `source` is missing: say whose events to discard")
        .with("parameter", "source")
}

async fn catalog_of(state: &State, name: &str) -> Result<&'static Catalog, Problem> {
    let source = state.config.get::<Source>(name).await?.ok_or_else(|| unknown(Source::KIND, name))?;
    events::catalog(&source.catalog).ok_or_else(|| unknown("catalogs", &source.catalog))
}

/// Reads one of a list again; `None` where somebody else was faster.
async fn replay_listed(
    state: &State,
    catalog: &'static Catalog,
    source: &str,
    id: &str,
    deadline: Instant,
) -> Result<Option<Replayed>, NotReplayed> {
    let Some(quarantined) = state.quarantine.get(source, id).await? else { return Ok(None) };
    replay(state, catalog, &quarantined, deadline).await.map(Some)
}

/// Reads one again, as of when it was received, and moves it into the log where it fits.
///
/// It leaves the quarantine after it is in the log: what is interrupted in between is a duplicate when
/// it is done again.
async fn replay(
    state: &State,
    catalog: &'static Catalog,
    quarantined: &Quarantined,
    deadline: Instant,
) -> Result<Replayed, NotReplayed> {
    let arrival = quarantined.arrival();
    let accepted = match catalog.accept(&arrival) {
        Ok(accepted) => accepted,
        Err(refused) => {
            if refused.violations != quarantined.violations {
                state.quarantine.put(&arrival, &refused, deadline).await?;
            }
            return Err(NotReplayed::Refused(refused));
        }
    };
    let replayed = match state.events.put(&accepted, deadline).await?.put {
        Put::Stored(id) => Replayed::Stored { id },
        Put::Duplicate(id) => Replayed::Duplicate { id },
        Put::Conflict(id) => return Err(NotReplayed::Refused(Refused::id_in_use(None, id))),
    };
    state.quarantine.remove(&quarantined.source, &quarantined.id).await?;
    Ok(replayed)
}

/// The problem of one that still fits no schema.
pub(crate) fn still_refused(id: &str, violations: &[Violation]) -> Problem {
    let detail = "The event still does not fit its schema: it stays in the quarantine, with these reasons";
    Problem::new(Kind::Refused, detail).with("quarantine", id).with("violations", json!(violations))
}
