//! The operations on API keys.

use model::{Key, Record};
use web::{Content, ErrorResponse, Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use super::{CreatedKey, KeyChange, KeyList, KeyView, NewKey, change_key, create_key, list_keys, read_key, remove_key};
use crate::operation_parts::{MANAGE_OPERATION, REMOVED, change_errors, creation_errors, exists, invalid_field};
use crate::validation::not_found;
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&CREATE_KEY, create_key)
        .with(&LIST_KEYS, list_keys)
        .with(&READ_KEY, read_key)
        .with(&CHANGE_KEY, change_key)
        .with(&REMOVE_KEY, remove_key)
}

static CREATE_KEY: Operation = Operation {
    method: Method::Post,
    path: "/v1/keys",
    id: "createKey",
    summary: "Create a key",
    description: "The response contains the token. The token is not stored and cannot be shown again. An ingest key has a \
        `source`; other keys must not have one. A key with `expires_at` stops working at that time.",
    body: &[Content::json(
        schema_of::<NewKey>,
        &[("ingest", examples::NEW_INGEST_KEY), ("read", examples::NEW_READ_KEY)],
    )],
    responses: &[SuccessResponse::json(201, "Created.", schema_of::<CreatedKey>, &[("ingest", examples::CREATED_KEY)])],
    errors: &creation_errors(
        || exists(Key::KIND, "unleash-prod"),
        || invalid_field("source", "required", "expected the source that the key posts for"),
    ),
    ..MANAGE_OPERATION
};

static LIST_KEYS: Operation = Operation {
    path: "/v1/keys",
    id: "listKeys",
    summary: "List keys",
    description: "The tokens are not returned, because they are not stored.",
    responses: &[SuccessResponse::json(200, "Every key.", schema_of::<KeyList>, &[("keys", examples::KEYS)])],
    ..MANAGE_OPERATION
};

static READ_KEY: Operation = Operation {
    path: "/v1/keys/{name}",
    id: "readKey",
    summary: "Get a key",
    description: "The token is not returned, because it is not stored.",
    parameters: &[KEY_NAME],
    responses: &[SuccessResponse::json(200, "The key.", schema_of::<KeyView>, &[("key", examples::KEY)])],
    errors: &[KEY_NOT_FOUND],
    ..MANAGE_OPERATION
};

static CHANGE_KEY: Operation = Operation {
    method: Method::Patch,
    path: "/v1/keys/{name}",
    id: "changeKey",
    summary: "Change the expiry of a key",
    description: "To replace a token, create a second key, and let the first key expire when all clients use the second one. \
        The change takes effect within 30 s. The permission of a key cannot be changed.",
    parameters: &[KEY_NAME],
    body: &[Content::json(schema_of::<KeyChange>, &[("end", examples::KEY_CHANGE)])],
    responses: &[SuccessResponse::json(200, "The changed resource.", schema_of::<KeyView>, &[("key", examples::KEY)])],
    errors: &change_errors(KEY_NOT_FOUND, || {
        invalid_field("expires_at", "minimum", "expected a time after now, 2026-05-01T09:10:05Z")
    }),
    ..MANAGE_OPERATION
};

static REMOVE_KEY: Operation = Operation {
    method: Method::Delete,
    path: "/v1/keys/{name}",
    id: "removeKey",
    summary: "Remove a key",
    description: "The key stops working within 30 s.",
    parameters: &[KEY_NAME],
    responses: &[REMOVED],
    errors: &[KEY_NOT_FOUND],
    ..MANAGE_OPERATION
};

const KEY_NAME: Parameter = Parameter::path("name", "The key's name.", web::text_schema, r#""unleash-prod""#);

const KEY_NOT_FOUND: ErrorResponse =
    ErrorResponse { description: "The key does not exist.", example: || not_found(Key::KIND, "unleash-prod") };
