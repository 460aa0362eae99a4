//! What the operations of webhooks take in their paths and queries.

use model::defaults::{DEFAULT_REPLAY_RATE, MAX_REPLAY_RATE};
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{Parameter, ParameterLocation, filters, join_parameters};

use crate::deliveries::MAX_LIMIT;

pub(super) const TARGET_NAME: Parameter = Parameter::path("name", "The target's name.", web::text_schema, r#""audit""#);

pub(super) const REPLAY_NAME: Parameter =
    Parameter::path("name", "The replay's name.", web::text_schema, r#""20260501T092000879Z-4f2a""#);

const PACE: [Parameter; 2] = [
    Parameter::query("rate", "How many are sent a second at most.", rate, "100"),
    Parameter::query("dry_run", "Whether only to say what would be sent.", boolean, "true"),
];

pub(super) const REPLAYED: &[Parameter] = join_parameters!(&[TARGET_NAME], &PACE, filters::PARAMETERS, &RECEIVED);

const RECEIVED: [Parameter; 2] = [
    Parameter::query(
        "received_from",
        "What was received from then on, whenever it happened: a date (UTC) or a time.",
        web::text_schema,
        r#""2026-01-31""#,
    ),
    Parameter::query(
        "received_to",
        "What was received until then: a date (UTC, to its end) or a time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
];

const RANGE: [Parameter; 2] = [
    Parameter::query("from", "Events from then on: a date (UTC) or a time.", web::text_schema, r#""2026-01-31""#),
    Parameter::query(
        "to",
        "Events until then: a date (UTC, to its end) or a time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
];

pub(super) const RETRIED: &[Parameter] =
    join_parameters!(&[Parameter { location: ParameterLocation::RequiredQuery, ..TARGET_FILTER }], &RANGE, &PACE);

const TARGET_FILTER: Parameter = Parameter::query("target", "The target's name.", web::text_schema, r#""audit""#);

pub(super) const LISTED: &[Parameter] = join_parameters!(
    &RANGE,
    &[
        TARGET_FILTER,
        Parameter::query("status", "Where they stand.", statuses, r#"["failed"]"#),
        Parameter::query("limit", "How many at most.", limit, "100"),
        Parameter::query(
            "cursor",
            "Where to go on: `next` of the answer before.",
            web::text_schema,
            r#""3408102400000123~audit""#,
        ),
    ],
);

fn rate(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_REPLAY_RATE, "default": DEFAULT_REPLAY_RATE })
}

fn boolean(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": false })
}

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50 })
}

fn statuses(_: &mut SchemaGenerator) -> Schema {
    let names = model::RecordedStatus::ALL.map(model::RecordedStatus::name);
    json_schema!({
        "description": "Any of these, separated by commas.",
        "type": "array",
        "minItems": 1,
        "items": { "enum": names },
    })
}
