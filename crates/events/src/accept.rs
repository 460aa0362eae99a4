//! Acceptance of raw events by their catalog.

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::cloudevent;
use crate::event::Event;
use crate::event_id::EventId;
use crate::fingerprint::{Fingerprint, ProducerId};
use crate::raw_event::{Attributes, Form, RawEvent};
use crate::violation::{Rejection, Violation};

/// An event that its catalog has accepted, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedEvent {
    /// The event. Its ID is the first one of its millisecond; a free ID is chosen when the event is stored.
    pub event: Event,
    /// Identity of the event: an event with the same fingerprint is a duplicate.
    pub fingerprint: Fingerprint,
    /// Origin of the fingerprint.
    pub dedup_key: DedupKey,
    /// Counter that the producer gave the event as its ID.
    pub counter: Option<u64>,
}

/// The information by which duplicates of an event are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DedupKey {
    /// The producer's ID in the event.
    ProducerId,
    /// The ID that the request gave the event.
    RequestId,
    /// The time and the bytes of the event.
    Bytes,
    /// The receipt of the event: it has neither an ID nor a time, so each receipt is an event of its own.
    Receipt,
}

impl Catalog {
    /// Validates a raw event and converts it to an event of the log.
    ///
    /// # Errors
    /// All violations of the event.
    pub fn accept(&self, raw: &RawEvent<'_>) -> Result<AcceptedEvent, Rejection> {
        self.accept_at(raw, raw.received_at)
    }

    /// As [`accept`](Self::accept), for an event that was received before `now`. A time that was in the future when the
    /// event was received is accepted once it has come.
    ///
    /// # Errors
    /// As for [`accept`](Self::accept).
    pub fn accept_at(&self, raw: &RawEvent<'_>, now: Timestamp) -> Result<AcceptedEvent, Rejection> {
        match raw.form {
            Form::Event => self.accept_payload(raw, &raw.bytes, &raw.attributes, now),
            Form::CloudEvent => {
                let envelope = cloudevent::parse_envelope(&raw.bytes)?;
                self.accept_payload(raw, &envelope.data, &envelope.attributes, now)
            }
        }
    }

    fn accept_payload(
        &self,
        raw: &RawEvent<'_>,
        payload: &[u8],
        attributes: &Attributes,
        now: Timestamp,
    ) -> Result<AcceptedEvent, Rejection> {
        // A clock that goes back must not reject what it accepted before.
        let now = now.max(raw.received_at);
        let extracted = self.extract_with(payload, attributes, raw.received_at, now)?;
        let fields = extracted.fields;
        let of_id = |id: &ProducerId| Fingerprint::of(raw.source, &fields.event_type, Some(id), payload);
        let (fingerprint, dedup_key) = match (&extracted.producer_id, &attributes.id, &attributes.receipt) {
            (Some(id), _, _) => (of_id(id), DedupKey::ProducerId),
            (None, Some(id), _) => (of_id(&ProducerId::Text(id.clone())), DedupKey::RequestId),
            (None, None, Some(receipt)) if !fields.time_given => {
                (Fingerprint::of_receipt(raw.source, receipt), DedupKey::Receipt)
            }
            (None, None, _) => (Fingerprint::of_bytes(raw.source, payload), DedupKey::Bytes),
        };
        let counter = match extracted.producer_id {
            Some(ProducerId::Number(counter)) => Some(counter),
            _ => None,
        };
        let id = EventId::at(fields.time, 0).ok_or_else(|| {
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
            nudge: None,
            fields,
            payload: payload.to_vec(),
        };
        Ok(AcceptedEvent { event, fingerprint, dedup_key, counter })
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
            receipt: None,
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
    fn receipts_identify_only_events_without_an_id_and_a_time() {
        let of = |bytes, receipt: &str, id: Option<&str>| {
            let attributes =
                Attributes { receipt: Some(receipt.to_owned()), id: id.map(str::to_owned), ..Attributes::default() };
            signal(bytes, attributes)
        };
        assert_eq!(of("{}", "1/0", None).dedup_key, DedupKey::Receipt);
        assert_ne!(of("{}", "1/0", None).fingerprint, of("{}", "1/1", None).fingerprint);
        assert_eq!(of("{}", "1/0", None).fingerprint, of("{}", "1/0", None).fingerprint);
        assert_eq!(of("{}", "1/0", Some("a")).fingerprint, of("{}", "1/1", Some("a")).fingerprint);
        let with_time = r#"{"time": "2025-06-01T10:00:00Z"}"#;
        assert_eq!(of(with_time, "1/0", None).fingerprint, of(with_time, "1/1", None).fingerprint);
    }

    #[test]
    fn events_from_the_future_are_accepted_when_their_time_has_come() {
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let raw = RawEvent {
            source: "s",
            bytes: Cow::Borrowed(br#"{"time": "2026-01-01T03:00:00Z"}"#),
            form: Form::Event,
            attributes: Attributes::default(),
            received_at: at("2026-01-01T00:00:00Z"),
        };
        let accept = |now| catalog("signal").unwrap().accept_at(&raw, at(now));
        for too_early in ["2025-01-01T00:00:00Z", "2026-01-01T01:59:59Z"] {
            assert_eq!(accept(too_early).unwrap_err().violations[0].keyword, "time", "{too_early}");
        }
        let event = accept("2026-01-01T02:00:00Z").unwrap().event;
        assert_eq!((event.fields.time, event.received_at), (at("2026-01-01T03:00:00Z"), raw.received_at));
    }

    #[test]
    fn events_without_a_time_get_the_time_of_receipt() {
        let fields = signal("{}", Attributes::default()).event.fields;
        assert_eq!((fields.time, fields.time_given), ("2026-01-01T00:00:00Z".parse().unwrap(), false));
    }
}
