//! Writes events: valid ones to the log, invalid ones to the quarantine.

use events::{AcceptedEvent, Catalog, RawEvent, Rejection, TIDINGS_SOURCE, Violation};
use futures::StreamExt;
use model::AuditEvent;
use runtime::Span;
use serde_json::{Value, json};
use store::InsertOutcome;
use tokio::time::Instant;

use crate::event_outcome::{EventOutcome, WriteResult};
use crate::request_body::IncomingEvent;
use crate::state::State;

/// Maximum number of events of a request that are written at the same time.
const MAX_CONCURRENT_WRITES: usize = 16;

/// Writes the events of one request.
#[derive(Clone, Copy)]
pub(crate) struct EventWriter<'a> {
    pub(crate) state: &'a State,
    /// Catalog of the source, unless this version does not have it.
    pub(crate) catalog: Option<&'static Catalog>,
    pub(crate) catalog_name: &'a str,
    /// Time until which throttled writes are retried.
    pub(crate) deadline: Instant,
}

impl EventWriter<'_> {
    /// Writes every event, some at the same time. Returns their results in the same order.
    pub(crate) async fn write_all(self, events: Vec<IncomingEvent<'_>>) -> Vec<WriteResult> {
        let writes: Vec<_> = events.into_iter().map(|event| self.write(event)).collect();
        futures::stream::iter(writes).buffered(MAX_CONCURRENT_WRITES).collect().await
    }

    /// Stores an event if it is valid, and otherwise quarantines it.
    pub(crate) async fn write(self, event: IncomingEvent<'_>) -> WriteResult {
        let IncomingEvent { raw, rejection } = event;
        // Validation does not wait for anything. Yielding lets other requests run between the events of a large one.
        tokio::task::yield_now().await;
        match rejection.map_or_else(|| self.accept(&raw), Err) {
            Ok(accepted) => self.store(raw, accepted).await,
            Err(rejection) => self.quarantine(&raw, rejection).await,
        }
    }

    fn accept(self, raw: &RawEvent<'_>) -> Result<AcceptedEvent, Rejection> {
        let catalog = self.catalog.ok_or_else(|| Rejection::unknown_catalog(self.catalog_name))?;
        catalog.accept(raw)
    }

    async fn store(self, mut raw: RawEvent<'_>, accepted: AcceptedEvent) -> WriteResult {
        let inserted = match self.state.events.insert(&accepted, self.deadline).await {
            Ok(inserted) => inserted,
            Err(error) => return WriteResult::failed(error),
        };
        let write_units = inserted.write_units;
        let event = &accepted.event;
        match inserted.outcome {
            InsertOutcome::Stored(id) => {
                tracing::debug!(event = %id, source = event.source, r#type = event.fields.event_type, "stored");
                let began = event.received_at;
                let span =
                    Span { function: "ingest", event: id, received_at: began, began, attempt: None, error: None };
                self.state.tracer.emit(&span, (self.state.clock)());
                WriteResult { outcome: EventOutcome::Stored { id }, write_units }
            }
            InsertOutcome::Duplicate(id) => WriteResult { outcome: EventOutcome::Duplicate { id }, write_units },
            InsertOutcome::Conflict(id) => {
                // Without the key, the event can be reingested.
                raw.attributes.id = None;
                let event_type = Some(event.fields.event_type.clone());
                let quarantined = self.quarantine(&raw, Rejection::id_in_use(event_type, id)).await;
                WriteResult { write_units: quarantined.write_units + write_units, ..quarantined }
            }
        }
    }

    /// Stores a rejected event in the quarantine, with the reasons.
    pub(crate) async fn quarantine(self, raw: &RawEvent<'_>, rejection: Rejection) -> WriteResult {
        match self.state.quarantine.put(raw, &rejection, self.deadline).await {
            Ok((id, write_units)) => {
                let Rejection { event_type, violations } = rejection;
                tracing::warn!(quarantine = id, source = raw.source, r#type = event_type, "quarantined");
                self.report_quarantined(raw.source, &id, event_type.as_deref(), &violations).await;
                WriteResult { outcome: EventOutcome::Quarantined { quarantine: id, violations }, write_units }
            }
            Err(error) => WriteResult::failed(error),
        }
    }

    /// Writes an event that reports the source, at most once a minute. The limit bounds the cost of a source that sends
    /// only invalid events, and the number of notifications.
    async fn report_quarantined(
        self,
        source: &str,
        first_id: &str,
        event_type: Option<&str>,
        violations: &[Violation],
    ) {
        let Some(minute) = self.state.quarantine_alerts.try_report(source, (self.state.clock)()) else { return };
        let reason = violations.first().map(|violation| &violation.keyword);
        let event = AuditEvent {
            event_type: "quarantine-created",
            actor: TIDINGS_SOURCE,
            subject: source,
            data: json!({ "source": source, "first": first_id, "type": event_type, "reason": reason }),
            previous: Value::Null,
        };
        let id = format!("quarantine-created {source} {minute}");
        if let Err(error) = self.state.events.write_audit_event_once(&event, &id, minute, self.deadline).await {
            tracing::warn!(%error, source, "failed to write the quarantine event");
        }
    }
}
