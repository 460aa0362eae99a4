//! The operations of webhooks: targets, deliveries, replays.

mod parameters;

use model::{Record, Replay, Target};
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{Content, ErrorResponse, Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use parameters::{LISTED, REPLAY_NAME, REPLAYED, RETRIED, TARGET_NAME};

use super::{MANAGE, REMOVED, WRONG_FILTER, creating, exists, wrong};
use crate::State;
use crate::deliveries::{self, DeliveryList, Failing, Retried};
use crate::examples;
use crate::health::{self, Health};
use crate::name::unknown;
use crate::preview;
use crate::replays::{self, Matching, ReplayList, ReplayView};
use crate::targets::{self, Created, NewTarget, NewTargets, Resumed, Rotation, TargetList, TargetView, Tested, Why};

/// Every operation with its handler.
pub(super) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&CREATE_TARGET, targets::create)
        .with(&LIST_TARGETS, targets::list)
        .with(&PREVIEW_NEW_TARGET, targets::preview)
        .with(&READ_TARGET, targets::read_one)
        .with(&CHANGE_TARGET, targets::change)
        .with(&REMOVE_TARGET, targets::remove)
        .with(&PREVIEW_TARGET, preview::of_target)
        .with(&PAUSE_TARGET, targets::pause)
        .with(&RESUME_TARGET, targets::resume)
        .with(&ROTATE_TARGET, targets::rotate)
        .with(&TEST_TARGET, targets::test)
        .with(&REPLAY_TARGET, replays::replay)
        .with(&TARGET_HEALTH, health::health)
        .with(&LIST_REPLAYS, replays::list)
        .with(&READ_REPLAY, replays::read)
        .with(&CANCEL_REPLAY, replays::cancel)
        .with(&LIST_DELIVERIES, deliveries::list)
        .with(&RETRY_DELIVERIES, deliveries::retry_all)
        .with(&RETRY_DELIVERY, deliveries::retry)
}

static CREATE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets",
    id: "createTarget",
    summary: "Create a target",
    description: "A webhook receiver: it gets every event that is received from now on and passes its filters. The \
        answer shows its signing secret, once. Several can be created together, as Migration Manager's \
        `log_targets` list them, up to 33 with 1.5 MB: all of them, or none where anything is wrong.",
    body: &[Content::json(
        schema_of::<NewTargets>,
        &[("target", examples::NEW_TARGET), ("Migration Manager's", examples::LOG_TARGETS)],
    )],
    responses: &[SuccessResponse::json(
        201,
        "It is created.",
        schema_of::<Created>,
        &[("target", examples::CREATED_TARGET)],
    )],
    errors: &creating(
        || exists(Target::KIND, "audit"),
        || wrong("address", "format", "expected a URL that begins with https:// or http://"),
    ),
    ..MANAGE
};

static LIST_TARGETS: Operation = Operation {
    path: "/v1/targets",
    id: "listTargets",
    summary: "List the targets",
    responses: &[SuccessResponse::json(
        200,
        "Every target.",
        schema_of::<TargetList>,
        &[("one target", examples::TARGETS)],
    )],
    ..MANAGE
};

static PREVIEW_NEW_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/preview",
    id: "previewNewTarget",
    summary: "Say what a target would have got",
    description: "How many events of the last 24 hours a target that is set up so would want, and some of them. \
        Nothing is created.",
    body: &[Content::json(schema_of::<NewTarget>, &[("target", examples::NEW_TARGET)])],
    responses: &[SuccessResponse::json(
        200,
        "What matches.",
        schema_of::<Matching>,
        &[("one event", examples::MATCHING)],
    )],
    errors: &[web::BODY_ERRORS[0], web::BODY_ERRORS[1], WRONG_BODY],
    ..MANAGE
};

static READ_TARGET: Operation = Operation {
    path: "/v1/targets/{name}",
    id: "readTarget",
    summary: "Read one target",
    description: "Its `ETag` is what `If-Match` of a change takes: it stands for how the target is set up, and since when it \
        is paused.",
    parameters: &[TARGET_NAME],
    responses: &[TARGET],
    errors: &[NO_TARGET],
    ..MANAGE
};

static CHANGE_TARGET: Operation = Operation {
    method: Method::Patch,
    path: "/v1/targets/{name}",
    id: "changeTarget",
    summary: "Change a target",
    description: "A JSON Merge Patch (RFC 7396) of what it was created from: fields that are left out stay, null \
        takes one back to its default. With `If-Match`, only where nobody has changed, paused or resumed it since; \
        without, what others change at the same time stays as well. What it wants counts for events that are \
        received from then on. `enabled` pauses and resumes it.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(patch, &[("filters", r#"{"events": [], "projects": ["web"]}"#)])],
    responses: &[TARGET],
    errors: &[NO_TARGET, web::BODY_ERRORS[0], web::BODY_ERRORS[1], CHANGED_SINCE, WRONG_BODY],
    ..MANAGE
};

