//! `/v1/keys`: who may post, read and manage.

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

/// What a key is created from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Its name, which no other key has.
    #[schemars(regex(pattern = validation::PATTERN))]
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// The source that an ingest key posts for: it needs one, and no other key has one.
    source: Option<String>,
    /// When it stops working; never where this is left out.
    expires_at: Option<Timestamp>,
}

/// What is to change of a key; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyChange {
    /// When it stops working; never where this is null.
    #[serde(default)]
    expires_at: PatchField<Timestamp>,
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
    /// When it stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// The last day, in UTC, on which it was used; null where it never was.
    last_used: Option<Date>,
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

impl KeyView {
    fn new(key: Key, uses: &[KeyUse]) -> Self {
        let created = key.created_at.to_zoned(TimeZone::UTC).date();
        // An earlier use is that of a removed key of the same name.
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
    let now = (state.clock)();
    check_end(new.expires_at, now, &mut violations);
    violations.into_result()?;
    let token = token::generate().map_err(|error| {
        tracing::error!(%error, "no randomness for a token");
        Problem::new(ProblemType::Unavailable, "No token could be made")
    })?;
    let key = Key {
        name: new.name,
        scope: new.scope,
        source: new.source,
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

fn check_end(end: Option<Timestamp>, now: Timestamp, violations: &mut Violations) {
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

/// `PATCH /v1/keys/{name}`: heeded within 30 s.
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
    check_end(key.expires_at, (state.clock)(), &mut violations);
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

/// A key, with when it was used last.
async fn view(state: &State, key: Key) -> Result<KeyView, Problem> {
    let used = state.config.get::<KeyUse>(&key.name).await?;
    Ok(KeyView::new(key, used.as_slice()))
}

/// `DELETE /v1/keys/{name}`: it stops working within 30 s.
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
