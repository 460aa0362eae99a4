//! An event in the API's responses.

use events::{Event, EventId, Level, Scope};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event_text::EventText;

/// An event with its texts and its payload, byte for byte.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventView {
    /// Id of the event.
    pub(crate) id: EventId,
    /// Name of the source that sent the event.
    pub(crate) source: String,
    /// Catalog of the event's type.
    pub(crate) catalog: String,
    /// Scope of the event.
    pub(crate) scope: Scope,
    /// Type of the event.
    pub(crate) r#type: String,
    /// Time of the event by the producer's clock, to the nanosecond.
    pub(crate) time: Timestamp,
    /// False if the producer sent no time; `time` is then the time of receipt.
    pub(crate) time_given: bool,
    /// Time of receipt.
    pub(crate) received_at: Timestamp,
    /// Person or system that caused the event.
    pub(crate) actor: Option<String>,
    /// Object that the event is about.
    pub(crate) subject: Option<String>,
    /// All objects that the event is about, the subject first; empty if the catalog has no entities.
    pub(crate) entities: Vec<String>,
    /// Project of the event.
    pub(crate) project: Option<String>,
    /// Environment of the event.
    pub(crate) environment: Option<String>,
    /// Severity of a log line; null for other events.
    pub(crate) level: Option<Level>,
    /// Version of the schema that accepted the payload; null if the type is unknown and the catalog's base schema
    /// accepted it.
    pub(crate) sv: Option<u32>,
    /// Human-readable name of the type.
    pub(crate) label: String,
    /// A sentence in Markdown that describes the event.
    pub(crate) summary: String,
    /// The payload as the producer sent it, byte for byte.
    pub(crate) payload: Box<RawValue>,
}

impl EventView {
    /// Creates the view of an event. A payload that is not JSON was not written by ingest, and becomes null.
    pub(crate) fn new(event: Event) -> Self {
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        let EventText { label, summary } = EventText::new(&event, &text);
        let payload = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
        let fields = event.fields;
        Self {
            id: event.id,
            source: event.source,
            catalog: event.catalog,
            scope: fields.scope,
            r#type: fields.event_type,
            time: fields.time,
            time_given: fields.time_given,
            received_at: event.received_at,
            actor: fields.actor,
            subject: fields.subject,
            entities: fields.entities,
            project: fields.project,
            environment: fields.environment,
            level: fields.level,
            sv: fields.schema_version,
            label,
            summary,
            payload,
        }
    }
}
