//! `/v1/keys`: who may post, read and manage.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Key, KeyScope, Record, Source};
use web::{JsonBody, Kind, Manage, Problem, token};

use crate::State;
use crate::name::{self, Violations, unknown};

/// What a key is created from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Its name, which no other key has.
    #[schemars(regex(pattern = name::PATTERN))]
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// The source that an ingest key posts for: it needs one, and no other key has one.
    source: Option<String>,
}

/// A key without its token.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub(crate) struct KeyView {
    /// Its name.
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// The source that an ingest key posts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// When it was created.
    created_at: Timestamp,
}

/// A key with its token.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CreatedKey {
    #[serde(flatten)]
    key: KeyView,
    /// Shown here and never again.
    token: String,
}

/// Every key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyList {
    /// By name.
    keys: Vec<KeyView>,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self { name: key.name, scope: key.scope, source: key.source, created_at: key.created_at }
    }
}

/// `POST /v1/keys`.
pub(crate) async fn create(
    Shared(state): Shared<State>,
    _: Manage,
    JsonBody(new): JsonBody<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let mut violations = Violations::default();
    violations.check_name(&new.name);
    match (new.scope, &new.source) {
        (KeyScope::Ingest, None) => violations.add("source", "required", "expected the source that the key posts for"),
        (KeyScope::Ingest, Some(source)) => {
            if state.config.get::<Source>(source).await?.is_none() {
                violations.add("source", "enum", "expected the name of a source: create it first");
            }
        }
        (_, Some(_)) => violations.add("source", "not", "only an ingest key is bound to a source: leave it out"),
        (_, None) => {}
    }
    violations.into_result()?;
    let token = token::generate().map_err(|error| {
        tracing::error!(%error, "no randomness for a token");
        Problem::new(Kind::Unavailable, "No token could be made")
    })?;
    let key = Key {
        name: new.name,
        scope: new.scope,
        source: new.source,
        sha256: token::sha256(&token),
        created_at: (state.clock)(),
    };
    state.config.create(&key).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key: key.into(), token })))
}

/// `GET /v1/keys`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Manage) -> Result<Json<KeyList>, Problem> {
    let keys: Vec<Key> = state.config.list().await?;
    Ok(Json(KeyList { keys: keys.into_iter().map(KeyView::from).collect() }))
}

/// `DELETE /v1/keys/{name}`: it stops working within 30 s.
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let removed = state.config.remove::<Key>(&name).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(unknown(Key::KIND, &name)) }
}
