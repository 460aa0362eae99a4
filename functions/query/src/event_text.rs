//! The label and summary of an event.

use events::Event;
use serde_json::Value;

/// The texts that describe an event.
pub(crate) struct EventText {
    pub(crate) label: String,
    pub(crate) summary: String,
}

impl EventText {
    /// Describes an event by its catalog. Without a catalog or a JSON payload, both texts are the event's type.
    pub(crate) fn new(event: &Event, payload: &str) -> Self {
        let parsed: Option<Value> = serde_json::from_str(payload).ok();
        match (events::catalog(&event.catalog), parsed) {
            (Some(catalog), Some(payload)) => {
                let description = catalog.describe(&event.fields, &payload);
                Self { label: description.label, summary: description.summary }
            }
            _ => Self { label: event.fields.event_type.clone(), summary: event.fields.event_type.clone() },
        }
    }
}
