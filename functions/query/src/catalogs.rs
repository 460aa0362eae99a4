//! `GET /v1/catalogs` and `GET /v1/schemas/{catalog}/{type}`: the event types with their schemas.

use axum::Json;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use events::Catalog;
use model::KeyScope;
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use web::{
    Caching, Content, ErrorResponse, Method, Operation, Parameter, Problem, ProblemType, Read, SuccessResponse,
    cached_response, quoted, schema_of,
};

use crate::examples;
use crate::operation_parts::NOT_MODIFIED;

pub(crate) static LIST_CATALOGS: Operation = Operation {
    method: Method::Get,
    path: "/v1/catalogs",
    id: "listCatalogs",
    summary: "List catalogs and their event types",
    description: "Returns every catalog with its event types. The response has an `ETag`.",
    scope: Some(KeyScope::Read),
    responses: &[
        SuccessResponse::json(200, "The catalogs.", schema_of::<CatalogList>, &[("one catalog", examples::CATALOGS)]),
        NOT_MODIFIED,
    ],
    ..Operation::DEFAULT
};

pub(crate) static READ_SCHEMA: Operation = Operation {
    method: Method::Get,
    path: "/v1/schemas/{catalog}/{type}",
    id: "readSchema",
    summary: "Get the schema of an event type",
    description: "Returns a self-contained JSON Schema of the whole event, with examples. The type `base` represents \
        the common schema of all events of the catalog. The response has an `ETag`.",
    scope: Some(KeyScope::Read),
    parameters: &[
        Parameter::path("catalog", "The catalog.", schema_of::<String>, r#""unleash""#),
        Parameter::path("type", "The type, or `base`.", schema_of::<String>, r#""feature-tagged""#),
    ],
    responses: &[
        SuccessResponse::with(
            200,
            "The schema.",
            Content {
                media_type: "application/json",
                schema: |_| json_schema!({ "type": "object" }),
                examples: &[("schema", examples::SCHEMA)],
            },
        ),
        NOT_MODIFIED,
    ],
    errors: &[ErrorResponse {
        description: "The catalog or the type does not exist.",
        example: || schema_not_found("unleash", "feature-painted"),
    }],
    ..Operation::DEFAULT
};

/// The type name that represents a catalog's base schema.
const BASE: &str = "base";

/// The catalogs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Catalogs")]
pub(crate) struct CatalogList {
    /// The catalogs.
    catalogs: Vec<CatalogView>,
}

/// A catalog: a family of event types.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Catalog")]
struct CatalogView {
    /// The catalog's name, as in a source's `catalog`.
    name: &'static str,
    /// Human-readable name of the catalog.
    title: &'static str,
    /// Description of the events and their producer.
    description: &'static str,
    /// Path of the common schema of all events of the catalog.
    schema: String,
    /// The types that have a schema. An event of another type is stored if it matches the common schema.
    types: Vec<TypeView>,
}

/// An event type.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventType")]
struct TypeView {
    /// The type's name.
    name: &'static str,
    /// Human-readable name of the type.
    label: &'static str,
    /// Meaning of the event.
    description: &'static str,
    /// Version of the schema: `sv` of the events that it accepts.
    version: u32,
    /// Path of the schema.
    schema: String,
}

/// `GET /v1/catalogs`.
pub(crate) async fn list_catalogs(_: Read, headers: HeaderMap) -> Response {
    let catalogs = events::catalogs().map(catalog_view).collect();
    cached_response(&headers, Caching::Private, Json(CatalogList { catalogs }))
}

fn catalog_view(catalog: &'static Catalog) -> CatalogView {
    let path = |name: &str| format!("/v1/schemas/{}/{name}", catalog.name());
    let types = catalog.types().map(|known| TypeView {
        name: known.name,
        label: known.label,
        description: known.description,
        version: known.version,
        schema: path(known.name),
    });
    CatalogView {
        name: catalog.name(),
        title: catalog.title(),
        description: catalog.description(),
        schema: path(BASE),
        types: types.collect(),
    }
}

/// `GET /v1/schemas/{catalog}/{type}`.
pub(crate) async fn read_schema(
    _: Read,
    Path((catalog, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = events::catalog(&catalog).ok_or_else(|| schema_not_found(&catalog, &name))?;
    let (schema, examples) = match known.event_type(&name) {
        Some(known) => (known.schema, known.examples),
        None if name == BASE => (known.base_schema(), &[][..]),
        None => return Err(schema_not_found(&catalog, &name)),
    };
    // codegen writes both as valid JSON.
    let mut schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let examples: Vec<Value> = examples.iter().filter_map(|example| serde_json::from_str(example).ok()).collect();
    if !examples.is_empty() {
        schema["examples"] = json!(examples);
    }
    Ok(cached_response(&headers, Caching::Private, Json(schema)))
}

/// The problem of an unknown catalog or type.
pub(crate) fn schema_not_found(catalog: &str, name: &str) -> Problem {
    let (catalog, name) = (quoted(catalog), quoted(name));
    Problem::new(
        ProblemType::NotFound,
        format!("schema {catalog}/{name} does not exist: GET /v1/catalogs lists the schemas"),
    )
}
