//! Reading what is in the quarantine again, with the schemas as they are now.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::{Catalog, EventId, Rejection, Violation};
use futures::{StreamExt, TryStreamExt};
use model::{AuditEvent, Record, Source};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use store::{InsertOutcome, QuarantinedEvent};
use tokio::time::Instant;
use web::{Caller, Manage, Params, Problem, ProblemType};

use crate::State;
use crate::quarantine::{MAX_TIME, Selection, discarded, quarantined_not_found};
use crate::validation::not_found;

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

/// What reading one again came to.
enum Again {
    /// It is in the log.
    Kept(Replayed),
    /// It still does not fit.
    Refused(Rejection),
}

/// How many of a source's events became what.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    stored: u64,
    duplicates: u64,
    refused: u64,
}

impl Counts {
    fn add(&mut self, again: &Again) {
        match again {
            Again::Kept(Replayed::Stored { .. }) => self.stored += 1,
            Again::Kept(Replayed::Duplicate { .. }) => self.duplicates += 1,
            Again::Refused(_) => self.refused += 1,
        }
    }
}

impl ReplayReport {
    fn add(&mut self, counts: Counts) {
        self.stored += counts.stored;
        self.duplicates += counts.duplicates;
        self.refused += counts.refused;
    }
}

/// `POST /v1/quarantine/{source}/{id}/replay`.
pub(crate) async fn replay_quarantined(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path((source, id)): Path<(String, String)>,
) -> Result<Json<Replayed>, Problem> {
    let quarantined = state.quarantine.get(&source, &id).await?.ok_or_else(|| quarantined_not_found(&id))?;
    let deadline = Instant::now() + MAX_TIME;
    let again = replay(&state, catalog_of(&state, &source).await?, &quarantined, deadline).await?;
    let mut counts = Counts::default();
    counts.add(&again);
    tell(&state, &caller, &source, counts).await?;
    match again {
        Again::Kept(replayed) => {
            state.quarantine.remove(&source, &id).await?;
            Ok(Json(replayed))
        }
        Again::Refused(refused) => Err(still_invalid(&id, &refused.violations)),
    }
}

/// `POST /v1/quarantine/replay`: as many of those that are meant as there is time for.
pub(crate) async fn replay_quarantine(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    params: Params,
) -> Result<Json<ReplayReport>, Problem> {
    let selection = Selection::read(&state, &params).await?;
    if let Some(name) = selection.unregistered() {
        return Err(not_found(Source::KIND, name));
    }
    let sources = selection.sources();
    let Selection { registered, mut filter, limit, deadline, .. } = selection;
    let catalog = |name: &str| events::catalog(&registered.iter().find(|source| source.name == name)?.catalog);
    let mut report = ReplayReport::default();
    loop {
        let page = state.quarantine.list(&sources, &filter, limit, deadline).await?;
        let listed = page.quarantined.iter().filter_map(|one| Some((one, catalog(&one.source)?)));
        let replays: Vec<_> =
            listed.map(|(one, catalog)| replay_listed(&state, catalog, &one.source, &one.id, deadline)).collect();
        // What was done stays done where one fails: the same call again goes on with the rest.
        let results: Vec<_> = futures::stream::iter(replays).buffered(TOGETHER).try_collect().await?;
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        for (source, _, again) in results.iter().flatten() {
            counts.entry(source).or_default().add(again);
        }
        for (source, counts) in counts {
            tell(&state, &caller, source, counts).await?;
            report.add(counts);
        }
        let kept = results.iter().flatten().filter(|(_, _, again)| matches!(again, Again::Kept(_)));
        let removals: Vec<_> = kept.map(|(source, id, _)| state.quarantine.remove(source, id)).collect();
        futures::stream::iter(removals).buffer_unordered(TOGETHER).try_collect::<Vec<bool>>().await?;
        report.next = page.next;
        if report.next.is_none() || Instant::now() >= deadline {
            return Ok(Json(report));
        }
        filter.before.clone_from(&report.next);
    }
}

