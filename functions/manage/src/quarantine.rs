//! `/v1/quarantine`: rejected events and their violations.

mod operations;
mod reingest;

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use base64::Engine;
use events::{Attributes, Form, Violation};
use jiff::Timestamp;
use model::{AuditEvent, Record, Source};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use store::{QuarantineFilter, QuarantinedEvent, WriteOutcome};
use tokio::time::Instant;
use web::{Caller, Manage, Params, Problem, parse_time_range};

use crate::State;
use crate::validation::not_found;

pub(crate) use operations::register_routes;

/// Number of events of a page, if the request does not set it.
const DEFAULT_LIMIT: usize = 50;

/// Maximum number of events of a page.
pub(crate) const MAX_LIMIT: usize = 200;

/// Maximum duration of a request. It then returns its progress.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(20);

/// Maximum bytes of a body in a response. After two levels of JSON escapes, it must fit into the 6 MB of a Lambda
/// response.
const MAX_SHOWN_BODY_BYTES: usize = 1_400_000;

/// Name of the resource in the problem of an unknown id.
const QUARANTINE_KIND: &str = "quarantined events";

/// A quarantined event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Quarantined")]
pub(crate) struct QuarantineView {
    /// Id of the event in the quarantine.
    id: String,
    /// Source that sent the event.
    source: String,
    /// Time of receipt.
    received_at: Timestamp,
    /// Type of the event as sent, if it could be read.
    r#type: Option<String>,
    /// Violations of the event (the first 100).
    violations: Vec<Violation>,
    /// The request as it was sent. Lists omit it.
    #[serde(flatten)]
    sent: Option<QuarantinedRequest>,
}

/// A quarantined request as it was sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sent")]
pub(crate) struct QuarantinedRequest {
    /// Form of the body.
    form: Form,
    /// Event attributes that the request carried outside the body.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
    /// The body, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body in base64, if it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// True if only the first 1.4 MB are shown; omitted otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// A page of quarantined events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct QuarantineList {
    /// The events, newest first.
    quarantined: Vec<QuarantineView>,
    /// Value of `before` for the next page; null on the last page.
    next: Option<String>,
}

impl From<QuarantinedEvent> for QuarantineView {
    fn from(quarantined: QuarantinedEvent) -> Self {
        Self {
            id: quarantined.id,
            source: quarantined.source,
            received_at: quarantined.received_at,
            r#type: quarantined.event_type,
            violations: quarantined.violations,
            sent: None,
        }
    }
}

