//! Acceptance of raw events by their catalog.

use crate::catalog::Catalog;
use crate::cloudevent;
use crate::event::Event;
use crate::event_id::EventId;
use crate::fingerprint::{Fingerprint, ProducerId, first_slot};
use crate::raw_event::{Attributes, Form, RawEvent};
use crate::violation::{Rejection, Violation};

/// An event that its catalog has accepted, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedEvent {
    /// The event, with its preferred ID; it gets another one if that ID is taken.
    pub event: Event,
    /// Identity of the event: an event with the same fingerprint is a duplicate.
    pub fingerprint: Fingerprint,
    /// Origin of the fingerprint.
    pub dedup_key: DedupKey,
}

/// The information by which duplicates of an event are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DedupKey {
    /// The producer's ID in the event.
    ProducerId,
    /// The ID that the request gave the event.
    RequestId,
    /// The bytes of the event.
    Bytes,
}

impl Catalog {
    /// Validates a raw event and converts it to an event of the log.
    ///
    /// # Errors
    /// All violations of the event.
    pub fn accept(&self, raw: &RawEvent<'_>) -> Result<AcceptedEvent, Rejection> {
        match raw.form {
            Form::Event => self.accept_payload(raw, &raw.bytes, &raw.attributes),
            Form::CloudEvent => {
                let envelope = cloudevent::parse_envelope(&raw.bytes)?;
                self.accept_payload(raw, &envelope.data, &envelope.attributes)
            }
        }
    }

    fn accept_payload(
        &self,
        raw: &RawEvent<'_>,
        payload: &[u8],
        attributes: &Attributes,
    ) -> Result<AcceptedEvent, Rejection> {
        let extracted = self.extract_with(payload, attributes, raw.received_at)?;
        let (producer_id, dedup_key) = match (extracted.producer_id, &attributes.id) {
            (Some(id), _) => (Some(id), DedupKey::ProducerId),
            (None, Some(id)) => (Some(ProducerId::Text(id.clone())), DedupKey::RequestId),
            (None, None) => (None, DedupKey::Bytes),
        };
        let fields = extracted.fields;
        let fingerprint = Fingerprint::of(raw.source, &fields.event_type, producer_id.as_ref(), payload);
        let id = EventId::at(fields.time, first_slot(producer_id.as_ref(), fingerprint)).ok_or_else(|| {
            let message = format!("expected a time before the year 2069, found {}", fields.time);
            Rejection {
                event_type: Some(fields.event_type.clone()),
                violations: vec![Violation::new("", "time", message)],
            }
        })?;
        let event = Event {
            id,
            source: raw.source.to_owned(),
            catalog: self.name().to_owned(),
            received_at: raw.received_at,
            stored_at: None,
            hops: raw.attributes.hops,
            fields,
            payload: payload.to_vec(),
        };
        Ok(AcceptedEvent { event, fingerprint, dedup_key })
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::catalog;

    fn signal(bytes: &'static str, attributes: Attributes) -> AcceptedEvent {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let bytes = Cow::Borrowed(bytes.as_bytes());
        let raw = RawEvent { source: "s", bytes, form: Form::Event, attributes, received_at };
        catalog("signal").unwrap().accept(&raw).unwrap()
    }

    #[test]
    fn attributes_fill_in_for_missing_fields() {
        let attributes = Attributes {
            id: Some("7".into()),
            event_type: Some("deployed".into()),
            subject: Some("web".into()),
            time: Some("2025-06-01T10:00:00Z".parse().unwrap()),
            hops: 2,
        };
        let accepted = signal("{}", attributes.clone());
        assert_eq!(accepted.dedup_key, DedupKey::RequestId);
        assert_eq!(accepted.event.hops, 2);
        let fields = accepted.event.fields;
        assert_eq!((fields.event_type.as_str(), fields.subject.as_deref()), ("deployed", Some("web")));
        assert_eq!((Some(fields.time), fields.time_given), (attributes.time, true));

        let own = r#"{"type": "released", "subject": "api", "time": "2025-07-01T00:00:00Z"}"#;
        let fields = signal(own, attributes).event.fields;
        assert_eq!((fields.event_type.as_str(), fields.subject.as_deref()), ("released", Some("api")));
        assert_eq!(fields.time, "2025-07-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn request_ids_distinguish_equal_bytes() {
        let id = |id: &str| Attributes { id: Some(id.into()), ..Attributes::default() };
        let of = |attributes| signal(r#"{"time": "2025-06-01T10:00:00Z"}"#, attributes).fingerprint;
        assert_eq!(of(id("a")), of(id("a")));
        assert_ne!(of(id("a")), of(id("b")));
        assert_ne!(of(id("a")), of(Attributes::default()));
    }

    #[test]
    fn events_without_a_time_get_the_time_of_receipt() {
        let fields = signal("{}", Attributes::default()).event.fields;
        assert_eq!((fields.time, fields.time_given), ("2026-01-01T00:00:00Z".parse().unwrap(), false));
    }
}