static REMOVE_TARGET: Operation = Operation {
    method: Method::Delete,
    path: "/v1/targets/{name}",
    id: "removeTarget",
    summary: "Remove a target",
    description: "What waits for it, or is held, is dropped; what was delivered to it stays on record. With `If-Match`, \
        only where nobody has changed, paused or resumed it since.",
    parameters: &[TARGET_NAME],
    responses: &[REMOVED],
    errors: &[NO_TARGET, CHANGED_SINCE],
    ..MANAGE
};

static PREVIEW_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/preview",
    id: "previewTarget",
    summary: "Say what a target wants of the last 24 hours",
    description: "How many events there are that it would want as it is now, and some of them.",
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(
        200,
        "What matches.",
        schema_of::<Matching>,
        &[("one event", examples::MATCHING)],
    )],
    errors: &[NO_TARGET],
    ..MANAGE
};

static PAUSE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/pause",
    id: "pauseTarget",
    summary: "Pause a target",
    description: "From now on, or a second later, nothing is posted to it. Its events are held, and nothing is lost.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(schema_of::<Why>, &[("reason", r#"{"reason": "maintenance"}"#)])],
    body_is_optional: true,
    responses: &[TARGET],
    errors: &[NO_TARGET, web::BODY_ERRORS[0], web::BODY_ERRORS[1], WRONG_BODY],
    ..MANAGE
};

static RESUME_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/resume",
    id: "resumeTarget",
    summary: "Resume a target",
    description: "New events are delivered at once, and a replay delivers what was held, the oldest first, 100 a second.",
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(
        200,
        "The target, and the replay.",
        schema_of::<Resumed>,
        &[("was not paused", examples::RESUMED)],
    )],
    errors: &[NO_TARGET],
    ..MANAGE
};

