//! `/v1/sources`: the registered producers.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Changed, Entry, Record, Source};
use web::{JsonBody, Manage, Problem};

use crate::State;
use crate::name::{self, Violations, unknown};

/// What a source is created from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// Its name, which no other source has.
    #[schemars(regex(pattern = name::PATTERN))]
    name: String,
    /// The catalog that reads its events.
    #[schemars(extend("enum" = catalogs()))]
    catalog: String,
}

/// Every source.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SourceList {
    /// By name.
    sources: Vec<Source>,
}

/// The names of the catalogs that this version has.
fn catalogs() -> Vec<&'static str> {
    events::catalogs().map(events::Catalog::name).collect()
}

/// `POST /v1/sources`.
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    JsonBody(new): JsonBody<NewSource>,
) -> Result<(StatusCode, Json<Source>), Problem> {
    let mut violations = Violations::default();
    violations.check_name(&new.name);
    if events::catalog(&new.catalog).is_none() {
        violations.add("catalog", "enum", format!("expected one of {}", catalogs().join(", ")));
    }
    violations.into_result()?;
    let source = Source { name: new.name, catalog: new.catalog, created_at: (state.clock)() };
    let change = state.config.creating(&source)?;
    let entry = Entry {
        event_type: "source-created",
        actor: &caller.key,
        subject: &source.name,
        data: json!(source),
        previous: Value::Null,
    };
    match state.events.change(&entry, vec![change]).await? {
        Changed::Done(_) => Ok((StatusCode::CREATED, Json(source))),
        Changed::Refused(_) => Err(store::Error::Exists(format!("{}/{}", Source::KIND, source.name)).into()),
    }
}

/// `GET /v1/sources`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Manage) -> Result<Json<SourceList>, Problem> {
    Ok(Json(SourceList { sources: state.config.list().await? }))
}

/// `DELETE /v1/sources/{name}`: its keys stop working, its events stay.
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let source = state.config.get::<Source>(&name).await?.ok_or_else(|| unknown(Source::KIND, &name))?;
    let change = state.config.removing::<Source>(&name, true)?;
    let entry = Entry {
        event_type: "source-removed",
        actor: &caller.key,
        subject: &name,
        data: Value::Null,
        previous: json!(source),
    };
    match state.events.change(&entry, vec![change]).await? {
        Changed::Done(_) => Ok(StatusCode::NO_CONTENT),
        Changed::Refused(_) => Err(unknown(Source::KIND, &name)),
    }
}
