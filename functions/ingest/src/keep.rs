//! Keeping what was sent: in the log where it fits its schema, else in the quarantine.

use events::{AcceptedEvent, Catalog, EventId, RawEvent, Rejection, TIDINGS_SOURCE, Violation};
use futures::StreamExt;
use model::AuditEvent;
use runtime::Span;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use store::InsertOutcome;
use tokio::time::Instant;
use web::Problem;

use crate::State;
use crate::body::Piece;

/// How many events of a request are written at the same time.
const TOGETHER: usize = 16;

/// What became of one event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schemars(rename = "EventResult")]
pub(crate) enum Outcome {
    /// It is in the log.
    Stored {
        /// The event's id.
        id: EventId,
    },
    /// It was in the log already, and stands there once.
    Duplicate {
        /// The id that it has had since.
        id: EventId,
    },
    /// It does not fit its schema: it is kept in the quarantine.
    Quarantined {
        /// Its id in the quarantine.
        quarantine: String,
        /// What is wrong with it; of many events, the first few each.
        violations: Vec<Violation>,
    },
    /// Neither the log nor the quarantine has it.
    NotKept {
        /// Why.
        problem: Problem,
    },
}

/// What became of one event, and the write units that this took.
pub(crate) type Kept = (Outcome, f64);

/// Where one request keeps its events.
#[derive(Clone, Copy)]
pub(crate) struct Keeper<'a> {
    pub(crate) state: &'a State,
    pub(crate) catalog: Option<&'static Catalog>,
    /// Its name.
    pub(crate) catalog_name: &'a str,
    /// Until when it tries.
    pub(crate) deadline: Instant,
}

impl Keeper<'_> {
    /// Keeps every event, some at the same time; what became of them, in their order.
    pub(crate) async fn keep_all(self, pieces: Vec<Piece<'_>>) -> Vec<Kept> {
        let kept: Vec<_> = pieces.into_iter().map(|piece| self.keep(piece)).collect();
        futures::stream::iter(kept).buffered(TOGETHER).collect().await
    }

    /// Keeps one event.
    pub(crate) async fn keep(self, piece: Piece<'_>) -> Kept {
        let Piece { arrival, refused } = piece;
        // Reading an event is computing: a request with a thousand lets others in between.
        tokio::task::yield_now().await;
        match refused.map_or_else(|| self.accept(&arrival), Err) {
            Ok(accepted) => self.store(arrival, accepted).await,
            Err(refused) => self.quarantine(&arrival, refused).await,
        }
    }

    fn accept(self, arrival: &RawEvent<'_>) -> Result<AcceptedEvent, Rejection> {
        let catalog = self.catalog.ok_or_else(|| Rejection::unknown_catalog(self.catalog_name))?;
        catalog.accept(arrival)
    }

    async fn store(self, mut arrival: RawEvent<'_>, accepted: AcceptedEvent) -> Kept {
        let written = match self.state.events.insert(&accepted, self.deadline).await {
            Ok(written) => written,
            Err(error) => return (Outcome::NotKept { problem: error.into() }, 0.0),
        };
        let event = &accepted.event;
        match written.outcome {
            InsertOutcome::Stored(id) => {
                tracing::debug!(event = %id, source = event.source, r#type = event.fields.event_type, "stored");
                let began = event.received_at;
                let step =
                    Span { function: "ingest", event: id, received_at: began, began, attempt: None, error: None };
                self.state.tracer.emit(&step, (self.state.clock)());
                (Outcome::Stored { id }, written.write_units)
            }
            InsertOutcome::Duplicate(id) => (Outcome::Duplicate { id }, written.write_units),
            InsertOutcome::Conflict(id) => {
                // Without it, whoever replays this gets it into the log.
                arrival.attributes.id = None;
                let event_type = Some(event.fields.event_type.clone());
                let (outcome, units) = self.quarantine(&arrival, Rejection::id_in_use(event_type, id)).await;
                (outcome, units + written.write_units)
            }
        }
    }

    /// Keeps what fits no schema, with the reasons.
    pub(crate) async fn quarantine(self, arrival: &RawEvent<'_>, refused: Rejection) -> Kept {
        match self.state.quarantine.put(arrival, &refused, self.deadline).await {
            Ok((id, units)) => {
                let Rejection { event_type, violations } = refused;
                tracing::warn!(quarantine = id, source = arrival.source, r#type = event_type, "quarantined");
                self.tell(arrival.source, &id, event_type.as_deref(), &violations).await;
                (Outcome::Quarantined { quarantine: id, violations }, units)
            }
            Err(error) => (Outcome::NotKept { problem: error.into() }, 0.0),
        }
    }

    /// Writes the event that a source sends what is refused, once a minute: so often at most is anybody told, and it
    /// costs nothing more where all of it is refused.
    async fn tell(self, source: &str, first: &str, event_type: Option<&str>, violations: &[Violation]) {
        let Some(minute) = self.state.told.note(source, (self.state.clock)()) else { return };
        let reason = violations.first().map(|violation| &violation.keyword);
        let entry = AuditEvent {
            event_type: "quarantine-created",
            actor: TIDINGS_SOURCE,
            subject: source,
            data: json!({ "source": source, "first": first, "type": event_type, "reason": reason }),
            previous: Value::Null,
        };
        let id = format!("quarantine-created {source} {minute}");
        if let Err(error) = self.state.events.write_audit_event_once(&entry, &id, minute, self.deadline).await {
            tracing::warn!(%error, source, "that something was quarantined cannot be told");
        }
    }
}