static ROTATE_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/rotate",
    id: "rotateTarget",
    summary: "Replace a target's signing secret",
    description: "The answer shows the new one, once. Until the overlap is over, deliveries are signed with both.",
    parameters: &[TARGET_NAME],
    body: &[Content::json(schema_of::<Rotation>, &[("a day", r#"{"overlap": "24h"}"#)])],
    body_is_optional: true,
    responses: &[SuccessResponse::json(
        200,
        "The target, and its new secret.",
        schema_of::<TargetView>,
        &[("target", examples::CREATED_TARGET)],
    )],
    errors: &[
        NO_TARGET,
        web::BODY_ERRORS[0],
        web::BODY_ERRORS[1],
        ErrorResponse { description: "It was changed at the same time.", example: targets::changed_since },
        WRONG_BODY,
    ],
    ..MANAGE
};

static TEST_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/test",
    id: "testTarget",
    summary: "Send a target a test",
    description: "An event for this target alone goes the way of all events, though it may be paused, and is attempted \
        once. The answer waits for that.",
    parameters: &[TARGET_NAME],
    responses: &[
        SuccessResponse::json(200, "What came of it.", schema_of::<Tested>, &[("accepted", examples::TESTED)]),
        SuccessResponse::json(
            202,
            "It is under way: `GET /v1/events/{id}/deliveries` will tell.",
            schema_of::<Tested>,
            &[("waiting", r#"{"event": 3408102400000123, "status": "waiting", "attempt": null}"#)],
        ),
    ],
    errors: &[NO_TARGET],
    ..MANAGE
};

/// What of the log is sent to a target again; its parameters are also what its handler reads.
static REPLAY_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/replay",
    id: "replayTarget",
    summary: "Send a target events of the log again",
    description: "What matches, and what the target wants as it is now, the oldest first, whether it was delivered \
        before or not: also events that are older than the target. `webhook-id` is that of the first delivery. Ask \
        with `dry_run=true` first. While the target is paused, the replay waits. It begins with the event time `from`, or \
        with `received_from`: then all of the log is read, for late events too, unless `from` says otherwise.",
    parameters: REPLAYED,
    responses: &[
        SuccessResponse::json(
            200,
            "What would be sent (`dry_run`).",
            schema_of::<Matching>,
            &[("one event", examples::MATCHING)],
        ),
        SuccessResponse::json(
            202,
            "The replay is under way.",
            schema_of::<ReplayView>,
            &[("replay", examples::REPLAY)],
        ),
    ],
    errors: &[WRONG_FILTER, NO_TARGET],
    ..MANAGE
};

static TARGET_HEALTH: Operation = Operation {
    path: "/v1/targets/{name}/health",
    id: "readTargetHealth",
    summary: "Say how a target is doing",
    description: "How many deliveries succeed, how long they take, what waits, since when, and when it will be through. \
        A read key will do.",
    parameters: &[TARGET_NAME],
    responses: &[SuccessResponse::json(200, "How it is doing.", schema_of::<Health>, &[("well", examples::HEALTH)])],
    errors: &[NO_TARGET],
    ..MANAGE
};

static LIST_REPLAYS: Operation = Operation {
    path: "/v1/replays",
    id: "listReplays",
    summary: "List the replays",
    responses: &[SuccessResponse::json(
        200,
        "The latest first.",
        schema_of::<ReplayList>,
        &[("one", examples::REPLAYS)],
    )],
    ..MANAGE
};

static READ_REPLAY: Operation = Operation {
    path: "/v1/replays/{name}",
    id: "readReplay",
    summary: "Read one replay: how far it has come",
    parameters: &[REPLAY_NAME],
    responses: &[SuccessResponse::json(200, "The replay.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)])],
    errors: &[NO_REPLAY],
    ..MANAGE
};

static CANCEL_REPLAY: Operation = Operation {
    method: Method::Post,
    path: "/v1/replays/{name}/cancel",
    id: "cancelReplay",
    summary: "Cancel a replay",
    description: "It sends no more. What it has sent is delivered. What it would have released stays held.",
    parameters: &[REPLAY_NAME],
    responses: &[SuccessResponse::json(200, "The replay.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)])],
    errors: &[NO_REPLAY],
    ..MANAGE
};

/// What there is of deliveries; its parameters are also what its handler reads.
static LIST_DELIVERIES: Operation = Operation {
    path: "/v1/deliveries",
    id: "listDeliveries",
    summary: "List deliveries",
    description: "By the time of their events, the newest first. Without `target`, of every target. A delivery stands \
        here from its first attempt on, or from when it was held. A read key will do.",
    parameters: LISTED,
    responses: &[SuccessResponse::json(
        200,
        "A page.",
        schema_of::<DeliveryList>,
        &[("one failed", examples::DELIVERIES)],
    )],
    errors: &[WRONG_FILTER],
    ..MANAGE
};

/// Which failed deliveries are tried again; its parameters are also what its handler reads.
static RETRY_DELIVERIES: Operation = Operation {
    method: Method::Post,
    path: "/v1/deliveries/retry",
    id: "retryDeliveries",
    summary: "Try again what failed",
    description: "Every failed delivery of a target, the oldest first, each with all its attempts anew. Ask with \
        `dry_run=true` first.",
    parameters: RETRIED,
    responses: &[
        SuccessResponse::json(200, "How many (`dry_run`).", schema_of::<Failing>, &[("some", r#"{"failed": 12}"#)]),
        SuccessResponse::json(
            202,
            "The replay is under way.",
            schema_of::<ReplayView>,
            &[("replay", examples::REPLAY)],
        ),
    ],
    errors: &[WRONG_FILTER, NO_TARGET],
    ..MANAGE
};

static RETRY_DELIVERY: Operation = Operation {
    method: Method::Post,
    path: "/v1/deliveries/{event}/{target}/retry",
    id: "retryDelivery",
    summary: "Try a delivery again",
    description: "With all the attempts that the target allows, from now on; also where it was delivered. Of several \
        calls at once, one has an effect. While the target is paused, what is tried again is held until it is resumed.",
    parameters: &[
        Parameter::path("event", "The event's id.", web::text_schema, r#""3403542528000501""#),
        Parameter::path("target", "The target's name.", web::text_schema, r#""audit""#),
    ],
    responses: &[SuccessResponse::json(
        202,
        "It is on its way.",
        schema_of::<Retried>,
        &[("retry", examples::RETRIED)],
    )],
    errors: &[
        ErrorResponse {
            description: "There is no such event, or no such target.",
            example: || unknown(Target::KIND, "audit"),
        },
        ErrorResponse {
            description: "The delivery is waiting already, or held because the target is paused, or the target does not want the \
                event.",
            example: deliveries::waiting,
        },
    ],
    ..MANAGE
};

const TARGET: SuccessResponse =
    SuccessResponse::json(200, "The target.", schema_of::<TargetView>, &[("target", examples::TARGET)]);

const NO_TARGET: ErrorResponse =
    ErrorResponse { description: "No target has this name.", example: || unknown(Target::KIND, "audit") };

const NO_REPLAY: ErrorResponse = ErrorResponse {
    description: "No replay has this name.",
    example: || unknown(Replay::KIND, "20260501T092000879Z-4f2a"),
};

const CHANGED_SINCE: ErrorResponse =
    ErrorResponse { description: "`If-Match` is given, and it was changed since.", example: targets::changed_since };

const WRONG_BODY: ErrorResponse = ErrorResponse {
    description: "The body can be read, but not all of it is right: `violations` says what.",
    example: || wrong("retry_timeout", "format", "expected a duration from 0s to 216h, such as 10s, 5m or 1h30m"),
};

/// What a change may say: any of a target's fields, or null to take it back.
fn patch(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Any of the fields that a target is created from, except `name` and `signing_secret`.",
    })
}
