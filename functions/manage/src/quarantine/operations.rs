//! The operations on the quarantine.

use events::Violation;
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{
    ErrorResponse, Method, Operation, Parameter, ParameterLocation, Problem, Routes, SuccessResponse, schema_of,
};

use super::reingest::{self, DiscardReport, ReplayReport, Replayed};
use super::{MAX_LIMIT, QuarantineList, QuarantineView, quarantined_not_found};
use crate::operation_parts::{FILTER_ERROR, MANAGE_OPERATION, REMOVED, SOURCE_NOT_FOUND};
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&LIST_QUARANTINE, super::list_quarantine)
        .with(&REPLAY_QUARANTINE, reingest::replay_quarantine)
        .with(&DISCARD_QUARANTINE, reingest::discard_quarantine)
        .with(&READ_QUARANTINED, super::read_quarantined)
        .with(&REPLAY_QUARANTINED, reingest::replay_quarantined)
        .with(&DISCARD_QUARANTINED, super::discard_quarantined)
}

static LIST_QUARANTINE: Operation = Operation {
    path: "/v1/quarantine",
    id: "listQuarantine",
    summary: "List quarantined events",
    description: "Returns the newest events first, without their bodies. Without `source`, returns the events of every registered source.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "A page.",
        schema_of::<QuarantineList>,
        &[("one event", examples::QUARANTINE)],
    )],
    errors: &[FILTER_ERROR, SOURCE_NOT_FOUND],
    ..MANAGE_OPERATION
};

static REPLAY_QUARANTINE: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/replay",
    id: "replayQuarantine",
    summary: "Reingest matching quarantined events",
    description: "Use this operation after fixing a schema. Events that are valid now are stored with their original time of \
        receipt, and delivered to the targets whose filters matched at that time. The response is sent after at most \
        20 s. If `next` is not null, repeat the request with that value as `before`.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "The result.",
        schema_of::<ReplayReport>,
        &[("done", r#"{"stored": 0, "duplicates": 0, "refused": 1, "next": null}"#)],
    )],
    errors: &[FILTER_ERROR, SOURCE_NOT_FOUND],
    ..MANAGE_OPERATION
};

static DISCARD_QUARANTINE: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/discard",
    id: "discardQuarantine",
    summary: "Discard matching quarantined events",
    description: "The events are deleted permanently. The response is sent after at most 20 s. If `next` is not null, \
        repeat the request with that value as `before`.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "The number of discarded events.",
        schema_of::<DiscardReport>,
        &[("done", r#"{"discarded": 0, "next": null}"#)],
    )],
    errors: &[FILTER_ERROR, ErrorResponse { description: "`source` is missing.", example: reingest::missing_source }],
    ..MANAGE_OPERATION
};

static READ_QUARANTINED: Operation = Operation {
    path: "/v1/quarantine/{source}/{id}",
    id: "readQuarantined",
    summary: "Get a quarantined event with its body",
    parameters: &QUARANTINED_PARAMETERS,
    responses: &[SuccessResponse::json(
        200,
        "The event and its violations.",
        schema_of::<QuarantineView>,
        &[("event", examples::QUARANTINED)],
    )],
    errors: &[QUARANTINED_NOT_FOUND],
    ..MANAGE_OPERATION
};

static REPLAY_QUARANTINED: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/{source}/{id}/replay",
    id: "replayQuarantined",
    summary: "Reingest a quarantined event",
    description: "Use this operation after fixing a schema. If the event is valid now, it is stored with its original time of receipt.",
    parameters: &QUARANTINED_PARAMETERS,
    responses: &[SuccessResponse::json(
        200,
        "The event is stored.",
        schema_of::<Replayed>,
        &[("stored", r#"{"status": "stored", "id": 3403542528000501}"#)],
    )],
    errors: &[
        QUARANTINED_NOT_FOUND,
        ErrorResponse { description: "The event still violates its schema.", example: still_invalid_example },
    ],
    ..MANAGE_OPERATION
};

static DISCARD_QUARANTINED: Operation = Operation {
    method: Method::Delete,
    path: "/v1/quarantine/{source}/{id}",
    id: "discardQuarantined",
    summary: "Discard a quarantined event",
    description: "The event is deleted permanently.",
    parameters: &QUARANTINED_PARAMETERS,
    responses: &[REMOVED],
    errors: &[QUARANTINED_NOT_FOUND],
    ..MANAGE_OPERATION
};

const QUARANTINE_FILTERS: [Parameter; 7] = [
    Parameter { location: ParameterLocation::Query, ..QUARANTINE_SOURCE },
    Parameter::query("type", "Type of the event, as sent.", web::text_schema, r#""feature-created""#),
    Parameter::query("reason", "Keyword of one of the event's violations.", web::text_schema, r#""required""#),
    Parameter::query(
        "from",
        "Earliest time of receipt: a date (UTC), a time, or a Unix time.",
        web::text_schema,
        r#""2026-01-31""#,
    ),
    Parameter::query(
        "to",
        "Latest time of receipt: a date (UTC, inclusive), a time, or a Unix time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
    Parameter::query(
        "limit",
        "Maximum number of events of a page, or of a batch that is processed.",
        limit_schema,
        "100",
    ),
    Parameter::query("before", "The `next` value of the previous response.", web::text_schema, examples::QUARANTINE_ID),
];

const QUARANTINED_PARAMETERS: [Parameter; 2] = [
    QUARANTINE_SOURCE,
    Parameter::path("id", "The event's id in the quarantine.", web::text_schema, examples::QUARANTINE_ID),
];

const QUARANTINE_SOURCE: Parameter =
    Parameter::path("source", "The source's name.", web::text_schema, r#""unleash-prod""#);

const QUARANTINED_NOT_FOUND: ErrorResponse = ErrorResponse {
    description: "The quarantined event does not exist.",
    example: || quarantined_not_found("2026-05-01T09:30:10.899Z~1b5178352d8e3b12"),
};

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50 })
}

fn still_invalid_example() -> Problem {
    let violation = Violation::new("/id", "type", "expected integer, found \"seven\"");
    reingest::still_invalid("2026-05-01T09:30:10.899Z~1b5178352d8e3b12", &[violation])
}
