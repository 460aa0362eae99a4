//! The operations on sources.

use model::{Record, Source};
use web::{Content, Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use super::{
    NewSource, SourceChange, SourceList, change_source, create_source, list_sources, read_source, remove_source,
};
use crate::operation_parts::{
    MANAGE_OPERATION, REMOVED, SOURCE_NOT_FOUND, change_errors, creation_errors, exists, invalid_field,
};
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&CREATE_SOURCE, create_source)
        .with(&LIST_SOURCES, list_sources)
        .with(&READ_SOURCE, read_source)
        .with(&CHANGE_SOURCE, change_source)
        .with(&REMOVE_SOURCE, remove_source)
}

static CREATE_SOURCE: Operation = Operation {
    method: Method::Post,
    path: "/v1/sources",
    id: "createSource",
    summary: "Create a source",
    description: "A source is a producer with the catalog of its events. It sends events with its own ingest key.",
    body: &[Content::json(schema_of::<NewSource>, &[("source", examples::NEW_SOURCE)])],
    responses: &[SuccessResponse::json(201, "Created.", schema_of::<Source>, &[("source", examples::SOURCE)])],
    errors: &creation_errors(
        || exists(Source::KIND, "unleash-prod"),
        || invalid_field("catalog", "enum", "expected one of migration-manager, unleash"),
    ),
    ..MANAGE_OPERATION
};

static LIST_SOURCES: Operation = Operation {
    path: "/v1/sources",
    id: "listSources",
    summary: "List sources",
    responses: &[SuccessResponse::json(
        200,
        "Every source.",
        schema_of::<SourceList>,
        &[("one source", examples::SOURCES)],
    )],
    ..MANAGE_OPERATION
};

static READ_SOURCE: Operation = Operation {
    path: "/v1/sources/{name}",
    id: "readSource",
    summary: "Get a source",
    parameters: &[SOURCE_NAME],
    responses: &[SuccessResponse::json(200, "The source.", schema_of::<Source>, &[("source", examples::SOURCE)])],
    errors: &[SOURCE_NOT_FOUND],
    ..MANAGE_OPERATION
};

static CHANGE_SOURCE: Operation = Operation {
    method: Method::Patch,
    path: "/v1/sources/{name}",
    id: "changeSource",
    summary: "Change a source",
    description: "Omitted fields keep their values. A new catalog applies to new events within 30 s. Stored events do not \
        change.",
    parameters: &[SOURCE_NAME],
    body: &[Content::json(schema_of::<SourceChange>, &[("words", examples::SOURCE_CHANGE)])],
    responses: &[SuccessResponse::json(
        200,
        "The changed resource.",
        schema_of::<Source>,
        &[("source", examples::SOURCE)],
    )],
    errors: &change_errors(SOURCE_NOT_FOUND, || {
        invalid_field("catalog", "enum", "expected one of migration-manager, unleash")
    }),
    ..MANAGE_OPERATION
};

static REMOVE_SOURCE: Operation = Operation {
    method: Method::Delete,
    path: "/v1/sources/{name}",
    id: "removeSource",
    summary: "Remove a source",
    description: "The source's keys stop working within 30 s. Its events are kept.",
    parameters: &[SOURCE_NAME],
    responses: &[REMOVED],
    errors: &[SOURCE_NOT_FOUND],
    ..MANAGE_OPERATION
};

const SOURCE_NAME: Parameter = Parameter::path("name", "The source's name.", web::text_schema, r#""unleash-prod""#);
