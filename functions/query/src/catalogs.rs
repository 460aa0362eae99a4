//! `GET /v1/catalogs` and `GET /v1/schemas/{catalog}/{type}`: what can be sent.

use axum::Json;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use events::Catalog;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use web::{Caching, Problem, ProblemType, Read, cached_response, quoted};

/// The name under which a catalog's base schema stands beside its types.
const BASE: &str = "base";

/// What can be sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Catalogs")]
pub(crate) struct List {
    /// One for each family of event types.
    catalogs: Vec<View>,
}

/// A family of event types.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Catalog")]
struct View {
    /// Its name, as sources give it.
    name: &'static str,
    /// Its name for people.
    title: &'static str,
    /// What sends these events.
    description: &'static str,
    /// Where the schema of what all its events have in common stands.
    schema: String,
    /// The types that have a schema. An event of another type is kept if it fits the common schema.
    types: Vec<Type>,
}

/// A type of event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventType")]
struct Type {
    /// Its name.
    name: &'static str,
    /// The same, as a person would say it.
    label: &'static str,
    /// What such an event means.
    description: &'static str,
    /// The schema's version: `sv` of the events that it accepted.
    version: u32,
    /// Where its schema stands.
    schema: String,
}

/// `GET /v1/catalogs`.
pub(crate) async fn list(_: Read, headers: HeaderMap) -> Response {
    let catalogs = events::catalogs().map(view).collect();
    cached_response(&headers, Caching::Private, Json(List { catalogs }))
}

fn view(catalog: &'static Catalog) -> View {
    let path = |name: &str| format!("/v1/schemas/{}/{name}", catalog.name());
    let types = catalog.types().map(|known| Type {
        name: known.name,
        label: known.label,
        description: known.description,
        version: known.version,
        schema: path(known.name),
    });
    View {
        name: catalog.name(),
        title: catalog.title(),
        description: catalog.description(),
        schema: path(BASE),
        types: types.collect(),
    }
}

/// `GET /v1/schemas/{catalog}/{type}`.
pub(crate) async fn schema(
    _: Read,
    Path((catalog, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = events::catalog(&catalog).ok_or_else(|| no_schema(&catalog, &name))?;
    let (schema, examples) = match known.event_type(&name) {
        Some(known) => (known.schema, known.examples),
        None if name == BASE => (known.base_schema(), &[][..]),
        None => return Err(no_schema(&catalog, &name)),
    };
    // The generator wrote both as JSON.
    let mut schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let examples: Vec<Value> = examples.iter().filter_map(|example| serde_json::from_str(example).ok()).collect();
    if !examples.is_empty() {
        schema["examples"] = json!(examples);
    }
    Ok(cached_response(&headers, Caching::Private, Json(schema)))
}

/// The problem of a schema that there is not.
pub(crate) fn no_schema(catalog: &str, name: &str) -> Problem {
    let (catalog, name) = (quoted(catalog), quoted(name));
    Problem::new(ProblemType::NotFound, format!("There is no schema {catalog}/{name}: see /v1/catalogs"))
}
