//! Splits a request body into events, without changing their bytes.

use std::borrow::Cow;
use std::fmt::{self, Display};

use axum::http::HeaderMap;
use events::{Attributes, Form, RawEvent, Rejection, Violation};
use jiff::Timestamp;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use web::ProblemType;

use crate::body_error::BodyError;
use crate::content_type::{BodyFormat, body_format};
use crate::forwarded::hops;
use crate::idempotency_key::idempotency_key;

/// Maximum number of events in a request.
pub(crate) const MAX_EVENTS_PER_REQUEST: usize = 1000;

/// One event of a body.
#[derive(Debug)]
pub(crate) struct IncomingEvent<'a> {
    pub(crate) raw: RawEvent<'a>,
    /// Set if the attributes in the headers are invalid. The bytes are then not validated.
    pub(crate) rejection: Option<Rejection>,
}

/// The events of a body. A batch has at most one event more than [`MAX_EVENTS_PER_REQUEST`]; the rest is not split.
#[derive(Debug)]
pub(crate) enum RequestBody<'a> {
    /// One event.
    Single(Box<IncomingEvent<'a>>),
    /// Any number of events.
    Batch(Vec<IncomingEvent<'a>>),
}

/// The data that the events of a request share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    pub(crate) source: &'a str,
    pub(crate) received_at: Timestamp,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> RequestContext<'a> {
    /// Splits a body into its events.
    pub(crate) fn split(self, body: &'a [u8]) -> Result<RequestBody<'a>, BodyError> {
        // Some producers send a byte order mark, which has no meaning.
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        Ok(match body_format(self.headers)? {
            BodyFormat::Json if first_byte(body) == Some(b'[') => self.batch(array_elements(body)?, Form::Event),
            BodyFormat::Json => self.single(json_value(body)?, Form::Event),
            BodyFormat::JsonLines => self.batch(non_empty_lines(body), Form::Event),
            BodyFormat::Envelope => self.single(json_value(body)?, Form::CloudEvent),
            BodyFormat::EnvelopeArray if first_byte(body) == Some(b'{') => return Err(single_envelope()),
            BodyFormat::EnvelopeArray => self.batch(array_elements(body)?, Form::CloudEvent),
            BodyFormat::Binary(attributes) => self.binary_mode(body, attributes)?,
        })
    }

    fn single(self, bytes: &'a [u8], form: Form) -> RequestBody<'a> {
        RequestBody::Single(Box::new(self.incoming_event(bytes, form, idempotency_key(self.headers))))
    }

    fn batch(self, events: Vec<&'a [u8]>, form: Form) -> RequestBody<'a> {
        // The request has one key. With its index, each event has a key of its own.
        let key = idempotency_key(self.headers);
        let key_of = |index: usize| key.as_ref().map(|key| format!("{key}/{index}"));
        let events =
            events.into_iter().enumerate().map(|(index, bytes)| self.incoming_event(bytes, form, key_of(index)));
        RequestBody::Batch(events.collect())
    }

    fn binary_mode(
        self,
        body: &'a [u8],
        attributes: Result<Attributes, Vec<Violation>>,
    ) -> Result<RequestBody<'a>, BodyError> {
        // The attributes may be the whole event.
        let bytes = if first_byte(body).is_none() { b"{}" } else { json_value(body)? };
        let mut event = self.incoming_event(bytes, Form::Event, None);
        match attributes {
            Ok(attributes) => event.raw.attributes = Attributes { hops: hops(self.headers), ..attributes },
            Err(violations) => event.rejection = Some(Rejection { event_type: None, violations }),
        }
        Ok(RequestBody::Single(Box::new(event)))
    }

    fn incoming_event(self, bytes: &'a [u8], form: Form, id: Option<String>) -> IncomingEvent<'a> {
        let attributes = Attributes { id, hops: hops(self.headers), ..Attributes::default() };
        IncomingEvent { raw: RawEvent { attributes, form, ..self.raw_event(bytes) }, rejection: None }
    }

    /// Returns bytes as an event without attributes. The quarantine stores a body that was not split in this form.
    pub(crate) fn raw_event(self, bytes: &'a [u8]) -> RawEvent<'a> {
        RawEvent {
            source: self.source,
            bytes: Cow::Borrowed(bytes),
            form: Form::Event,
            attributes: Attributes::default(),
            received_at: self.received_at,
        }
    }
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Returns the single JSON value of a body.
fn json_value(body: &[u8]) -> Result<&[u8], BodyError> {
    serde_json::from_slice::<&RawValue>(body).map(|value| value.get().as_bytes()).map_err(invalid_json)
}

/// Returns the elements of the single JSON array of a body: at most one more than a request may contain, so that the memory
/// for them is bounded. The rest of such a body is not parsed.
fn array_elements(body: &[u8]) -> Result<Vec<&[u8]>, BodyError> {
    let mut elements = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = deserializer.deserialize_seq(ElementVisitor(&mut elements)).and_then(|()| deserializer.end());
    match parsed {
        Err(error) if elements.len() <= MAX_EVENTS_PER_REQUEST => Err(invalid_json(error)),
        _ => Ok(elements),
    }
}

/// Collects the elements of an array until there are too many.
struct ElementVisitor<'a, 'de>(&'a mut Vec<&'de [u8]>);

impl<'de> Visitor<'de> for ElementVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while self.0.len() <= MAX_EVENTS_PER_REQUEST
            && let Some(element) = elements.next_element::<&RawValue>()?
        {
            self.0.push(element.get().as_bytes());
        }
        Ok(())
    }
}

/// Returns the lines of a body that are not empty: at most one more than a request may contain. A line that is not JSON is
/// an invalid event.
fn non_empty_lines(body: &[u8]) -> Vec<&[u8]> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take(MAX_EVENTS_PER_REQUEST + 1).collect()
}

/// The error of an object that is sent as an array of envelopes.
fn single_envelope() -> BodyError {
    let message = "expected an array of CloudEvents envelopes, found an object: send a single envelope as \
                   application/cloudevents+json";
    BodyError::new(ProblemType::BadRequest, "cloudevents", message)
}

/// The error of a body that is not JSON.
pub(crate) fn invalid_json(error: impl Display) -> BodyError {
    let message = format!("expected a JSON event or an array of events, found invalid JSON: {error}");
    BodyError::new(ProblemType::BadRequest, "json", message)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn split<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<RequestBody<'a>, BodyError> {
        RequestContext { source: "s", received_at: Timestamp::UNIX_EPOCH, headers }.split(body)
    }

    fn texts<'a>(body: &'a RequestBody<'a>) -> Vec<&'a str> {
        let events = match body {
            RequestBody::Single(event) => std::slice::from_ref(&**event),
            RequestBody::Batch(events) => events,
        };
        events.iter().map(|event| std::str::from_utf8(&event.raw.bytes).unwrap()).collect()
    }

    #[test]
    fn events_keep_their_bytes() {
        let json = HeaderMap::new();
        let batch = split(&json, b" [ {\"a\" : 1.0e0},{\"b\":\"\\u00e9\"} ]\n").unwrap();
        assert_eq!(texts(&batch), ["{\"a\" : 1.0e0}", "{\"b\":\"\\u00e9\"}"]);
        for body in [&b"\n{ }\n"[..], b"\xef\xbb\xbf{ }"] {
            let single = split(&json, body).unwrap();
            assert!(matches!(single, RequestBody::Single(_)));
            assert_eq!(texts(&single), ["{ }"]);
        }
        let lines = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/x-ndjson".parse().unwrap())]);
        assert_eq!(texts(&split(&lines, b"{ }\r\n\n{\"a\":1}\nhello").unwrap()), ["{ }", "{\"a\":1}", "hello"]);
    }

    #[test]
    fn splitting_stops_when_there_are_too_many_events() {
        let count = |media_type: &str, body: &[u8]| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.parse().unwrap())]);
            match split(&headers, body) {
                Ok(RequestBody::Batch(events)) => events.len(),
                other => panic!("{other:?}"),
            }
        };
        for (elements, counted) in [(999, 1000), (1000, 1001), (100_000, 1001)] {
            let array = format!("[{}0]", "0,".repeat(elements));
            assert_eq!(count("application/json", array.as_bytes()), counted);
            assert_eq!(count("application/cloudevents-batch+json", array.as_bytes()), counted);
            assert_eq!(count("application/x-ndjson", array.replace(',', "\n").as_bytes()), counted);
        }
        // The rest is not parsed.
        assert_eq!(count("application/json", format!("[{}", "0,".repeat(2000)).as_bytes()), 1001);
    }

    #[test]
    fn single_envelope_in_a_batch_is_rejected_with_advice() {
        let batch =
            HeaderMap::from_iter([(header::CONTENT_TYPE, "application/cloudevents-batch+json".parse().unwrap())]);
        let error = split(&batch, b" {\"id\": 1}").map(|_| ()).unwrap_err();
        assert_eq!((error.problem_type, error.violation.keyword.as_str()), (ProblemType::BadRequest, "cloudevents"));
        assert!(error.violation.message.contains("application/cloudevents+json"), "{}", error.violation.message);
    }

    #[test]
    fn invalid_json_is_rejected_with_its_position() {
        for body in [&b""[..], b"{", b"{} {}", b"[1,]", b"\xff", b"hello"] {
            let error = split(&HeaderMap::new(), body).map(|_| ()).unwrap_err();
            assert_eq!((error.problem_type, error.violation.keyword.as_str()), (ProblemType::BadRequest, "json"));
            assert!(error.violation.message.contains("line"), "{}", error.violation.message);
        }
    }

    #[test]
    fn events_of_a_batch_get_a_key_each() {
        let headers: HeaderMap =
            [(header::HeaderName::from_static("idempotency-key"), "k".parse().unwrap())].into_iter().collect();
        let ids = |body| match split(&headers, body).unwrap() {
            RequestBody::Single(event) => vec![event.raw.attributes.id],
            RequestBody::Batch(events) => events.into_iter().map(|event| event.raw.attributes.id).collect(),
        };
        assert_eq!(ids(b"{}"), [Some("k".to_owned())]);
        assert_eq!(ids(b"[{}, {}]"), [Some("k/0".to_owned()), Some("k/1".to_owned())]);
    }

    #[test]
    fn envelope_in_the_headers_needs_no_body() {
        let headers = |version: &'static str| -> HeaderMap {
            let values = [("ce-specversion", version), ("ce-id", "1"), ("ce-source", "/ci"), ("ce-type", "t")];
            let name = header::HeaderName::from_static;
            values.into_iter().map(|(header, value)| (name(header), value.parse().unwrap())).collect()
        };
        let valid = headers("1.0");
        assert_eq!(texts(&split(&valid, b"").unwrap()), ["{}"]);
        let invalid = headers("0.3");
        let Ok(RequestBody::Single(event)) = split(&invalid, b"{}") else { panic!("one event") };
        assert_eq!(event.rejection.unwrap().violations[0].pointer, "/specversion");
    }
}
