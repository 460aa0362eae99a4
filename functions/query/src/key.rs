//! `GET /v1/key`: who one is.

use axum::Json;
use model::KeyScope;
use schemars::JsonSchema;
use serde::Serialize;
use web::AnyKey;

/// The key that asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OwnKey {
    /// Its name.
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// The source that an ingest key posts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// `GET /v1/key`.
pub(crate) async fn read(AnyKey(caller): AnyKey) -> Json<OwnKey> {
    Json(OwnKey { name: caller.key, scope: caller.scope, source: caller.source })
}
