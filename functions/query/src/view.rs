//! An event as the API answers it.

use events::{Event, EventId, Level, Scope};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// An event, with its texts, and its payload byte for byte.
#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    id: EventId,
    source: String,
    catalog: String,
    scope: Scope,
    r#type: String,
    time: Timestamp,
    received_at: Timestamp,
    actor: Option<String>,
    subject: Option<String>,
    entities: Vec<String>,
    project: Option<String>,
    environment: Option<String>,
    level: Option<Level>,
    sv: Option<u32>,
    label: String,
    summary: String,
    payload: Box<RawValue>,
}

impl EventView {
    /// The view of an event. Ingest stores JSON alone: what is not was put there by
    /// another hand, and is shown as null.
    pub(crate) fn new(event: Event) -> Self {
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        let parsed: Option<Value> = serde_json::from_str(&text).ok();
        let (label, summary) = match (events::catalog(&event.catalog), &parsed) {
            (Some(catalog), Some(payload)) => {
                let description = catalog.describe(&event.fields, payload);
                (description.label, description.summary)
            }
            _ => (event.fields.event_type.clone(), event.fields.event_type.clone()),
        };
        let payload = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
        let fields = event.fields;
        Self {
            id: event.id,
            source: event.source,
            catalog: event.catalog,
            scope: fields.scope,
            r#type: fields.event_type,
            time: fields.time,
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
