//! Writes events: valid ones to the log, invalid ones to the quarantine.

use events::{AcceptedEvent, Catalog, DedupKey, EventId, RawEvent, Rejection, TIDINGS_SOURCE, Violation};
use futures::StreamExt;
use model::AuditEvent;
use runtime::Span;
use serde_json::{Value, json};
use store::{DeferredInsert, Error, FirstInsert, InsertOutcome, InsertRefusal, InsertResult};
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
    /// Number of the request's nudge, which its events store.
    pub(crate) nudge: Option<u64>,
    /// Random identifier of the request. With their positions, it identifies events that nothing else identifies.
    pub(crate) receipt: u128,
}

/// An event after its first attempt.
enum FirstWrite<'a> {
    Done(WriteResult),
    /// The event is valid. Its insert is completed together with those of other events.
    Deferred {
        raw: RawEvent<'a>,
        accepted: Box<AcceptedEvent>,
        insert: DeferredInsert,
    },
}

impl EventWriter<'_> {
    /// Writes every event, some at the same time. Returns their results in the same order.
    pub(crate) async fn write_all(self, events: Vec<IncomingEvent<'_>>) -> Vec<WriteResult> {
        let writes: Vec<_> = events.into_iter().enumerate().map(|(at, event)| self.write_first(at, event)).collect();
        let writes: Vec<_> = futures::stream::iter(writes).buffered(MAX_CONCURRENT_WRITES).collect().await;
        let (mut results, mut deferred, mut inserts) = (Vec::with_capacity(writes.len()), Vec::new(), Vec::new());
        for write in writes {
            match write {
                FirstWrite::Done(result) => results.push(Some(result)),
                FirstWrite::Deferred { raw, accepted, insert } => {
                    deferred.push((results.len(), raw, accepted));
                    inserts.push(insert);
                    results.push(None);
                }
            }
        }
        let inserts = deferred.iter().map(|(_, _, accepted)| &**accepted).zip(inserts).collect();
        let inserted = self.state.events.insert_deferred(inserts, self.deadline).await;
        let finishes: Vec<_> = deferred
            .into_iter()
            .zip(inserted)
            .map(|((at, raw, accepted), inserted)| async move { (at, self.finish(raw, &accepted, inserted).await) })
            .collect();
        let mut finished = futures::stream::iter(finishes).buffer_unordered(MAX_CONCURRENT_WRITES);
        while let Some((at, result)) = finished.next().await {
            results[at] = Some(result);
        }
        results.into_iter().flatten().collect()
    }

    /// Stores an event if it is valid, and otherwise quarantines it.
    pub(crate) async fn write(self, event: IncomingEvent<'_>) -> WriteResult {
        let (raw, accepted) = self.accept(0, event);
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(rejection) => return self.quarantine(&raw, rejection).await,
        };
        let inserted = self.state.events.insert(&accepted, self.deadline).await;
        self.finish(raw, &accepted, inserted).await
    }

    /// Stores an event of a batch in its first slot, or quarantines it if it is invalid.
    async fn write_first(self, at: usize, event: IncomingEvent<'_>) -> FirstWrite<'_> {
        // Validation does not wait for anything. Yielding lets other requests run between the events of a large one.
        tokio::task::yield_now().await;
        let (raw, accepted) = self.accept(at, event);
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(rejection) => return FirstWrite::Done(self.quarantine(&raw, rejection).await),
        };
        match self.state.events.insert_first(&accepted, self.deadline).await {
            Ok(FirstInsert::Deferred(insert)) => FirstWrite::Deferred { raw, accepted, insert },
            Ok(FirstInsert::Done(inserted)) => FirstWrite::Done(self.finish(raw, &accepted, Ok(inserted)).await),
            Err(error) => FirstWrite::Done(WriteResult::failed(error)),
        }
    }

    /// Validates the event at a position of the request.
    fn accept(
        self,
        at: usize,
        IncomingEvent { mut raw, rejection }: IncomingEvent<'_>,
    ) -> (RawEvent<'_>, Result<Box<AcceptedEvent>, Rejection>) {
        // The request has an ID, or each of its events is distinct.
        if raw.attributes.id.is_none() {
            raw.attributes.receipt = Some(format!("{:032x}/{at}", self.receipt));
        }
        let catalog = self.catalog.ok_or_else(|| Rejection::unknown_catalog(self.catalog_name));
        let accepted = rejection.map_or(catalog, Err).and_then(|catalog| catalog.accept(&raw));
        let accepted = accepted.map(|mut accepted| {
            accepted.event.nudge = self.nudge;
            Box::new(accepted)
        });
        (raw, accepted)
    }

    /// Returns the result of an insert. Quarantines an event that was not stored because of another event.
    async fn finish(
        self,
        mut raw: RawEvent<'_>,
        accepted: &AcceptedEvent,
        inserted: Result<InsertResult, Error>,
    ) -> WriteResult {
        let InsertResult { outcome, write_units } = match inserted {
            Ok(inserted) => inserted,
            Err(error) => return WriteResult::failed(error),
        };
        match outcome {
            InsertOutcome::Stored(id) => self.report_stored(accepted, id, write_units),
            // The event met itself, because its first write succeeded without a response.
            InsertOutcome::Duplicate(id) if accepted.dedup_key == DedupKey::Receipt => {
                self.report_stored(accepted, id, write_units)
            }
            InsertOutcome::Duplicate(id) => WriteResult { outcome: EventOutcome::Duplicate { id }, write_units },
            InsertOutcome::Refused(refusal) => {
                if matches!(refusal, InsertRefusal::Conflict(_)) {
                    // Without the ID of the request, the event can be reingested.
                    raw.attributes.id = None;
                }
                let quarantined = self.quarantine(&raw, refusal.rejection(accepted)).await;
                WriteResult { write_units: quarantined.write_units + write_units, ..quarantined }
            }
        }
    }

    fn report_stored(self, accepted: &AcceptedEvent, id: EventId, write_units: f64) -> WriteResult {
        let event = &accepted.event;
        tracing::debug!(event = %id, source = event.source, r#type = event.fields.event_type, "stored");
        let began = event.received_at;
        let span = Span { function: "ingest", event: id, received_at: began, began, attempt: None, error: None };
        self.state.tracer.emit(&span, (self.state.clock)());
        WriteResult { outcome: EventOutcome::Stored { id }, write_units }
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
