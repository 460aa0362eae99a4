//! An event as the API answers it.

use events::{Event, EventId, Level, Scope};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::export::COLUMNS;

/// An event, with its texts, and its payload byte for byte.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventView {
    id: EventId,
    /// The registered producer that sent it.
    source: String,
    /// The family of event types that its type belongs to.
    catalog: String,
    scope: Scope,
    /// The most specific name of what happened.
    r#type: String,
    /// When it happened, by the producer's clock, to the nanosecond.
    time: Timestamp,
    /// Whether the producer said when; where it did not, `time` is when the event was received.
    time_given: bool,
    /// When it was received.
    received_at: Timestamp,
    /// Who did it.
    actor: Option<String>,
    /// What it was done to.
    subject: Option<String>,
    /// Everything it was done to, the subject first; empty where the catalog knows no entities.
    entities: Vec<String>,
    /// The project involved.
    project: Option<String>,
    /// The environment involved.
    environment: Option<String>,
    /// A log line's severity; null for every other event.
    level: Option<Level>,
    /// The version of the schema that accepted the payload; null where only the catalog's base
    /// schema did, because the type is not known.
    sv: Option<u32>,
    /// The type, as a person would say it.
    label: String,
    /// What happened, in a sentence of Markdown.
    summary: String,
    /// What the producer sent, byte for byte.
    payload: Box<RawValue>,
}

impl EventView {
    /// The view of an event. Ingest stores JSON alone: what is not was put there by
    /// another hand, and is shown as null.
    pub(crate) fn new(event: Event) -> Self {
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        let Texts { label, summary } = texts(&event, &text);
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

impl EventView {
    /// The cells of its line in a table: see [`crate::export::COLUMNS`].
    pub(crate) fn cells(&self) -> [String; COLUMNS.len()] {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let entities = if self.entities.is_empty() { String::new() } else { json!(self.entities).to_string() };
        [
            self.id.to_string(),
            self.source.clone(),
            self.catalog.clone(),
            self.scope.to_string(),
            self.r#type.clone(),
            self.time.to_string(),
            self.time_given.to_string(),
            self.received_at.to_string(),
            text(&self.actor),
            text(&self.subject),
            entities,
            text(&self.project),
            text(&self.environment),
            self.level.map(|level| level.to_string()).unwrap_or_default(),
            self.sv.map(|version| version.to_string()).unwrap_or_default(),
            self.label.clone(),
            self.summary.clone(),
            self.payload.get().to_owned(),
        ]
    }
}

/// An event as the timeline shows it: without its payload.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Moment {
    pub(crate) id: EventId,
    /// The registered producer that sent it.
    source: String,
    /// The family of event types that its type belongs to.
    catalog: String,
    scope: Scope,
    /// The most specific name of what happened.
    pub(crate) r#type: String,
    /// When it happened.
    pub(crate) time: Timestamp,
    /// Who did it.
    actor: Option<String>,
    /// What it was done to.
    subject: Option<String>,
    /// The project involved.
    project: Option<String>,
    /// The environment involved.
    environment: Option<String>,
    /// A log line's severity; null for every other event.
    level: Option<Level>,
    /// The type, as a person would say it.
    label: String,
    /// What happened, in a sentence of Markdown.
    summary: String,
}

impl Moment {
    /// The view of an event.
    pub(crate) fn new(event: Event) -> Self {
        let Texts { label, summary } = texts(&event, &String::from_utf8_lossy(&event.payload));
        let fields = event.fields;
        Self {
            id: event.id,
            source: event.source,
            catalog: event.catalog,
            scope: fields.scope,
            r#type: fields.event_type,
            time: fields.time,
            actor: fields.actor,
            subject: fields.subject,
            project: fields.project,
            environment: fields.environment,
            level: fields.level,
            label,
            summary,
        }
    }
}

/// What an event is in words.
pub(crate) struct Texts {
    pub(crate) label: String,
    pub(crate) summary: String,
}

/// What an event with this payload is in words; its type, where nothing more is known.
pub(crate) fn texts(event: &Event, payload: &str) -> Texts {
    let parsed: Option<Value> = serde_json::from_str(payload).ok();
    match (events::catalog(&event.catalog), parsed) {
        (Some(catalog), Some(payload)) => {
            let description = catalog.describe(&event.fields, &payload);
            Texts { label: description.label, summary: description.summary }
        }
        _ => Texts { label: event.fields.event_type.clone(), summary: event.fields.event_type.clone() },
    }
}
