//! `/v1/quarantine`: what was refused, and why.

use axum::Json;
use axum::extract::{Path, RawQuery, State as Shared};
use events::Violation;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Quarantined, Record, Source};
use web::{Kind, Manage, Params, Problem};

use crate::State;
use crate::api::LIST_QUARANTINE;
use crate::name::unknown;

/// One refused event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Quarantined")]
pub(crate) struct QuarantineView {
    /// Its id in the quarantine.
    id: String,
    /// The source that sent it.
    source: String,
    /// When it was received.
    received_at: Timestamp,
    /// The type it says it is, as far as that could be read.
    r#type: Option<String>,
    /// Everything that is wrong with it (the first 100).
    violations: Vec<Violation>,
    /// The bytes that were sent, as text; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// What one source sent, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct QuarantineList {
    /// Newest first.
    quarantined: Vec<QuarantineView>,
    /// `before` of the next page; null on the last.
    next: Option<String>,
}

impl From<Quarantined> for QuarantineView {
    fn from(quarantined: Quarantined) -> Self {
        Self {
            id: quarantined.id,
            source: quarantined.source,
            received_at: quarantined.received_at,
            r#type: quarantined.event_type,
            violations: quarantined.violations,
            body: None,
        }
    }
}

/// `GET /v1/quarantine?source=…`.
pub(crate) async fn list(
    Shared(state): Shared<State>,
    _: Manage,
    query: RawQuery,
) -> Result<Json<QuarantineList>, Problem> {
    const PAGE: i32 = 50;
    let params = Params::read(query, LIST_QUARANTINE.parameters)?;
    let source = params.get("source").ok_or_else(no_source)?;
    let before = params.parsed("before", "`next` of the page before", |id| (id.len() <= 64).then(|| id.to_owned()))?;
    let page = state.quarantine.list(source, before.as_deref(), PAGE).await?;
    if page.is_empty() && state.config.get::<Source>(source).await?.is_none() {
        return Err(unknown(Source::KIND, source));
    }
    let full = i32::try_from(page.len()).is_ok_and(|len| len == PAGE);
    let next = page.last().filter(|_| full).map(|last| last.id.clone());
    Ok(Json(QuarantineList { quarantined: page.into_iter().map(QuarantineView::from).collect(), next }))
}

/// The problem of a list that is of nobody.
pub(crate) fn no_source() -> Problem {
    Problem::new(Kind::BadRequest, "The parameter `source` is missing: say whose events to list")
        .with("parameter", "source")
}

/// `GET /v1/quarantine/{source}/{id}`: with the body.
pub(crate) async fn read(
    Shared(state): Shared<State>,
    _: Manage,
    Path((source, id)): Path<(String, String)>,
) -> Result<Json<QuarantineView>, Problem> {
    let quarantined = state.quarantine.get(&source, &id).await?.ok_or_else(|| unknown("quarantined events", &id))?;
    let body = Some(String::from_utf8_lossy(&quarantined.body).into_owned());
    Ok(Json(QuarantineView { body, ..quarantined.into() }))
}
