//! `POST /v1/events`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::{Catalog, EventId, Rejection, Violation};
use model::Source;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use web::{Caller, Ingest, Problem, ProblemType, require_json_accepted};

use crate::State;
use crate::body::{MAX_EVENTS, Request, Sent, Unread};
use crate::encoding::{self, NotInflated, inflate};
use crate::keep::{Keeper, Outcome};
use crate::tally::Tally;

/// How many violations are told in one answer: a Lambda answers with at most 6 MB. All are in the quarantine.
const MAX_VIOLATIONS: usize = 5000;

/// The answer to one event that is in the log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Kept {
    /// The event's id.
    id: EventId,
}

/// The answer to several events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Results {
    /// What became of each event, in the order in which they were sent.
    results: Vec<Outcome>,
}

/// `POST /v1/events`.
pub(crate) async fn post_events(
    Shared(state): Shared<State>,
    Ingest(caller): Ingest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let deadline = Instant::now() + state.patience;
    let body = body.map_err(web::unreadable_body)?;
    let has_length = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| headers.contains_key(name));
    if body.is_empty() && !has_length {
        return Err(no_length());
    }
    let source = source(&state, &caller).await?;
    let catalog = events::catalog(&source.catalog);
    let hint = catalog.and_then(Catalog::hint);
    let keeper = Keeper { state: &state, catalog, catalog_name: &source.catalog, deadline };
    let request = Request { source: &source.name, received_at: (state.clock)(), headers: &headers };
    let mut tally = Tally::new(&source.name, body.len());

    // What cannot be inflated is kept as it came.
    let (body, inflated) = match inflate(&headers, body.clone()).await {
        Ok(inflated) => (inflated, Ok(())),
        Err(NotInflated::TooLarge) => return Err(encoding::too_large()),
        Err(NotInflated::Unread(unread)) => (body, Err(unread)),
    };
    let sent = inflated.and_then(|()| {
        require_json_accepted(&headers).map_err(not_acceptable)?;
        request.split(&body)
    });
    let answer = match sent {
        Ok(Sent::Batch(pieces)) if pieces.len() > MAX_EVENTS => return Err(too_many(pieces.len())),
        Ok(Sent::Batch(pieces)) => answer_batch(tally.all(keeper.keep_all(pieces).await)),
        Ok(Sent::One(piece)) => answer_one(tally.one(keeper.keep(*piece).await), hint),
        Err(Unread { kind, violation }) => {
            let refused = Rejection { event_type: None, violations: vec![violation] };
            let kept = keeper.quarantine(&request.arrival(&body), refused).await;
            Err(unread(kind, tally.one(kept), hint))
        }
    };
    tally.log();
    answer
}

async fn source(state: &State, caller: &Caller) -> Result<Source, Problem> {
    let Some(name) = &caller.source else {
        return Err(Problem::new(ProblemType::Forbidden, format!("The key {:?} is bound to no source", caller.key)));
    };
    state.sources.find(|source| source.name == *name).await?.ok_or_else(|| source_gone(name))
}

/// The problem of a key whose source is not there.
pub(crate) fn source_gone(name: &str) -> Problem {
    Problem::new(ProblemType::Forbidden, format!("The source {name:?} of this key was removed"))
}

/// The problem of a request that has no body, and does not say so.
pub(crate) fn no_length() -> Problem {
    Problem::new(ProblemType::LengthRequired, "There is no body: send an event, and its Content-Length")
}

/// What is said of a body whose sender could not read the answer.
pub(crate) fn not_acceptable(problem: Problem) -> Unread {
    Unread::new(ProblemType::NotAcceptable, "accept", problem.detail())
}

/// The problem of a body that is not events: kept all the same, since its producer sends it once.
fn unread(kind: ProblemType, outcome: Outcome, hint: Option<&str>) -> Problem {
    match outcome {
        Outcome::Quarantined { quarantine, violations } => {
            unread_and_kept(kind, &quarantine, &violations, hint.filter(|_| kind == ProblemType::BadRequest))
        }
        Outcome::NotKept { problem } => problem,
        // Only an event becomes these.
        Outcome::Stored { .. } | Outcome::Duplicate { .. } => Problem::new(kind, "The body is not events"),
    }
}

/// The problem of a body that is in the quarantine as it came.
pub(crate) fn unread_and_kept(
    kind: ProblemType,
    quarantine: &str,
    violations: &[Violation],
    hint: Option<&str>,
) -> Problem {
    let detail: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).chain(hint).collect();
    Problem::new(kind, detail.join("; ")).with("quarantine", quarantine).with("violations", json!(violations))
}

fn answer_one(outcome: Outcome, hint: Option<&str>) -> Result<Response, Problem> {
    match outcome {
        Outcome::Stored { id } => Ok((StatusCode::CREATED, Json(Kept { id })).into_response()),
        Outcome::Duplicate { id } => Ok((StatusCode::OK, Json(Kept { id })).into_response()),
        Outcome::Quarantined { quarantine, violations } => Err(refused(&quarantine, &violations, hint)),
        Outcome::NotKept { problem } => Err(problem),
    }
}

/// The problem of too many events.
pub(crate) fn too_many(events: usize) -> Problem {
    let detail = format!("There are {events} events in the body: send at most {MAX_EVENTS} in one request");
    Problem::new(ProblemType::TooLarge, detail)
}

/// The problem of an event that fits no schema.
pub(crate) fn refused(quarantine: &str, violations: &[Violation], hint: Option<&str>) -> Problem {
    let mut detail = "The event does not fit its schema: it is kept in the quarantine, with these reasons".to_owned();
    if let Some(hint) = hint {
        detail = format!("{detail}. {hint}");
    }
    Problem::new(ProblemType::ValidationFailed, detail)
        .with("quarantine", quarantine)
        .with("violations", json!(violations))
}

fn answer_batch(mut results: Vec<Outcome>) -> Result<Response, Problem> {
    let each = (MAX_VIOLATIONS / results.len().max(1)).max(1);
    for result in &mut results {
        if let Outcome::Quarantined { violations, .. } = result {
            violations.truncate(each);
        }
    }
    let again = results
        .iter()
        .any(|o| matches!(o, Outcome::NotKept { problem } if problem.status() == StatusCode::SERVICE_UNAVAILABLE));
    let all_stored = results.iter().all(|o| matches!(o, Outcome::Stored { .. } | Outcome::Duplicate { .. }));
    if again {
        return Err(not_all_kept(&results));
    }
    let status = if all_stored { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok((status, Json(Results { results })).into_response())
}

/// The problem of events that are to be sent again.
pub(crate) fn not_all_kept(results: &[Outcome]) -> Problem {
    let detail = "Not every event could be kept: send the request again, what is stored will not be stored twice";
    Problem::new(ProblemType::Unavailable, detail).with("results", json!(results))
}
