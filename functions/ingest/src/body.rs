//! From a request's body to the events in it, each as the bytes that were sent.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::HeaderMap;
use events::{Attributes, Form, RawEvent, Rejection, Violation};
use jiff::Timestamp;
use serde_json::value::RawValue;
use web::ProblemType;

use crate::media::{Media, media, request_id};

/// The most events of one request.
pub(crate) const MAX_EVENTS: usize = 1000;

/// A body that cannot be taken for events at all.
#[derive(Debug)]
pub(crate) struct Unread {
    /// What the request is answered with.
    pub(crate) kind: ProblemType,
    /// Why.
    pub(crate) violation: Violation,
}

impl Unread {
    pub(crate) fn new(kind: ProblemType, keyword: &str, message: impl Into<String>) -> Self {
        Self { kind, violation: Violation::new("", keyword, message) }
    }
}

/// One event of a body.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) arrival: RawEvent<'a>,
    /// What is wrong with it that can be seen before it is read.
    pub(crate) refused: Option<Rejection>,
}

/// The events of a body.
#[derive(Debug)]
pub(crate) enum Sent<'a> {
    /// One event.
    One(Box<Piece<'a>>),
    /// Any number.
    Batch(Vec<Piece<'a>>),
}

/// What the events of a request have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) source: &'a str,
    pub(crate) received_at: Timestamp,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> Request<'a> {
    /// Splits a body into its events.
    pub(crate) fn split(self, body: &'a [u8]) -> Result<Sent<'a>, Unread> {
        // Some write it, nobody means it.
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        Ok(match media(self.headers)? {
            Media::Json if first_byte(body) == Some(b'[') => self.batch(elements(body)?, Form::Event),
            Media::Json => self.one(whole(body)?, Form::Event),
            Media::Lines => self.batch(lines(body), Form::Event),
            Media::Envelope => self.one(whole(body)?, Form::CloudEvent),
            Media::Envelopes => self.batch(elements(body)?, Form::CloudEvent),
            Media::Binary(said) => self.binary(body, said)?,
        })
    }

    fn one(self, bytes: &'a [u8], form: Form) -> Sent<'a> {
        Sent::One(Box::new(self.piece(bytes, form, request_id(self.headers))))
    }

    fn batch(self, events: Vec<&'a [u8]>, form: Form) -> Sent<'a> {
        // One id for all of them tells each by its place.
        let id = request_id(self.headers);
        let place = |place: usize| id.as_ref().map(|id| format!("{id}/{place}"));
        let pieces = events.into_iter().enumerate().map(|(index, bytes)| self.piece(bytes, form, place(index)));
        Sent::Batch(pieces.collect())
    }

    fn binary(self, body: &'a [u8], said: Result<Attributes, Vec<Violation>>) -> Result<Sent<'a>, Unread> {
        // An envelope may be all there is.
        let bytes = if first_byte(body).is_none() { b"{}" } else { whole(body)? };
        let mut piece = self.piece(bytes, Form::Event, None);
        match said {
            Ok(attributes) => piece.arrival.attributes = attributes,
            Err(violations) => piece.refused = Some(Rejection { event_type: None, violations }),
        }
        Ok(Sent::One(Box::new(piece)))
    }

    fn piece(self, bytes: &'a [u8], form: Form, id: Option<String>) -> Piece<'a> {
        Piece {
            arrival: RawEvent { attributes: Attributes { id, ..Attributes::default() }, form, ..self.arrival(bytes) },
            refused: None,
        }
    }

    /// Bytes of which no more is known than that they came.
    pub(crate) fn arrival(self, bytes: &'a [u8]) -> RawEvent<'a> {
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

/// The one JSON value of a body.
fn whole(body: &[u8]) -> Result<&[u8], Unread> {
    serde_json::from_slice::<&RawValue>(body).map(|value| value.get().as_bytes()).map_err(not_json)
}

/// The elements of the one JSON array of a body.
fn elements(body: &[u8]) -> Result<Vec<&[u8]>, Unread> {
    let elements: Vec<&RawValue> = serde_json::from_slice(body).map_err(not_json)?;
    Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect())
}

/// The lines of a body that hold anything. One that is not JSON is one event that cannot be read.
fn lines(body: &[u8]) -> Vec<&[u8]> {
    body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect()
}

/// What is said of a body that a JSON parser does not read.
pub(crate) fn not_json(error: impl Display) -> Unread {
    let message = format!("expected one JSON event or an array of events, found what is not JSON: {error}");
    Unread::new(ProblemType::BadRequest, "json", message)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn split<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Sent<'a>, Unread> {
        Request { source: "s", received_at: Timestamp::UNIX_EPOCH, headers }.split(body)
    }

    fn texts<'a>(sent: &'a Sent<'a>) -> Vec<&'a str> {
        let pieces = match sent {
            Sent::One(piece) => std::slice::from_ref(&**piece),
            Sent::Batch(pieces) => pieces,
        };
        pieces.iter().map(|piece| std::str::from_utf8(&piece.arrival.bytes).unwrap()).collect()
    }

    #[test]
    fn events_keep_their_bytes() {
        let json = HeaderMap::new();
        let batch = split(&json, b" [ {\"a\" : 1.0e0},{\"b\":\"\\u00e9\"} ]\n").unwrap();
        assert_eq!(texts(&batch), ["{\"a\" : 1.0e0}", "{\"b\":\"\\u00e9\"}"]);
        for body in [&b"\n{ }\n"[..], b"\xef\xbb\xbf{ }"] {
            let one = split(&json, body).unwrap();
            assert!(matches!(one, Sent::One(_)));
            assert_eq!(texts(&one), ["{ }"]);
        }
        let lines = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/x-ndjson".parse().unwrap())]);
        assert_eq!(texts(&split(&lines, b"{ }\r\n\n{\"a\":1}\nhello").unwrap()), ["{ }", "{\"a\":1}", "hello"]);
    }

    #[test]
    fn what_is_not_json_says_where() {
        for body in [&b""[..], b"{", b"{} {}", b"[1,]", b"\xff", b"hello"] {
            let unread = split(&HeaderMap::new(), body).map(|_| ()).unwrap_err();
            assert_eq!((unread.kind, unread.violation.keyword.as_str()), (ProblemType::BadRequest, "json"));
            assert!(unread.violation.message.contains("line"), "{}", unread.violation.message);
        }
    }

    #[test]
    fn one_id_of_a_request_is_one_for_each_event() {
        let headers: HeaderMap =
            [(header::HeaderName::from_static("idempotency-key"), "k".parse().unwrap())].into_iter().collect();
        let ids = |body| match split(&headers, body).unwrap() {
            Sent::One(piece) => vec![piece.arrival.attributes.id],
            Sent::Batch(pieces) => pieces.into_iter().map(|piece| piece.arrival.attributes.id).collect(),
        };
        assert_eq!(ids(b"{}"), [Some("k".to_owned())]);
        assert_eq!(ids(b"[{}, {}]"), [Some("k/0".to_owned()), Some("k/1".to_owned())]);
    }

    #[test]
    fn an_envelope_in_the_headers_needs_no_body() {
        let of = |version: &'static str| -> HeaderMap {
            let names = [("ce-specversion", version), ("ce-id", "1"), ("ce-source", "/ci"), ("ce-type", "t")];
            let name = header::HeaderName::from_static;
            names.into_iter().map(|(header, value)| (name(header), value.parse().unwrap())).collect()
        };
        let headers = of("1.0");
        assert_eq!(texts(&split(&headers, b"").unwrap()), ["{}"]);
        let headers = of("0.3");
        let Ok(Sent::One(piece)) = split(&headers, b"{}") else { panic!("one event") };
        assert_eq!(piece.refused.unwrap().violations[0].pointer, "/specversion");
    }
}
