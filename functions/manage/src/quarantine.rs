//! `/v1/quarantine`: what was refused, and why.

use axum::Json;
use axum::extract::{Path, RawQuery, State as Shared};
use events::Violation;
use jiff::Timestamp;
use serde::Serialize;
use store::{Quarantined, Record, Source};
use web::{Kind, Manage, Params, Problem};

use crate::State;
use crate::name::unknown;

/// One refused event.
#[derive(Debug, Serialize)]
pub(crate) struct QuarantineView {
    id: String,
    source: String,
    received_at: Timestamp,
    r#type: Option<String>,
    violations: Vec<Violation>,
    /// The bytes that were sent, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// What one source sent, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct QuarantineList {
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
    let params = Params::read(query, &["source", "before"])?;
    let source = params.get("source").ok_or_else(|| {
        Problem::new(Kind::BadRequest, "The parameter `source` is missing: say whose events to list")
            .with("parameter", "source")
    })?;
    let page = state.quarantine.list(source, params.get("before"), PAGE).await?;
    if page.is_empty() && state.config.get::<Source>(source).await?.is_none() {
        return Err(unknown(Source::KIND, source));
    }
    let full = i32::try_from(page.len()).is_ok_and(|len| len == PAGE);
    let next = page.last().filter(|_| full).map(|last| last.id.clone());
    Ok(Json(QuarantineList { quarantined: page.into_iter().map(QuarantineView::from).collect(), next }))
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