impl QuarantinedRequest {
    fn new(quarantined: &QuarantinedEvent) -> Self {
        let bytes = &quarantined.bytes;
        let truncated = bytes.len() > MAX_SHOWN_BODY_BYTES;
        let shown = &bytes[..bytes.len().min(MAX_SHOWN_BODY_BYTES)];
        let text = match std::str::from_utf8(shown) {
            Ok(text) => Some(text),
            // The limit is inside the last character.
            Err(error) if truncated && error.error_len().is_none() => {
                std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let base64 = || base64::engine::general_purpose::STANDARD.encode(shown);
        Self {
            form: quarantined.form,
            attributes: quarantined.attributes.clone(),
            body: text.map(str::to_owned),
            body_base64: text.is_none().then(base64),
            truncated,
        }
    }
}

/// Selection of quarantined events by a request.
pub(crate) struct Selection {
    /// Requested source.
    pub(crate) source: Option<String>,
    /// All registered sources.
    pub(crate) registered: Vec<Source>,
    pub(crate) filter: QuarantineFilter,
    pub(crate) limit: usize,
    /// Time at which the request must return.
    pub(crate) deadline: Instant,
}

impl Selection {
    /// Parses the filter parameters of the quarantine and loads the registered sources.
    pub(crate) async fn read(state: &State, params: &Params) -> Result<Self, Problem> {
        let text = |name| params.parse(name, "at most 1,024 bytes", |t| (t.len() <= 1024).then(|| t.to_owned()));
        let limit = |value: &str| value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let (from, until) = parse_time_range(params)?;
        let filter = QuarantineFilter {
            event_type: text("type")?,
            reason: text("reason")?,
            from,
            until,
            before: params.parse("before", "`next` of the page before", |id| is_id(id).then(|| id.to_owned()))?,
        };
        let limit = params.parse("limit", "a whole number from 1 to 200", limit)?.unwrap_or(DEFAULT_LIMIT);
        let source = params.get("source").map(str::to_owned);
        let registered = state.config.list().await?;
        Ok(Self { source, registered, filter, limit, deadline: Instant::now() + MAX_TIME })
    }

    /// Returns the selected sources: the requested one, or all registered ones.
    pub(crate) fn sources(&self) -> Vec<String> {
        match &self.source {
            Some(source) => vec![source.clone()],
            None => self.registered.iter().map(|source| source.name.clone()).collect(),
        }
    }

    /// Returns the requested source if it is not registered.
    pub(crate) fn unregistered(&self) -> Option<&str> {
        self.source.as_deref().filter(|name| self.registered.iter().all(|source| source.name != *name))
    }
}

/// Returns `true` if a text has the form of an id.
fn is_id(text: &str) -> bool {
    text.len() <= 64 && text.contains('~') && text.is_ascii()
}

/// `GET /v1/quarantine`.
pub(crate) async fn list_quarantine(
    Shared(state): Shared<State>,
    _: Manage,
    params: Params,
) -> Result<Json<QuarantineList>, Problem> {
    let selection = Selection::read(&state, &params).await?;
    let Selection { filter, limit, deadline, .. } = &selection;
    let page = state.quarantine.list(&selection.sources(), filter, *limit, *deadline).await?;
    // A removed source may still have quarantined events.
    if let (Some(name), true) = (selection.unregistered(), page.quarantined.is_empty()) {
        return Err(not_found(Source::KIND, name));
    }
    let quarantined = page.quarantined.into_iter().map(QuarantineView::from).collect();
    Ok(Json(QuarantineList { quarantined, next: page.next }))
}

/// `GET /v1/quarantine/{source}/{id}`: an event with its body.
pub(crate) async fn read_quarantined(
    Shared(state): Shared<State>,
    _: Manage,
    Path((source, id)): Path<(String, String)>,
) -> Result<Json<QuarantineView>, Problem> {
    let quarantined = state.quarantine.get(&source, &id).await?.ok_or_else(|| quarantined_not_found(&id))?;
    let sent = Some(QuarantinedRequest::new(&quarantined));
    Ok(Json(QuarantineView { sent, ..quarantined.into() }))
}

/// `DELETE /v1/quarantine/{source}/{id}`.
pub(crate) async fn discard_quarantined(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path((source, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let change = state.quarantine.remove_write(&source, &id)?.ok_or_else(|| quarantined_not_found(&id))?;
    let entry = discarded(&caller, &source, &[&id]);
    match state.events.write_audited(&entry, vec![change]).await? {
        WriteOutcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        WriteOutcome::ConditionFailed(_) => Err(quarantined_not_found(&id)),
    }
}

/// Returns the audit event of discarded events, which is their only trace.
pub(crate) fn discarded<'a>(caller: &'a Caller, source: &'a str, ids: &[&str]) -> AuditEvent<'a> {
    AuditEvent {
        event_type: "quarantine-removed",
        actor: &caller.key,
        subject: source,
        data: json!({ "source": source, "count": ids.len(), "ids": ids }),
        previous: Value::Null,
    }
}

/// The problem of an id that is not in the quarantine.
pub(crate) fn quarantined_not_found(id: &str) -> Problem {
    not_found(QUARANTINE_KIND, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(bytes: &[u8]) -> QuarantinedRequest {
        QuarantinedRequest::new(&QuarantinedEvent {
            source: "s".into(),
            id: "i".into(),
            received_at: Timestamp::UNIX_EPOCH,
            event_type: None,
            violations: vec![],
            bytes: bytes.to_vec(),
            form: Form::Event,
            attributes: Attributes::default(),
        })
    }

    #[test]
    fn binary_bodies_are_shown_in_base64() {
        assert_eq!(sent(b"{\"a\": ").body.as_deref(), Some("{\"a\": "));
        let gzip = sent(&[0x1f, 0x8b, 0xff]);
        assert_eq!((gzip.body, gzip.body_base64.as_deref()), (None, Some("H4v/")));
    }

    #[test]
    fn long_bodies_are_truncated() {
        let mut long = vec![b'x'; MAX_SHOWN_BODY_BYTES - 1];
        long.extend("é".as_bytes());
        let shown = sent(&long);
        assert!(shown.truncated);
        assert_eq!(shown.body.map(|body| body.len()), Some(MAX_SHOWN_BODY_BYTES - 1));
        assert!(!sent(&long[..MAX_SHOWN_BODY_BYTES - 1]).truncated);
    }
}
