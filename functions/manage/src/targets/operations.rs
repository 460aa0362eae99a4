//! The operations on targets.

use model::{KeyScope, Record, Target};
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{Content, ErrorResponse, Method, Operation, Routes, SuccessResponse, schema_of};

use super::problems::changed_since;
use super::request::NewTarget;
use super::{Created, NewTargets, PauseRequest, Resumed, Rotation, TargetList, TargetView, Tested};
use crate::health::{self, Health};
use crate::match_preview::MatchPreview;
use crate::operation_parts::{
    MANAGE_OPERATION, REMOVED, TARGET_NAME, TARGET_NOT_FOUND, creation_errors, exists, invalid_field,
};
use crate::{State, examples, preview};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&CREATE_TARGET, super::create_target)
        .with(&LIST_TARGETS, super::list_targets)
        .with(&PREVIEW_NEW_TARGET, preview::preview_new_target)
        .with(&READ_TARGET, super::read_target)
        .with(&CHANGE_TARGET, super::change_target)
        .with(&REMOVE_TARGET, super::remove_target)
        .with(&PREVIEW_TARGET, preview::preview_target)
        .with(&PAUSE_TARGET, super::pause_target)
        .with(&RESUME_TARGET, super::resume_target)
        .with(&ROTATE_TARGET, super::rotate_target)
        .with(&TEST_TARGET, super::test_target)
        .with(&READ_TARGET_HEALTH, health::read_target_health)
}

static CREATE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets",
    id: "createTarget",
    summary: "Create a target",
    description: "A target is a webhook receiver. It receives every event that arrives from now on and matches its filters. \
        The response contains the signing secret, which is not shown again. The body may also be a list of up to 33 \
        targets (1.5 MB), such as Migration Manager's `log_targets`. Either all of them are created, or none.",
    body: &[Content::json(
        schema_of::<NewTargets>,
        &[("target", examples::NEW_TARGET), ("Migration Manager's", examples::LOG_TARGETS)],
    )],
    responses: &[SuccessResponse::json(201, "Created.", schema_of::<Created>, &[("target", examples::CREATED_TARGET)])],
    errors: &creation_errors(
        || exists(Target::KIND, "audit"),
        || invalid_field("address", "format", "expected a URL that begins with https:// or http://"),
    ),
    ..MANAGE_OPERATION
};

static LIST_TARGETS: Operation = Operation {
    path: "/v1/targets",
    id: "listTargets",
    summary: "List targets",
    responses: &[SuccessResponse::json(
        200,
        "Every target.",
        schema_of::<TargetList>,
        &[("one target", examples::TARGETS)],
    )],
    ..MANAGE_OPERATION
};

static PREVIEW_NEW_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/preview",
    id: "previewNewTarget",
    summary: "Preview a new target's matches",
    description: "Returns the number of events of the last 24 hours that a target with this definition would match, and some \
        of them. Nothing is created.",
    body: &[Content::json(schema_of::<NewTarget>, &[("target", examples::NEW_TARGET)])],
    responses: &[SuccessResponse::json(
        200,
        "The matching events.",
        schema_of::<MatchPreview>,
        &[("one event", examples::MATCHING)],
    )],
    errors: &[web::BODY_ERRORS[0], web::BODY_ERRORS[1], INVALID_BODY],
    ..MANAGE_OPERATION
};

