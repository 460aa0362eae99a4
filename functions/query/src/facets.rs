//! `GET /v1/facets`: which values a field has, and how often.

use std::cmp::Reverse;
use std::time::Instant;

use axum::Json;
use axum::extract::State as Shared;
use model::Field;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use web::{Params, Problem, Read, invalid_parameter};

use crate::State;
use crate::search::MAX_TIME;
use crate::tally::Tally;
use web::filters;

/// The fields whose values can be asked for.
const FIELDS: [(&str, Field); 8] = [
    ("type", Field::Type),
    ("project", Field::Project),
    ("actor", Field::Actor),
    ("environment", Field::Environment),
    ("subject", Field::Subject),
    ("source", Field::Source),
    ("scope", Field::Scope),
    ("level", Field::Level),
];

/// The most values of an answer.
const MAX_VALUES: usize = 1000;

/// The values of an answer where its caller does not say.
const DEFAULT_VALUES: usize = 20;

/// The values of a field.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Facets {
    /// The field.
    field: String,
    /// Its values, the most frequent first.
    values: Vec<Facet>,
    /// How many different values there are, those that are not shown included.
    different: usize,
    /// Whether there was no time to look at everything. Left out where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

/// One value of a field.
#[derive(Debug, Serialize, JsonSchema)]
struct Facet {
    /// The value.
    value: String,
    /// How many events have it.
    count: u64,
}

/// `GET /v1/facets`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Read, params: Params) -> Result<Json<Facets>, Problem> {
    let names = FIELDS.map(|(name, _)| name);
    let name = params.choice("field", &names)?.ok_or_else(no_field)?;
    let field = FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field).ok_or_else(no_field)?;
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_VALUES).contains(limit));
    let limit = params.parse("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_VALUES);
    let prefix = params.get("prefix").unwrap_or_default().to_lowercase();
    let deadline = Some(Instant::now() + MAX_TIME);
    let tally = Tally::new("facets");
    let found = state.log.values(field, &filters::parse(&params)?, deadline).await?;
    tally.log("", found.counts.len(), found.units, found.partial);
    let begins = |value: &String| value.to_lowercase().starts_with(&prefix);
    let values = found.counts.into_iter().filter(|(value, _)| begins(value));
    let mut values: Vec<Facet> = values.map(|(value, count)| Facet { value, count }).collect();
    values.sort_unstable_by(|a, b| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value)));
    let different = values.len();
    values.truncate(limit);
    Ok(Json(Facets { field: name.to_owned(), values, different, partial: found.partial }))
}

/// The problem of a request that names no field.
pub(crate) fn no_field() -> Problem {
    invalid_parameter(
        "field",
        &format!("is missing: say which field, one of {}", FIELDS.map(|(name, _)| name).join(", ")),
    )
}

pub(crate) fn field(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": FIELDS.map(|(name, _)| name) })
}

pub(crate) fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_VALUES, "default": DEFAULT_VALUES })
}
