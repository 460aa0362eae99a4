//! The operations on deliveries.

use model::{KeyScope, Record, Target};
use web::{ErrorResponse, Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use super::{DeliveryList, Failing, Retried, already_waiting, list_deliveries, retry_deliveries, retry_delivery};
use crate::operation_parts::{FILTER_ERROR, MANAGE_OPERATION, TARGET_NOT_FOUND};
use crate::replays::ReplayView;
use crate::validation::not_found;
use crate::webhook_parameters::{LIST_PARAMETERS, RETRY_PARAMETERS};
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&LIST_DELIVERIES, list_deliveries)
        .with(&RETRY_DELIVERIES, retry_deliveries)
        .with(&RETRY_DELIVERY, retry_delivery)
}

static LIST_DELIVERIES: Operation = Operation {
    path: "/v1/deliveries",
    id: "listDeliveries",
    summary: "List deliveries",
    description: "Returns deliveries by the time of their events, newest first. Without `target`, returns the deliveries of \
        every target. A delivery is listed from its first attempt, or from the time when it was held.",
    other_scopes: &[KeyScope::Read],
    parameters: LIST_PARAMETERS,
    responses: &[SuccessResponse::json(
        200,
        "A page.",
        schema_of::<DeliveryList>,
        &[("one failed", examples::DELIVERIES)],
    )],
    errors: &[FILTER_ERROR],
    ..MANAGE_OPERATION
};

static RETRY_DELIVERIES: Operation = Operation {
    method: Method::Post,
    path: "/v1/deliveries/retry",
    id: "retryDeliveries",
    summary: "Retry failed deliveries",
    description: "Retries every failed delivery of a target, oldest first. Each delivery has all its attempts again. Check the \
        number of deliveries with `dry_run=true` first.",
    parameters: RETRY_PARAMETERS,
    responses: &[
        SuccessResponse::json(
            200,
            "The number of failed deliveries (`dry_run`).",
            schema_of::<Failing>,
            &[("some", r#"{"failed": 12}"#)],
        ),
        SuccessResponse::json(202, "The replay has started.", schema_of::<ReplayView>, &[("replay", examples::REPLAY)]),
    ],
    errors: &[FILTER_ERROR, TARGET_NOT_FOUND],
    ..MANAGE_OPERATION
};

static RETRY_DELIVERY: Operation = Operation {
    method: Method::Post,
    path: "/v1/deliveries/{event}/{target}/retry",
    id: "retryDelivery",
    summary: "Retry a delivery",
    description: "Starts the delivery again with all attempts that the target allows, even if it was already delivered. Of \
        several concurrent requests, one takes effect. While the target is paused, the delivery is held until the \
        target is resumed.",
    parameters: &[
        Parameter::path("event", "The event's id.", web::text_schema, r#""3403542528000501""#),
        Parameter::path("target", "The target's name.", web::text_schema, r#""audit""#),
    ],
    responses: &[SuccessResponse::json(
        202,
        "The delivery has started.",
        schema_of::<Retried>,
        &[("retry", examples::RETRIED)],
    )],
    errors: &[
        ErrorResponse {
            description: "The event or the target does not exist.",
            example: || not_found(Target::KIND, "audit"),
        },
        ErrorResponse {
            description: "The delivery is already waiting, or held by a pause, or the event does not match the target's filters.",
            example: already_waiting,
        },
    ],
    ..MANAGE_OPERATION
};