static READ_TARGET: Operation = Operation {
    path: "/v1/targets/{name}",
    id: "readTarget",
    summary: "Get a target",
    description: "The `ETag` of the response covers the target's definition and its pause. Send it as `If-Match` with a \
        change.",
    parameters: &[TARGET_NAME],
    responses: &[TARGET_RESPONSE],
    errors: &[TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static CHANGE_TARGET: Operation = Operation {
    method: Method::Patch,
    path: "/v1/targets/{name}",
    id: "changeTarget",
    summary: "Change a target",
    description: "The body is a JSON Merge Patch (RFC 7396) of the target's definition: omitted fields keep their values, and \
        null resets a field to its default. With `If-Match`, the change fails if the target was changed, paused or \
        resumed in the meantime; without it, concurrent changes of other fields are kept. New filters apply to events \
        that are received from then on. `enabled` pauses and resumes the target.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(patch_schema, &[("filters", r#"{"events": [], "projects": ["web"]}"#)])],
    responses: &[TARGET_RESPONSE],
    errors: &[TARGET_NOT_FOUND, web::BODY_ERRORS[0], web::BODY_ERRORS[1], PRECONDITION_FAILED, INVALID_BODY],
    ..MANAGE_OPERATION
};

static REMOVE_TARGET: Operation = Operation {
    method: Method::Delete,
    path: "/v1/targets/{name}",
    id: "removeTarget",
    summary: "Remove a target",
    description: "Waiting and held deliveries are dropped. The records of past deliveries are kept. With `If-Match`, the \
        request fails if the target was changed, paused or resumed in the meantime.",
    parameters: &[TARGET_NAME],
    responses: &[REMOVED],
    errors: &[TARGET_NOT_FOUND, PRECONDITION_FAILED],
    ..MANAGE_OPERATION
};

static PREVIEW_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/preview",
    id: "previewTarget",
    summary: "Preview a target's matches",
    description: "Returns the number of events of the last 24 hours that match the target's current filters, and some of them.",
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(
        200,
        "The matching events.",
        schema_of::<MatchPreview>,
        &[("one event", examples::MATCHING)],
    )],
    errors: &[TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static PAUSE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/pause",
    id: "pauseTarget",
    summary: "Pause a target",
    description: "Deliveries stop within a second. Events for the target are held until it is resumed; none are lost.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(schema_of::<PauseRequest>, &[("reason", r#"{"reason": "maintenance"}"#)])],
    body_is_optional: true,
    responses: &[TARGET_RESPONSE],
    errors: &[TARGET_NOT_FOUND, web::BODY_ERRORS[0], web::BODY_ERRORS[1], INVALID_BODY],
    ..MANAGE_OPERATION
};

static RESUME_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/resume",
    id: "resumeTarget",
    summary: "Resume a target",
    description: "New events are delivered immediately. A replay delivers the held events, oldest first, 100 per second.",
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(
        200,
        "The target and the replay.",
        schema_of::<Resumed>,
        &[("was not paused", examples::RESUMED)],
    )],
    errors: &[TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static ROTATE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/rotate",
    id: "rotateTarget",
    summary: "Replace a target's signing secret",
    description: "The response contains the new secret, which is not shown again. During the overlap, deliveries are signed with both secrets.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(schema_of::<Rotation>, &[("a day", r#"{"overlap": "24h"}"#)])],
    body_is_optional: true,
    responses: &[SuccessResponse::json(
        200,
        "The target with its new secret.",
        schema_of::<TargetView>,
        &[("target", examples::CREATED_TARGET)],
    )],
    errors: &[
        TARGET_NOT_FOUND,
        web::BODY_ERRORS[0],
        web::BODY_ERRORS[1],
        ErrorResponse { description: "The target was changed concurrently.", example: changed_since },
        INVALID_BODY,
    ],
    ..MANAGE_OPERATION
};

static TEST_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/test",
    id: "testTarget",
    summary: "Send a test event",
    description: "Stores an event for this target only and delivers it like any other event, with a single attempt, even if the \
        target is paused. The response waits for the attempt.",
    parameters: &[TARGET_NAME],
    responses: &[
        SuccessResponse::json(
            200,
            "The result of the attempt.",
            schema_of::<Tested>,
            &[("accepted", examples::TESTED)],
        ),
        SuccessResponse::json(
            202,
            "The attempt is not finished. `GET /v1/events/{id}/deliveries` returns its result later.",
            schema_of::<Tested>,
            &[("waiting", r#"{"event": 3408102400000123, "status": "waiting", "attempt": null}"#)],
        ),
    ],
    errors: &[TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static READ_TARGET_HEALTH: Operation = Operation {
    path: "/v1/targets/{name}/health",
    id: "readTargetHealth",
    summary: "Get target health",
    description: "Returns success rate, latency, backlog, and the estimated time until the backlog is delivered.",
    other_scopes: &[KeyScope::Read],
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(
        200,
        "The health of the target.",
        schema_of::<Health>,
        &[("well", examples::HEALTH)],
    )],
    errors: &[TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

const TARGET_RESPONSE: SuccessResponse =
    SuccessResponse::json(200, "The target.", schema_of::<TargetView>, &[("target", examples::TARGET)]);

const PRECONDITION_FAILED: ErrorResponse =
    ErrorResponse { description: "The target was changed since the version in `If-Match`.", example: changed_since };

const INVALID_BODY: ErrorResponse = ErrorResponse {
    description: "The body is invalid. `violations` lists the errors.",
    example: || {
        invalid_field("retry_timeout", "format", "expected a duration from 0s to 216h, such as 10s, 5m or 1h30m")
    },
};

/// The schema of a merge patch of a target.
fn patch_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Any of the fields that a target is created from, except `name` and `signing_secret`.",
    })
}
