//! The operations on replays.

use model::{Record, Replay};
use web::{ErrorResponse, Method, Operation, Routes, SuccessResponse, schema_of};

use super::{ReplayList, ReplayView, cancel_replay, list_replays, read_replay, replay_target};
use crate::match_preview::MatchPreview;
use crate::operation_parts::{FILTER_ERROR, MANAGE_OPERATION, TARGET_NOT_FOUND};
use crate::validation::not_found;
use crate::webhook_parameters::{REPLAY_NAME, REPLAY_PARAMETERS};
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&REPLAY_TARGET, replay_target)
        .with(&LIST_REPLAYS, list_replays)
        .with(&READ_REPLAY, read_replay)
        .with(&CANCEL_REPLAY, cancel_replay)
}

static REPLAY_TARGET: Operation = Operation {
    method: Method::Post,
    path: "/v1/targets/{name}/replay",
    id: "replayTarget",
    summary: "Start a replay",
    description: "Sends events that match the parameters and the target's current filters, oldest first, including events that \
        were already delivered and events older than the target. `webhook-id` is the same as in the first delivery. \
        Check the number of events with `dry_run=true` first. While the target is paused, the replay waits. `from` \
        limits the replay by event time. `received_from` limits it by time of receipt; without `from`, the whole log \
        is then read, so that late events are included.",
    parameters: REPLAY_PARAMETERS,
    responses: &[
        SuccessResponse::json(
            200,
            "The events that would be sent (`dry_run`).",
            schema_of::<MatchPreview>,
            &[("one event", examples::MATCHING)],
        ),
        SuccessResponse::json(202, "The replay has started.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)]),
    ],
    errors: &[FILTER_ERROR, TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static LIST_REPLAYS: Operation = Operation {
    path: "/v1/replays",
    id: "listReplays",
    summary: "List replays",
    responses: &[SuccessResponse::json(
        200,
        "The replays, latest first.",
        schema_of::<ReplayList>,
        &[("one", examples::REPLAYS)],
    )],
    ..MANAGE_OPERATION
};

static READ_REPLAY: Operation = Operation {
    path: "/v1/replays/{name}",
    id: "readReplay",
    summary: "Get a replay",
    parameters: &[REPLAY_NAME],
    responses: &[SuccessResponse::json(200, "The replay.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)])],
    errors: &[REPLAY_NOT_FOUND],
    ..MANAGE_OPERATION
};

static CANCEL_REPLAY: Operation = Operation {
    method: Method::Post,
    path: "/v1/replays/{name}/cancel",
    id: "cancelReplay",
    summary: "Cancel a replay",
    description: "The replay sends no more events. Events that it has already sent are delivered. Events that it has not released \
        stay held.",
    parameters: &[REPLAY_NAME],
    responses: &[SuccessResponse::json(200, "The replay.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)])],
    errors: &[REPLAY_NOT_FOUND],
    ..MANAGE_OPERATION
};

const REPLAY_NOT_FOUND: ErrorResponse = ErrorResponse {
    description: "The replay does not exist.",
    example: || not_found(Replay::KIND, "20260501T092000879Z-4f2a"),
};
