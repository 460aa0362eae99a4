//! `GET /v1/events/{id}`.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use events::{EventId, InvalidEventId};
use model::KeyScope;
use web::{
    Caching, ErrorResponse, Method, Operation, Parameter, Problem, ProblemType, Read, SuccessResponse, cached_response,
    quoted, schema_of,
};

use crate::event_view::EventView;
use crate::operation_parts::{EVENT_TOO_LARGE, NOT_MODIFIED};
use crate::{State, examples};

pub(crate) static READ_EVENT: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}",
    id: "readEvent",
    summary: "Get an event",
    description: "The payload is returned byte for byte as the producer sent it. The response has an `ETag`.",
    scope: Some(KeyScope::Read),
    parameters: &[EVENT_ID],
    responses: &[
        SuccessResponse::json(200, "The event.", schema_of::<EventView>, &[("event", examples::EVENT)]),
        NOT_MODIFIED,
    ],
    errors: &[EVENT_ERRORS[0], EVENT_ERRORS[1], EVENT_TOO_LARGE],
    ..Operation::DEFAULT
};

/// The errors of operations on one event.
pub(crate) const EVENT_ERRORS: [ErrorResponse; 2] = [
    ErrorResponse { description: "The event id is malformed.", example: || malformed_event_id("seven") },
    ErrorResponse { description: "No event has this id.", example: || event_not_found("3403542528000501") },
];

/// The id of an event in the path.
pub(crate) const EVENT_ID: Parameter =
    Parameter::path("id", "The event's id.", schema_of::<EventId>, "3403542528000501");

/// `GET /v1/events/{id}`. The response can be cached, because events never change.
pub(crate) async fn read_event(
    Shared(state): Shared<State>,
    _: Read,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = state.log.events.get(parse_event_id(&id)?).await?.ok_or_else(|| event_not_found(&id))?;
    Ok(cached_response(&headers, Caching::Private, Json(EventView::new(event))))
}

/// Parses the id in a path.
pub(crate) fn parse_event_id(id: &str) -> Result<EventId, Problem> {
    id.parse().map_err(|error| match error {
        InvalidEventId::NotAnInteger => malformed_event_id(id),
        InvalidEventId::TooLarge => event_id_too_large(id),
    })
}

fn event_id_too_large(id: &str) -> Problem {
    let detail = format!("{:?} is not an event id: it is too large, event ids are below 2^53", quoted(id));
    Problem::new(ProblemType::BadRequest, detail)
}

/// The problem of a malformed event id.
pub(crate) fn malformed_event_id(id: &str) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("{:?} is not an event id: event ids are whole numbers", quoted(id)))
}

/// The problem of an id that no event has.
pub(crate) fn event_not_found(id: &str) -> Problem {
    Problem::new(ProblemType::NotFound, format!("event {} does not exist", quoted(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_too_large_are_named_as_such() {
        let detail = |id: &str| parse_event_id(id).unwrap_err().detail().to_owned();
        assert!(detail("9007199254740992").contains("too large"));
        assert!(detail("one").contains("whole numbers"));
    }
}
