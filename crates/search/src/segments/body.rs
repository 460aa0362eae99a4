//! What the events of a segment are beyond its head: their payloads, and what no search asks for. With the head, that
//! is each event as it was stored.

use std::sync::Arc;

use events::{Event, EventId, Fields};
use jiff::Timestamp;
use model::Field;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::{Deserialize, Serialize};
use store::Error;

use super::header::SegmentHeader;
use super::row::{Row, RowExtras};
use super::zstd_frame::capacity;

/// More than the payloads of one segment have.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// The body of a segment, packed.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The payloads.
    pub(super) text: Vec<u8>,
    /// The [`BodyExtras`]; empty in what was packed before there were any.
    pub(super) rests: Vec<u8>,
}

/// What no search asks for, of every event.
#[derive(Debug, Default, Serialize, Deserialize)]
struct BodyExtras {
    /// When each was received, in nanoseconds after the one before: many come together.
    received: Vec<i64>,
    stored: Vec<Option<i64>>,
    no_time: Vec<bool>,
    versions: Vec<Option<u32>>,
}

impl Body {
    /// Packs the text of these rows, and what else they have, with this effort.
    pub(super) fn new(rows: &[Row], text: &[u8], level: i32) -> Result<Self, Error> {
        let mut rests = BodyExtras::default();
        let mut before = 0;
        for RowExtras { received, stored, no_time, version } in rows.iter().map(|row| row.rest) {
            rests.received.push(received.wrapping_sub(std::mem::replace(&mut before, received)));
            rests.stored.push(stored);
            rests.no_time.push(no_time);
            rests.versions.push(version);
        }
        let rests = postcard::to_allocvec(&rests).map_err(corrupt)?;
        let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, level).map_err(corrupt);
        Ok(Self { text: pack(text)?, rests: pack(&rests)? })
    }

    /// The bytes that it is kept in.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.rests.len()
    }

    /// The payloads, each followed by a byte that none of them has.
    pub(crate) fn text(&self) -> Result<Vec<u8>, Error> {
        inflate(&self.text)
    }

    /// Its events, to be taken one by one; `None` where an earlier version has not packed all of them, or this is another
    /// head's.
    pub(crate) fn open(&self, head: Arc<SegmentHeader>) -> Result<Option<Opened>, Error> {
        if self.rests.is_empty() {
            return Ok(None);
        }
        let mut rests: BodyExtras = postcard::from_bytes(&inflate(&self.rests)?).map_err(corrupt)?;
        let mut before = 0i64;
        for received in &mut rests.received {
            before = before.wrapping_add(*received);
            *received = before;
        }
        let (text, starts) = (self.text()?, head.starts());
        let end = starts.last().map_or(0, |last| last + head.length(starts.len() - 1).map_or(0, |length| length + 1));
        let is_its = rests.received.len() == starts.len() && text.len() == end;
        Ok(is_its.then(|| Opened { text, starts, entities: head.entities(), head, rests }))
    }
}

/// The events of a segment.
pub(crate) struct Opened {
    head: Arc<SegmentHeader>,
    text: Vec<u8>,
    /// Where the payload of each begins.
    starts: Vec<usize>,
    /// Where the entities of each begin.
    entities: Vec<usize>,
    rests: BodyExtras,
}

impl Opened {
    /// Whether the payload of a row is here.
    pub(crate) fn has(&self, row: usize) -> bool {
        self.head.length(row).is_some()
    }

    /// The event of a row; `None` where its payload is not in the text.
    pub(crate) fn event(&self, row: usize) -> Result<Option<Event>, Error> {
        let Some(length) = self.head.length(row) else { return Ok(None) };
        let event = || {
            let value = |field| self.head.value(field, row);
            let owned = |field| value(field).map(str::to_owned);
            let hit = self.head.hit(row);
            let start = *self.starts.get(row)?;
            let received_at = Timestamp::from_nanosecond((*self.rests.received.get(row)?).into()).ok()?;
            let level = value(Field::Level);
            Some(Event {
                id: EventId::from_u64(hit.id)?,
                source: owned(Field::Source)?,
                catalog: owned(Field::Catalog)?,
                received_at,
                stored_at: self.rests.stored.get(row)?.and_then(|at| Timestamp::from_millisecond(at).ok()),
                fields: Fields {
                    scope: named(value(Field::Scope)?)?,
                    event_type: owned(Field::Type)?,
                    time: Timestamp::from_nanosecond(hit.time.into()).ok()?,
                    time_given: !*self.rests.no_time.get(row)?,
                    actor: owned(Field::Actor),
                    subject: owned(Field::Subject),
                    entities: self.head.entities_from(*self.entities.get(row)?, row),
                    project: owned(Field::Project),
                    environment: owned(Field::Environment),
                    level: level.map(|level| named(level).ok_or(())).transpose().ok()?,
                    schema_version: *self.rests.versions.get(row)?,
                },
                payload: self.text.get(start..start + length)?.to_vec(),
            })
        };
        event().map(Some).ok_or_else(|| corrupt("an event that cannot be read"))
    }
}

