//! Parameters that the operations on replays and deliveries share.

use model::defaults::{DEFAULT_REPLAY_RATE, MAX_REPLAY_RATE};
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{Parameter, ParameterLocation, filters, join_parameters};

use crate::deliveries::MAX_LIMIT;
use crate::operation_parts::TARGET_NAME;

/// The name of a replay in the path.
pub(crate) const REPLAY_NAME: Parameter =
    Parameter::path("name", "The replay's name.", web::text_schema, r#""20260501T092000879Z-4f2a""#);

const PACE_PARAMETERS: [Parameter; 2] = [
    Parameter::query("rate", "Maximum number of events that are sent per second.", rate_schema, "100"),
    Parameter::query(
        "dry_run",
        "If true, the response shows what would be sent, and nothing is sent.",
        boolean_schema,
        "true",
    ),
];

/// The parameters of a replay.
pub(crate) const REPLAY_PARAMETERS: &[Parameter] =
    join_parameters!(&[TARGET_NAME], &PACE_PARAMETERS, filters::PARAMETERS, &RECEIPT_RANGE);

const RECEIPT_RANGE: [Parameter; 2] = [
    Parameter::query(
        "received_from",
        "Earliest time of receipt, regardless of the event time: a date (UTC), a time, or a Unix time.",
        web::text_schema,
        r#""2026-01-31""#,
    ),
    Parameter::query(
        "received_to",
        "Latest time of receipt: a date (UTC, inclusive), a time, or a Unix time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
];

const EVENT_TIME_RANGE: [Parameter; 2] = [
    Parameter::query(
        "from",
        "Earliest event time: a date (UTC), a time, or a Unix time.",
        web::text_schema,
        r#""2026-01-31""#,
    ),
    Parameter::query(
        "to",
        "Latest event time: a date (UTC, inclusive), a time, or a Unix time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
];

/// The parameters of a retry of failed deliveries.
pub(crate) const RETRY_PARAMETERS: &[Parameter] = join_parameters!(
    &[Parameter { location: ParameterLocation::RequiredQuery, ..TARGET_FILTER }],
    &EVENT_TIME_RANGE,
    &PACE_PARAMETERS
);

const TARGET_FILTER: Parameter = Parameter::query("target", "The target's name.", web::text_schema, r#""audit""#);

/// The parameters of a list of deliveries.
pub(crate) const LIST_PARAMETERS: &[Parameter] = join_parameters!(
    &EVENT_TIME_RANGE,
    &[
        TARGET_FILTER,
        Parameter::query("status", "Status of the deliveries.", statuses_schema, r#"["failed"]"#),
        Parameter::query("limit", "Maximum number of deliveries of the page.", limit_schema, "100"),
        Parameter::query(
            "cursor",
            "The `next` value of the previous page.",
            web::text_schema,
            r#""3408102400000123~audit""#,
        ),
    ],
);

fn rate_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_REPLAY_RATE, "default": DEFAULT_REPLAY_RATE })
}

fn boolean_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": false })
}

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50 })
}

fn statuses_schema(_: &mut SchemaGenerator) -> Schema {
    let names = model::RecordedStatus::ALL.map(model::RecordedStatus::name);
    json_schema!({
        "description": "One or more statuses, separated by commas.",
        "type": "array",
        "minItems": 1,
        "items": { "enum": names },
    })
}
