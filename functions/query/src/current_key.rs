//! `GET /v1/key`: the calling key.

use axum::Json;
use model::KeyScope;
use schemars::JsonSchema;
use serde::Serialize;
use web::{AnyKey, Method, Operation, SuccessResponse, schema_of};

pub(crate) static READ_OWN_KEY: Operation = Operation {
    method: Method::Get,
    path: "/v1/key",
    id: "readOwnKey",
    summary: "Get the current key",
    description: "Returns the key that the request is authenticated with. Keys of every scope may call this operation.",
    scope: Some(KeyScope::Read),
    other_scopes: &[KeyScope::Ingest, KeyScope::Manage],
    responses: &[SuccessResponse::json(
        200,
        "The key.",
        schema_of::<OwnKey>,
        &[("a read key", r#"{"name": "auditor", "scope": "read"}"#)],
    )],
    ..Operation::DEFAULT
};

/// The key of the request.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OwnKey {
    /// The key's name.
    name: String,
    /// The key's permission.
    scope: KeyScope,
    /// The source that an ingest key sends events for.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// `GET /v1/key`.
pub(crate) async fn read_own_key(AnyKey(caller): AnyKey) -> Json<OwnKey> {
    Json(OwnKey { name: caller.key, scope: caller.scope, source: caller.source })
}
