//! The responses of `POST /v1/events`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use events::{EventId, Violation};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use web::{Problem, ProblemType};

use crate::body_error::BodyError;
use crate::event_outcome::EventOutcome;
use crate::request_body::MAX_EVENTS_PER_REQUEST;

/// Maximum number of violations in a response, since a Lambda response is limited to 6 MB. The quarantine has all of them.
const MAX_VIOLATIONS_PER_RESPONSE: usize = 5000;

/// The response to a single event that is in the log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Kept")]
pub(crate) struct PostResponse {
    /// ID of the event.
    id: EventId,
}

/// The response to a batch of events.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Results")]
pub(crate) struct BatchResponse {
    /// Outcome of each event, in the order of the request.
    results: Vec<EventOutcome>,
}

/// The response to a single event.
pub(crate) fn single_response(outcome: EventOutcome, hint: Option<&str>) -> Result<Response, Problem> {
    match outcome {
        EventOutcome::Stored { id } => Ok((StatusCode::CREATED, Json(PostResponse { id })).into_response()),
        EventOutcome::Duplicate { id } => Ok((StatusCode::OK, Json(PostResponse { id })).into_response()),
        EventOutcome::Quarantined { quarantine, violations } => Err(event_rejected(&quarantine, &violations, hint)),
        EventOutcome::NotKept { problem } => Err(problem),
    }
}

/// The response to a batch.
pub(crate) fn batch_response(mut results: Vec<EventOutcome>) -> Result<Response, Problem> {
    let max_violations_per_event = (MAX_VIOLATIONS_PER_RESPONSE / results.len().max(1)).max(1);
    for result in &mut results {
        if let EventOutcome::Quarantined { violations, .. } = result {
            violations.truncate(max_violations_per_event);
        }
    }
    let failed_with = |status| {
        results.iter().any(|outcome| matches!(outcome, EventOutcome::NotKept { problem } if problem.status() == status))
    };
    if failed_with(StatusCode::SERVICE_UNAVAILABLE) {
        return Err(not_all_stored(&results));
    }
    if failed_with(StatusCode::INTERNAL_SERVER_ERROR) {
        let detail = "Some events could not be stored because of a defect of Tidings: report it with the request's ID";
        return Err(Problem::new(ProblemType::Internal, detail).with("results", json!(results)));
    }
    let is_stored =
        |outcome: &EventOutcome| matches!(outcome, EventOutcome::Stored { .. } | EventOutcome::Duplicate { .. });
    let status = if results.iter().all(is_stored) { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok((status, Json(BatchResponse { results })).into_response())
}

/// The problem of a body that does not contain events. It is quarantined, since producers do not send it again.
pub(crate) fn invalid_body(problem_type: ProblemType, outcome: EventOutcome, hint: Option<&str>) -> Problem {
    match outcome {
        EventOutcome::Quarantined { quarantine, violations } => {
            let hint = hint.filter(|_| problem_type == ProblemType::BadRequest);
            body_quarantined(problem_type, &quarantine, &violations, hint)
        }
        EventOutcome::NotKept { problem } => problem,
        // Quarantining a body has no other outcome.
        EventOutcome::Stored { .. } | EventOutcome::Duplicate { .. } => {
            Problem::new(problem_type, "The body does not contain events")
        }
    }
}

/// The problem of a body that was quarantined unchanged.
pub(crate) fn body_quarantined(
    problem_type: ProblemType,
    quarantine: &str,
    violations: &[Violation],
    hint: Option<&str>,
) -> Problem {
    let detail: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).chain(hint).collect();
    Problem::new(problem_type, detail.join("; ")).with("quarantine", quarantine).with("violations", json!(violations))
}

/// The problem of an event that does not match its schema.
pub(crate) fn event_rejected(quarantine: &str, violations: &[Violation], hint: Option<&str>) -> Problem {
    let mut detail = "The event does not match its schema. It was quarantined with the violations".to_owned();
    if let Some(hint) = hint {
        detail = format!("{detail}. {hint}");
    }
    Problem::new(ProblemType::ValidationFailed, detail)
        .with("quarantine", quarantine)
        .with("violations", json!(violations))
}

/// The problem of a batch of which some events must be sent again.
pub(crate) fn not_all_stored(results: &[EventOutcome]) -> Problem {
    let detail = "Some events could not be stored. Send the request again: stored events are not stored twice";
    Problem::new(ProblemType::Unavailable, detail).with("results", json!(results))
}

/// The problem of a key that belongs to no source.
pub(crate) fn no_source(key: &str) -> Problem {
    Problem::new(ProblemType::Forbidden, format!("The key {key:?} does not belong to a source"))
}

/// The problem of a key whose source does not exist any more.
pub(crate) fn source_removed(name: &str) -> Problem {
    Problem::new(ProblemType::Forbidden, format!("The source {name:?} of this key was removed"))
}

/// The problem of a request without a body or `Content-Length`.
pub(crate) fn length_required() -> Problem {
    Problem::new(ProblemType::LengthRequired, "The request has no body: send an event with a Content-Length")
}

/// The problem of a batch with too many events.
pub(crate) fn too_many_events() -> Problem {
    let detail = format!("The body contains more than {MAX_EVENTS_PER_REQUEST} events: split it into several requests");
    Problem::new(ProblemType::TooLarge, detail)
}

/// The error of a request that does not accept a JSON response.
pub(crate) fn not_acceptable(problem: &Problem) -> BodyError {
    BodyError::new(ProblemType::NotAcceptable, "accept", problem.detail())
}
