//! An event as segments take it.

use events::Event;
use serde::Deserialize;

use crate::item::nanoseconds;
use crate::segments::segment::{COLUMNS, MAX_PAYLOAD};

/// An event as segments take it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Its time in nanoseconds since 1970.
    pub(crate) time: i64,
    /// When it expires, in seconds since 1970.
    pub(crate) expires: Option<i64>,
    /// Its fields, in the order of the columns.
    pub(crate) fields: [Option<String>; COLUMNS.len()],
    pub(crate) entities: Vec<String>,
    /// The producer's own number.
    pub(crate) number: Option<u64>,
    /// How many bytes its payload has.
    pub(crate) size: usize,
    /// The payload; `None` where it is too large for a segment's text, and for memory that holds many.
    pub(crate) payload: Option<Vec<u8>>,
}

/// What Unleash's own API filters by, besides what every event has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unleash {
    id: Option<u64>,
    feature_name: Option<String>,
    created_by_user_id: Option<i64>,
    group_id: Option<String>,
}

impl Row {
    pub(crate) fn new(event: Event, expires: Option<i64>) -> Self {
        let fields = event.fields;
        // Its schema says what these are; an event of a type that is not known may have them otherwise.
        let own: Unleash = match &*event.catalog {
            "unleash" => serde_json::from_slice(&event.payload).unwrap_or_default(),
            _ => Unleash::default(),
        };
        Self {
            id: event.id.as_u64(),
            time: nanoseconds(fields.time),
            expires,
            fields: [
                Some(event.source),
                Some(event.catalog),
                Some(fields.scope.to_string()),
                Some(fields.event_type),
                fields.actor,
                fields.subject,
                fields.project,
                fields.environment,
                fields.level.map(|level| level.to_string()),
                own.feature_name,
                own.created_by_user_id.map(|user| user.to_string()),
                own.group_id,
            ],
            entities: fields.entities,
            number: own.id,
            size: event.payload.len(),
            payload: Some(event.payload).filter(|payload| payload.len() <= MAX_PAYLOAD),
        }
    }
}
