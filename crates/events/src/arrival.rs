//! One event as it came in, and what becomes of it when its catalog reads it.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::cloudevent;
use crate::event::Event;
use crate::id::{EventId, Fingerprint, ProducerId, first_slot};
use crate::violation::{Refused, Violation};

/// One event as it came in: what is kept of it, whether or not it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The registered producer that sent it.
    pub source: &'a str,
    /// The bytes that were sent for this event.
    pub bytes: Cow<'a, [u8]>,
    /// What the bytes are.
    pub form: Form,
    /// What the request said of the event, beside those bytes.
    pub attributes: Attributes,
    /// When it was received.
    pub received_at: Timestamp,
}

/// What an event is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The event itself.
    #[default]
    Event,
    /// A `CloudEvents` envelope in JSON, with the event as its data.
    CloudEvent,
}

/// What is said of an event beside it: the attributes of a `CloudEvents` envelope, or a request's
/// `Idempotency-Key`. They count where the event itself says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Attributes {
    /// What its sender knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

impl Attributes {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An event that its catalog accepts, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event, with the id that it has if that is free.
    pub event: Event,
    /// What makes it the same event when it is sent again.
    pub fingerprint: Fingerprint,
    /// What the fingerprint was made from.
    pub known_by: KnownBy,
}

/// What an event is known by when it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The producer's id in the event.
    Event,
    /// The id that the request gave it.
    Request,
    /// Its bytes.
    Bytes,
}

impl Catalog {
    /// Reads an event that came in.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn accept(&self, arrival: &Arrival<'_>) -> Result<Accepted, Refused> {
        match arrival.form {
            Form::Event => self.accept_payload(arrival, &arrival.bytes, &arrival.attributes),
            Form::CloudEvent => {
                let opened = cloudevent::open(&arrival.bytes)?;
                self.accept_payload(arrival, &opened.data, &opened.attributes)
            }
        }
    }

    fn accept_payload(
        &self,
        arrival: &Arrival<'_>,
        payload: &[u8],
        attributes: &Attributes,
    ) -> Result<Accepted, Refused> {
        let reading = self.read_with(payload, attributes, arrival.received_at)?;
        let (producer_id, known_by) = match (reading.producer_id, &attributes.id) {
            (Some(id), _) => (Some(id), KnownBy::Event),
            (None, Some(id)) => (Some(ProducerId::Text(id.clone())), KnownBy::Request),
            (None, None) => (None, KnownBy::Bytes),
        };
        let fields = reading.fields;
        let fingerprint = Fingerprint::of(arrival.source, &fields.event_type, producer_id.as_ref(), payload);
        let id = EventId::at(fields.time, first_slot(producer_id.as_ref(), fingerprint)).ok_or_else(|| {
            let message = format!("expected a time before the year 2069, found {}", fields.time);
            Refused {
                event_type: Some(fields.event_type.clone()),
                violations: vec![Violation::new("", "time", message)],
            }
        })?;
        let event = Event {
            id,
            source: arrival.source.to_owned(),
            catalog: self.name().to_owned(),
            received_at: arrival.received_at,
            stored_at: None,
            fields,
            payload: payload.to_vec(),
        };
        Ok(Accepted { event, fingerprint, known_by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn signal(bytes: &'static str, attributes: Attributes) -> Accepted {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let bytes = Cow::Borrowed(bytes.as_bytes());
        let arrival = Arrival { source: "s", bytes, form: Form::Event, attributes, received_at };
        catalog("signal").unwrap().accept(&arrival).unwrap()
    }

    #[test]
    fn attributes_count_where_the_event_says_nothing() {
        let attributes = Attributes {
            id: Some("7".into()),
            event_type: Some("deployed".into()),
            subject: Some("web".into()),
            time: Some("2025-06-01T10:00:00Z".parse().unwrap()),
        };
        let accepted = signal("{}", attributes.clone());
        assert_eq!(accepted.known_by, KnownBy::Request);
        let fields = accepted.event.fields;
        assert_eq!((fields.event_type.as_str(), fields.subject.as_deref()), ("deployed", Some("web")));
        assert_eq!((Some(fields.time), fields.time_given), (attributes.time, true));

        let own = r#"{"type": "released", "subject": "api", "time": "2025-07-01T00:00:00Z"}"#;
        let fields = signal(own, attributes).event.fields;
        assert_eq!((fields.event_type.as_str(), fields.subject.as_deref()), ("released", Some("api")));
        assert_eq!(fields.time, "2025-07-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn an_id_of_the_request_tells_equal_bytes_apart() {
        let id = |id: &str| Attributes { id: Some(id.into()), ..Attributes::default() };
        let of = |attributes| signal(r#"{"time": "2025-06-01T10:00:00Z"}"#, attributes).fingerprint;
        assert_eq!(of(id("a")), of(id("a")));
        assert_ne!(of(id("a")), of(id("b")));
        assert_ne!(of(id("a")), of(Attributes::default()));
    }

    #[test]
    fn an_event_without_a_time_happened_when_it_came() {
        let fields = signal("{}", Attributes::default()).event.fields;
        assert_eq!((fields.time, fields.time_given), ("2026-01-01T00:00:00Z".parse().unwrap(), false));
    }
}
