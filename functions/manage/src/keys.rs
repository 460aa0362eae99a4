//! `/v1/keys`: API keys.

mod operations;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{AuditEvent, Key, KeyScope, KeyUse, Record, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::WriteOutcome;
use web::{JsonBody, Manage, Problem, ProblemType, token};

use crate::State;
use crate::patch_field::PatchField;
use crate::validation::{self, Violations, not_found};

pub(crate) use operations::register_routes;

/// Request to create a key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Unique name of the key.
    #[schemars(regex(pattern = validation::NAME_PATTERN))]
    name: String,
    /// Permission of the key.
    scope: KeyScope,
    /// Source whose events an ingest key posts. Required for ingest keys, and only allowed for them.
    source: Option<String>,
    /// Time at which the key expires. A key without it never expires.
    expires_at: Option<Timestamp>,
}

/// Changes of a key. Omitted fields keep their values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyChange {
    /// Time at which the key expires; null for a key that never expires.
    #[serde(default)]
    expires_at: PatchField<Timestamp>,
}

/// A key without its token.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub(crate) struct KeyView {
    /// Name of the key.
    name: String,
    /// Permission of the key.
    scope: KeyScope,
    /// Source whose events an ingest key posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Time at which the key was created.
    created_at: Timestamp,
    /// Time at which the key expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Last day, in UTC, on which the key was used; null if it was never used.
    last_used: Option<Date>,
}

/// A key with its token.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CreatedKey {
    #[serde(flatten)]
    key: KeyView,
    /// Token of the key. Only this response contains it.
    token: String,
}

/// The list of all API keys.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyList {
    /// The keys, sorted by name.
    keys: Vec<KeyView>,
}

impl KeyView {
    fn new(key: Key, uses: &[KeyUse]) -> Self {
        let created = key.created_at.to_zoned(TimeZone::UTC).date();
        // An earlier use belongs to a removed key of the same name.
        let used = uses.iter().find(|used| used.name == key.name && used.day >= created);
        let Key { name, scope, source, created_at, expires_at, .. } = key;
        Self { name, scope, source, created_at, expires_at, last_used: used.map(|used| used.day) }
    }
}

/// `POST /v1/keys`.
pub(crate) async fn create_key(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    JsonBody(new): JsonBody<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let mut violations = Violations::default();
    violations.check_name(&new.name);
    if Key::is_reserved_name(&new.name) {
        violations.add("name", "not", "expected another name: audit events name this actor, which is not a key");
    }
    let mut source_created_at = None;
    match (new.scope, &new.source) {
        (KeyScope::Ingest, None) => violations.add("source", "required", "expected the source that the key posts for"),
        (KeyScope::Ingest, Some(source)) => {
            source_created_at = state.config.get::<Source>(source).await?.map(|source| source.created_at);
            if Source::is_reserved_name(source) {
                violations.add("source", "not", "expected another source: only Tidings writes its own events");
            } else if source_created_at.is_none() {
                violations.add("source", "enum", "expected the name of a source: create it first");
            }
        }
        (_, Some(_)) => violations.add("source", "not", "only an ingest key is bound to a source: leave it out"),
        (_, None) => {}
    }
    let now = (state.clock)();
    check_expiry(new.expires_at, now, &mut violations);
    violations.into_result()?;
    let token = token::generate().map_err(|error| {
        tracing::error!(%error, "failed to generate a token: the system has no randomness");
        Problem::new(ProblemType::Unavailable, "failed to generate a token: repeat the request")
    })?;
    let key = Key {
        name: new.name,
        scope: new.scope,
        source: new.source,
        source_created_at,
        sha256: token::sha256(&token),
        created_at: now,
        expires_at: new.expires_at,
    };
    let change = state.config.create_write(&key)?;
    let key = KeyView::new(key, &[]);
    let entry = AuditEvent {
        event_type: "key-created",
        actor: &caller.key,
        subject: &key.name,
        data: json!(key),
        previous: Value::Null,
    };
    match state.events.write_audited(&entry, vec![change]).await? {
        WriteOutcome::Done(_) => Ok((StatusCode::CREATED, Json(CreatedKey { key, token }))),
        WriteOutcome::ConditionFailed(_) => Err(store::Error::Exists(format!("{}/{}", Key::KIND, key.name)).into()),
    }
}

fn check_expiry(end: Option<Timestamp>, now: Timestamp, violations: &mut Violations) {
    if end.is_some_and(|end| end <= now) {
        violations.add("expires_at", "minimum", format!("expected a time after now, {now}"));
    }
}

/// `GET /v1/keys`.
pub(crate) async fn list_keys(Shared(state): Shared<State>, _: Manage) -> Result<Json<KeyList>, Problem> {
    let (keys, uses) = futures::try_join!(state.config.list::<Key>(), state.config.list::<KeyUse>())?;
    Ok(Json(KeyList { keys: keys.into_iter().map(|key| KeyView::new(key, &uses)).collect() }))
}

/// `GET /v1/keys/{name}`.
pub(crate) async fn read_key(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    let key = get(&state, &name).await?;
    Ok(Json(view(&state, key).await?))
}

/// `PATCH /v1/keys/{name}`. The change takes effect within 30 s.
pub(crate) async fn change_key(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    JsonBody(change): JsonBody<KeyChange>,
) -> Result<Json<KeyView>, Problem> {
    let before = get(&state, &name).await?;
    let key = Key { expires_at: change.expires_at.into(before.expires_at), ..before.clone() };
    if key == before {
        return Ok(Json(view(&state, key).await?));
    }
    let mut violations = Violations::default();
    check_expiry(key.expires_at, (state.clock)(), &mut violations);
    violations.into_result()?;
    let entry = AuditEvent {
        event_type: "key-modified",
        actor: &caller.key,
        subject: &name,
        data: json!(KeyView::new(key.clone(), &[])),
        previous: json!(KeyView::new(before.clone(), &[])),
    };
    let write = state.config.replace_write(&key, before.created_at)?;
    match state.events.write_audited(&entry, vec![write]).await? {
        WriteOutcome::Done(_) => Ok(Json(view(&state, key).await?)),
        WriteOutcome::ConditionFailed(_) => Err(not_found(Key::KIND, &name)),
    }
}

async fn get(state: &State, name: &str) -> Result<Key, Problem> {
    state.config.get::<Key>(name).await?.ok_or_else(|| not_found(Key::KIND, name))
}

/// Returns the view of a key with the day of its last use.
async fn view(state: &State, key: Key) -> Result<KeyView, Problem> {
    let used = state.config.get::<KeyUse>(&key.name).await?;
    Ok(KeyView::new(key, used.as_slice()))
}

/// `DELETE /v1/keys/{name}`. The key stops working within 30 s.
pub(crate) async fn remove_key(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let key = get(&state, &name).await?;
    let changes =
        vec![state.config.remove_write::<Key>(&name, true)?, state.config.remove_write::<KeyUse>(&name, false)?];
    let entry = AuditEvent {
        event_type: "key-removed",
        actor: &caller.key,
        subject: &name,
        data: Value::Null,
        previous: json!(KeyView::new(key, &[])),
    };
    match state.events.write_audited(&entry, changes).await? {
        WriteOutcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        WriteOutcome::ConditionFailed(_) => Err(not_found(Key::KIND, &name)),
    }
}
