//! `/v1/sources`: registered producers.

mod operations;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use model::{AuditEvent, Record, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::WriteOutcome;
use web::{JsonBody, Manage, Problem};

use crate::State;
use crate::patch_field::PatchField;
use crate::validation::{self, Violations, not_found};

pub(crate) use operations::register_routes;

/// Request to create a source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// Unique name of the source.
    #[schemars(regex(pattern = validation::NAME_PATTERN))]
    name: String,
    /// Catalog that validates the events of the source.
    #[schemars(extend("enum" = catalogs()))]
    catalog: String,
    /// Description for people.
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    description: Option<String>,
}

/// Changes of a source. Omitted fields keep their values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceChange {
    /// Catalog that validates new events of the source. Stored events do not change.
    #[schemars(extend("enum" = catalogs()))]
    catalog: Option<String>,
    /// Description for people; null removes it.
    #[serde(default)]
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    description: PatchField<String>,
}

/// Maximum characters of a description.
const MAX_DESCRIPTION_CHARS: usize = 1000;

/// The list of all sources.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SourceList {
    /// The sources, sorted by name.
    sources: Vec<Source>,
}

/// Returns the names of the catalogs that sources can have. Only Tidings writes events of its own catalog.
fn catalogs() -> Vec<&'static str> {
    events::catalogs().map(events::Catalog::name).filter(|name| !Source::is_reserved_name(name)).collect()
}

/// `POST /v1/sources`.
pub(crate) async fn create_source(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    JsonBody(new): JsonBody<NewSource>,
) -> Result<(StatusCode, Json<Source>), Problem> {
    let mut violations = Violations::default();
    violations.check_name(&new.name);
    if Source::is_reserved_name(&new.name) {
        violations.add("name", "not", "expected another name: Tidings' own events have this source");
    }
    let NewSource { name, catalog, description } = new;
    let source = Source { name, catalog, description, created_at: (state.clock)() };
    check(&source, &mut violations);
    violations.into_result()?;
    let change = state.config.create_write(&source)?;
    let entry = AuditEvent {
        event_type: "source-created",
        actor: &caller.key,
        subject: &source.name,
        data: json!(source),
        previous: Value::Null,
    };
    match state.events.write_audited(&entry, vec![change]).await? {
        WriteOutcome::Done(_) => Ok((StatusCode::CREATED, Json(source))),
        WriteOutcome::ConditionFailed(_) => {
            Err(store::Error::Exists(format!("{}/{}", Source::KIND, source.name)).into())
        }
    }
}

fn check(source: &Source, violations: &mut Violations) {
    if !catalogs().contains(&source.catalog.as_str()) {
        violations.add("catalog", "enum", format!("expected one of {}", catalogs().join(", ")));
    }
    if source.description.as_ref().is_some_and(|words| words.chars().count() > MAX_DESCRIPTION_CHARS) {
        violations.add("description", "maxLength", format!("expected at most {MAX_DESCRIPTION_CHARS} characters"));
    }
}

/// `GET /v1/sources`.
pub(crate) async fn list_sources(Shared(state): Shared<State>, _: Manage) -> Result<Json<SourceList>, Problem> {
    Ok(Json(SourceList { sources: state.config.list().await? }))
}

/// `GET /v1/sources/{name}`.
pub(crate) async fn read_source(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<Source>, Problem> {
    Ok(Json(get(&state, &name).await?))
}

/// `PATCH /v1/sources/{name}`. The change takes effect within 30 s.
pub(crate) async fn change_source(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    JsonBody(change): JsonBody<SourceChange>,
) -> Result<Json<Source>, Problem> {
    let before = get(&state, &name).await?;
    let mut source = before.clone();
    source.catalog = change.catalog.unwrap_or(source.catalog);
    source.description = change.description.into(source.description);
    let mut violations = Violations::default();
    check(&source, &mut violations);
    violations.into_result()?;
    if source == before {
        return Ok(Json(source));
    }
    let entry = AuditEvent {
        event_type: "source-modified",
        actor: &caller.key,
        subject: &name,
        data: json!(source),
        previous: json!(before),
    };
    let write = state.config.replace_write(&source, before.created_at)?;
    match state.events.write_audited(&entry, vec![write]).await? {
        WriteOutcome::Done(_) => Ok(Json(source)),
        WriteOutcome::ConditionFailed(_) => Err(not_found(Source::KIND, &name)),
    }
}

async fn get(state: &State, name: &str) -> Result<Source, Problem> {
    state.config.get::<Source>(name).await?.ok_or_else(|| not_found(Source::KIND, name))
}

/// `DELETE /v1/sources/{name}`. The keys of the source stop working; its events are kept.
pub(crate) async fn remove_source(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let source = get(&state, &name).await?;
    let change = state.config.remove_write::<Source>(&name, true)?;
    let entry = AuditEvent {
        event_type: "source-removed",
        actor: &caller.key,
        subject: &name,
        data: Value::Null,
        previous: json!(source),
    };
    match state.events.write_audited(&entry, vec![change]).await? {
        WriteOutcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        WriteOutcome::ConditionFailed(_) => Err(not_found(Source::KIND, &name)),
    }
}
