//! Reingesting quarantined events with the current schemas.

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

/// Maximum number of events that are reingested in parallel. Each may have several megabytes.
const MAX_CONCURRENT_REINGESTS: usize = 4;

/// Result of a reingested event that is in the log.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schemars(rename = "ReplayResult")]
pub(crate) enum Replayed {
    /// The event was stored, and is no longer in the quarantine.
    Stored {
        /// Id of the event.
        id: EventId,
    },
    /// The event was already in the log, and is no longer in the quarantine.
    Duplicate {
        /// Id of the stored event.
        id: EventId,
    },
}

/// Result of reingesting several events.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct ReplayReport {
    /// Number of events that were stored.
    stored: u64,
    /// Number of events that were already in the log.
    duplicates: u64,
    /// Number of events that are still invalid. They stay in the quarantine, with their current violations.
    refused: u64,
    /// Value of `before` for the next request; null if no events remain.
    next: Option<String>,
}

/// Result of discarding events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DiscardReport {
    /// Number of discarded events.
    discarded: u64,
    /// Value of `before` for the next request; null if no events remain.
    next: Option<String>,
}

/// Outcome of reingesting one event.
enum ReingestOutcome {
    /// The event is in the log.
    InLog(Replayed),
    /// The event is still invalid.
    Invalid(Rejection),
}

/// Number of reingested events of a source, by outcome.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    stored: u64,
    duplicates: u64,
    refused: u64,
}

impl Counts {
    fn add(&mut self, outcome: &ReingestOutcome) {
        match outcome {
            ReingestOutcome::InLog(Replayed::Stored { .. }) => self.stored += 1,
            ReingestOutcome::InLog(Replayed::Duplicate { .. }) => self.duplicates += 1,
            ReingestOutcome::Invalid(_) => self.refused += 1,
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
    let outcome = reingest_event(&state, catalog_of(&state, &source).await?, &quarantined, deadline).await?;
    let mut counts = Counts::default();
    counts.add(&outcome);
    write_reingest_event(&state, &caller, &source, counts).await?;
    match outcome {
        ReingestOutcome::InLog(replayed) => {
            state.quarantine.remove(&source, &id).await?;
            Ok(Json(replayed))
        }
        ReingestOutcome::Invalid(refused) => Err(still_invalid(&id, &refused.violations)),
    }
}

/// `POST /v1/quarantine/replay`: reingests matching events until the deadline.
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
            listed.map(|(one, catalog)| reingest_listed(&state, catalog, &one.source, &one.id, deadline)).collect();
        // If one fails, the others are finished: a repeated request continues with the rest.
        let results: Vec<_> = futures::stream::iter(replays).buffered(MAX_CONCURRENT_REINGESTS).try_collect().await?;
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        for (source, _, outcome) in results.iter().flatten() {
            counts.entry(source).or_default().add(outcome);
        }
        for (source, counts) in counts {
            write_reingest_event(&state, &caller, source, counts).await?;
            report.add(counts);
        }
        let kept = results.iter().flatten().filter(|(_, _, outcome)| matches!(outcome, ReingestOutcome::InLog(_)));
        let removals: Vec<_> = kept.map(|(source, id, _)| state.quarantine.remove(source, id)).collect();
        futures::stream::iter(removals).buffer_unordered(MAX_CONCURRENT_REINGESTS).try_collect::<Vec<bool>>().await?;
        report.next = page.next;
        if report.next.is_none() || Instant::now() >= deadline {
            return Ok(Json(report));
        }
        filter.before.clone_from(&report.next);
    }
}

/// `POST /v1/quarantine/discard`: discards matching events until the deadline.
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
            // Written before the removal: an interrupted request reports too many events rather than too few.
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

/// The problem of a request that would discard the events of every source.
pub(crate) fn missing_source() -> Problem {
    Problem::new(ProblemType::BadRequest, "The parameter `source` is missing: say whose events to discard")
        .with("parameter", "source")
}

async fn catalog_of(state: &State, name: &str) -> Result<&'static Catalog, Problem> {
    let source = state.config.get::<Source>(name).await?.ok_or_else(|| not_found(Source::KIND, name))?;
    events::catalog(&source.catalog).ok_or_else(|| not_found("catalogs", &source.catalog))
}

/// Reingests one listed event; `None` if a concurrent request has removed it.
async fn reingest_listed<'a>(
    state: &State,
    catalog: &'static Catalog,
    source: &'a str,
    id: &'a str,
    deadline: Instant,
) -> Result<Option<(&'a str, &'a str, ReingestOutcome)>, Problem> {
    let Some(quarantined) = state.quarantine.get(source, id).await? else { return Ok(None) };
    let outcome = reingest_event(state, catalog, &quarantined, deadline).await?;
    Ok(Some((source, id, outcome)))
}

/// Validates an event again, as of its time of receipt, and stores it if it is valid. A time that was too
/// far ahead is compared with the current time.
///
/// The caller removes the event from the quarantine after it is stored and after the audit event is written. If that is
/// interrupted, the repeated event is a duplicate.
async fn reingest_event(
    state: &State,
    catalog: &'static Catalog,
    quarantined: &QuarantinedEvent,
    deadline: Instant,
) -> Result<ReingestOutcome, Problem> {
    let arrival = quarantined.arrival();
    let accepted = match catalog.accept_at(&arrival, (state.clock)()) {
        Ok(accepted) => accepted,
        Err(refused) => {
            if refused.violations != quarantined.violations {
                state.quarantine.put(&arrival, &refused, deadline).await?;
            }
            return Ok(ReingestOutcome::Invalid(refused));
        }
    };
    Ok(match state.events.insert(&accepted, deadline).await?.outcome {
        InsertOutcome::Stored(id) => ReingestOutcome::InLog(Replayed::Stored { id }),
        InsertOutcome::Duplicate(id) => ReingestOutcome::InLog(Replayed::Duplicate { id }),
        InsertOutcome::Refused(refusal) => ReingestOutcome::Invalid(refusal.rejection(&accepted)),
    })
}

/// Writes the audit event of reingested events of a source.
async fn write_reingest_event(state: &State, caller: &Caller, source: &str, counts: Counts) -> Result<(), Problem> {
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

/// The problem of an event that is still invalid.
pub(crate) fn still_invalid(id: &str, violations: &[Violation]) -> Problem {
    let detail = "The event still does not fit its schema: it stays in the quarantine, with these reasons";
    Problem::new(ProblemType::ValidationFailed, detail).with("quarantine", id).with("violations", json!(violations))
}
