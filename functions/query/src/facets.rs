//! `GET /v1/facets`: the values of a field with their frequencies.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State as Shared;
use model::{FILTER_FIELDS, KeyScope};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use tokio::time::Instant;
use web::{
    ErrorResponse, Method, Operation, Parameter, ParameterLocation, Params, Problem, Read, SuccessResponse, filters,
    invalid_parameter, schema_of,
};

use crate::operation_parts::FILTER_ERRORS;
use crate::search::MAX_SEARCH_TIME;
use crate::search_metrics::SearchMetrics;
use crate::{State, examples};

pub(crate) static LIST_FACETS: Operation = Operation {
    method: Method::Get,
    path: "/v1/facets",
    id: "listFacets",
    summary: "List the values of a field",
    description: "Returns the values with the number of matching events of each, most frequent first. Use it for \
        suggestions in a filter.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        &[
            Parameter {
                location: ParameterLocation::RequiredQuery,
                ..Parameter::query("field", "The field.", field_schema, r#""project""#)
            },
            Parameter::query(
                "prefix",
                "Returns only values with this prefix, regardless of case.",
                web::text_schema,
                r#""we""#,
            ),
            Parameter::query("limit", "Maximum number of values.", limit_schema, "20"),
        ],
        filters::PARAMETERS,
    ),
    responses: &[SuccessResponse::json(200, "The values.", schema_of::<Facets>, &[("projects", examples::FACETS)])],
    errors: &[FILTER_ERRORS[0], ErrorResponse { description: "`field` is missing.", example: missing_field }],
    ..Operation::DEFAULT
};

/// Maximum number of values of a response.
const MAX_FACET_VALUES: usize = 1000;

/// Number of values of a response without a `limit`.
const DEFAULT_FACET_VALUES: usize = 20;

/// The values of a field.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Facets {
    /// The field.
    field: String,
    /// The field's values, most frequent first.
    values: Vec<Facet>,
    /// Number of different values, including those beyond `limit`.
    different: usize,
    /// True if the time ended before every event was examined. Omitted if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

/// One value of a field.
#[derive(Debug, Serialize, JsonSchema)]
struct Facet {
    /// The value.
    value: String,
    /// Number of events with the value.
    count: u64,
}

/// `GET /v1/facets`.
pub(crate) async fn list_facets(
    Shared(state): Shared<State>,
    _: Read,
    params: Params,
) -> Result<Json<Facets>, Problem> {
    let name = params.choice("field", &field_names())?.ok_or_else(missing_field)?;
    let field = FILTER_FIELDS.iter().find(|field| field.name == name).ok_or_else(missing_field)?.field;
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_FACET_VALUES).contains(limit));
    let limit = params.parse("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_FACET_VALUES);
    let prefix = params.get("prefix").unwrap_or_default().to_lowercase();
    let deadline = Some(Instant::now() + MAX_SEARCH_TIME);
    let metrics = SearchMetrics::start("facets");
    let found = state.log.values(field, &filters::parse(&params)?, deadline).await?;
    metrics.emit("", found.counts.len(), found.units, found.partial);
    let has_prefix = |value: &String| value.to_lowercase().starts_with(&prefix);
    let values = found.counts.into_iter().filter(|(value, _)| has_prefix(value));
    let mut values: Vec<Facet> = values.map(|(value, count)| Facet { value, count }).collect();
    values.sort_unstable_by(|a, b| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value)));
    let different = values.len();
    values.truncate(limit);
    Ok(Json(Facets { field: name.to_owned(), values, different, partial: found.partial }))
}

/// Returns the names of the fields whose values can be listed.
fn field_names() -> Vec<&'static str> {
    FILTER_FIELDS.iter().filter(|field| field.has_facet).map(|field| field.name).collect()
}

/// The problem of a request without a field.
fn missing_field() -> Problem {
    invalid_parameter("field", &format!("is missing: use one of {}", field_names().join(", ")))
}

fn field_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": field_names() })
}

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_FACET_VALUES, "default": DEFAULT_FACET_VALUES })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_form_of_the_web_ui_has_every_filter_field() {
        let form = include_str!("../ui/js/components/filter-form.js");
        for field in FILTER_FIELDS {
            let name = field.name;
            assert!(form.contains(&format!("'{name}'")) || form.contains(&format!("\n  {name}: ")), "{name}");
        }
    }
}