/// `POST /v1/quarantine/discard`: as many of those that are meant as there is time for.
pub(crate) async fn discard_quarantine(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    params: Params,
) -> Result<Json<DiscardReport>, Problem> {
    let selection = Selection::read(&state, &params).await?;
    let Some(source) = &selection.source else { return Err(missing_source()) };
    let (sources, mut filter) = (selection.sources(), selection.filter.clone());
    let (limit, deadline) = (selection.limit, selection.deadline);
    let mut report = DiscardReport { discarded: 0, next: None };
    loop {
        let page = state.quarantine.list(&sources, &filter, limit, deadline).await?;
        let ids: Vec<&str> = page.quarantined.iter().map(|one| one.id.as_str()).collect();
        if !ids.is_empty() {
            // Before they are gone: a call that ends in between has said too much, not too little.
            state.events.write_audited(&discarded(&caller, source, &ids), Vec::new()).await?;
        }
        for id in ids {
            report.discarded += u64::from(state.quarantine.remove(source, id).await?);
        }
        report.next = page.next;
        if report.next.is_none() || Instant::now() >= deadline {
            return Ok(Json(report));
        }
        filter.before.clone_from(&report.next);
    }
}

/// The problem of a call that would discard everything.
pub(crate) fn missing_source() -> Problem {
    Problem::new(ProblemType::BadRequest, "The parameter `source` is missing: say whose events to discard")
        .with("parameter", "source")
}

async fn catalog_of(state: &State, name: &str) -> Result<&'static Catalog, Problem> {
    let source = state.config.get::<Source>(name).await?.ok_or_else(|| not_found(Source::KIND, name))?;
    events::catalog(&source.catalog).ok_or_else(|| not_found("catalogs", &source.catalog))
}

/// Reads one of a list again; `None` where somebody else was faster.
async fn replay_listed<'a>(
    state: &State,
    catalog: &'static Catalog,
    source: &'a str,
    id: &'a str,
    deadline: Instant,
) -> Result<Option<(&'a str, &'a str, Again)>, Problem> {
    let Some(quarantined) = state.quarantine.get(source, id).await? else { return Ok(None) };
    let again = replay(state, catalog, &quarantined, deadline).await?;
    Ok(Some((source, id, again)))
}

/// Reads one again, as of when it was received, and writes it into the log where it fits. A time that was too far ahead
/// is compared with the time now.
///
/// It leaves the quarantine after it is in the log, and after that is told: what is interrupted in between is a
/// duplicate when it is done again.
async fn replay(
    state: &State,
    catalog: &'static Catalog,
    quarantined: &QuarantinedEvent,
    deadline: Instant,
) -> Result<Again, Problem> {
    let arrival = quarantined.arrival();
    let accepted = match catalog.accept_at(&arrival, (state.clock)()) {
        Ok(accepted) => accepted,
        Err(refused) => {
            if refused.violations != quarantined.violations {
                state.quarantine.put(&arrival, &refused, deadline).await?;
            }
            return Ok(Again::Refused(refused));
        }
    };
    Ok(match state.events.insert(&accepted, deadline).await?.outcome {
        InsertOutcome::Stored(id) => Again::Kept(Replayed::Stored { id }),
        InsertOutcome::Duplicate(id) => Again::Kept(Replayed::Duplicate { id }),
        InsertOutcome::Refused(refusal) => Again::Refused(refusal.rejection(&accepted)),
    })
}

/// Writes the event of what a source had in quarantine, and what became of it.
async fn tell(state: &State, caller: &Caller, source: &str, counts: Counts) -> Result<(), Problem> {
    let Counts { stored, duplicates, refused } = counts;
    let event_type = if stored + duplicates == 0 { "quarantine-failed" } else { "quarantine-modified" };
    let entry = AuditEvent {
        event_type,
        actor: &caller.key,
        subject: source,
        data: json!({ "source": source, "stored": stored, "duplicates": duplicates, "refused": refused }),
        previous: Value::Null,
    };
    state.events.write_audited(&entry, Vec::new()).await?;
    Ok(())
}

/// The problem of one that still fits no schema.
pub(crate) fn still_invalid(id: &str, violations: &[Violation]) -> Problem {
    let detail = "The event still does not fit its schema: it stays in the quarantine, with these reasons";
    Problem::new(ProblemType::ValidationFailed, detail).with("quarantine", id).with("violations", json!(violations))
}