/// A scope or level by its name.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<Unknown>::new(name)).ok()
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, Error> {
    zstd::bulk::decompress(packed, capacity(packed, MAX_TEXT_BYTES)).map_err(corrupt)
}

fn corrupt(reason: impl std::fmt::Display) -> Error {
    Error::corrupt("segments", reason)
}

#[cfg(test)]
mod tests {
    use events::{Level, Scope};
    use proptest::prelude::*;

    use super::*;
    use crate::segments::columns::MAX_PAYLOAD;

    fn event(id: u64, text: Option<&str>, number: i64, entities: Vec<String>) -> Event {
        let own = |name: &str| text.map(|text| format!("{name}{text}"));
        let at = |ns: i64| Timestamp::from_nanosecond(1_764_000_000_000_000_000 + i128::from(ns)).unwrap();
        Event {
            id: EventId::from_u64(id << 12).unwrap(),
            source: "mm".to_owned(),
            catalog: "migration-manager".to_owned(),
            received_at: at(number),
            stored_at: text.map(|_| Timestamp::from_millisecond(number / 1_000_000).unwrap()),
            fields: Fields {
                scope: if number % 2 == 0 { Scope::Logging } else { Scope::Signal },
                event_type: own("t").unwrap_or_default(),
                time: at(number / 3),
                time_given: number % 3 == 0,
                actor: own("a"),
                subject: own("u"),
                entities,
                project: text.map(str::to_owned),
                environment: own("v"),
                level: (number % 2 == 0).then_some(Level::Warn),
                schema_version: text.map(|_| 3),
            },
            payload: format!("{{\"n\":{number}}}").into_bytes(),
        }
    }

    fn opened(events: &[Event]) -> Opened {
        let rows: Vec<Row> = events.iter().map(|event| Row::new(event.clone(), None)).collect();
        let (head, text) = SegmentHeader::new(&rows);
        let head = SegmentHeader::decode(&head.encode().unwrap()).unwrap();
        Body::new(&rows, &text, 1).unwrap().open(Arc::new(head)).unwrap().unwrap()
    }

    proptest! {
        #[test]
        fn events_come_out_as_they_went_in(
            all in prop::collection::vec(
                (prop::option::of("[a-c]{0,2}"), 0i64..1 << 60, prop::collection::vec("[a-c]{0,2}", 0..4)),
                1..20,
            ),
        ) {
            let events: Vec<Event> = (1..).zip(all).map(|(id, (text, number, entities))| {
                event(id, text.as_deref(), number, entities)
            }).collect();
            let opened = opened(&events);
            for (row, event) in events.iter().enumerate() {
                prop_assert_eq!(&opened.event(row).unwrap().unwrap(), event);
            }
        }
    }

    #[test]
    fn what_is_not_in_the_text_is_not_given() {
        let large = Event { payload: vec![b' '; MAX_PAYLOAD + 1], ..event(1, None, 0, Vec::new()) };
        let opened = opened(&[large, event(2, None, 5, Vec::new())]);
        assert_eq!(opened.event(0).unwrap(), None);
        assert_eq!(opened.event(1).unwrap().unwrap().payload, b"{\"n\":5}");
    }

    #[test]
    fn another_heads_body_is_not_opened() {
        let of = |numbers: &[i64]| {
            let rows: Vec<Row> =
                (1..).zip(numbers).map(|(id, number)| Row::new(event(id, None, *number, Vec::new()), None)).collect();
            let (head, text) = SegmentHeader::new(&rows);
            (Arc::new(head), Body::new(&rows, &text, 1).unwrap())
        };
        let ((head, body), (_, longer), (_, more)) = (of(&[1, 2]), of(&[1, 22]), of(&[1, 2, 3]));
        assert!(body.open(Arc::clone(&head)).unwrap().is_some());
        assert!(longer.open(Arc::clone(&head)).unwrap().is_none());
        assert!(more.open(head).unwrap().is_none());
    }

    #[test]
    fn what_an_earlier_version_packed_is_read_from_the_log() {
        let body = Body { rests: Vec::new(), ..Body::new(&[], b"", 1).unwrap() };
        assert!(body.open(Arc::default()).unwrap().is_none());
    }
}
