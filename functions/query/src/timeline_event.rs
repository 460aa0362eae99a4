//! An event in the timeline's response.

use events::{Event, EventId, Level, Scope};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::event_text::EventText;

/// An event of the timeline, without its payload.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Moment")]
pub(crate) struct TimelineEvent {
    /// Id of the event.
    pub(crate) id: EventId,
    /// Name of the source that sent the event.
    source: String,
    /// Catalog of the event's type.
    catalog: String,
    /// Scope of the event.
    scope: Scope,
    /// Type of the event.
    pub(crate) r#type: String,
    /// Time of the event.
    pub(crate) time: Timestamp,
    /// Person or system that caused the event.
    actor: Option<String>,
    /// Object that the event is about.
    subject: Option<String>,
    /// Project of the event.
    project: Option<String>,
    /// Environment of the event.
    environment: Option<String>,
    /// Severity of a log line; null for other events.
    level: Option<Level>,
    /// Human-readable name of the type.
    label: String,
    /// A sentence in Markdown that describes the event.
    summary: String,
}

impl TimelineEvent {
    /// Creates the view of an event.
    pub(crate) fn new(event: Event) -> Self {
        let EventText { label, summary } = EventText::new(&event, &String::from_utf8_lossy(&event.payload));
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
