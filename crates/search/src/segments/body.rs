//! The body of a segment: the payloads and the fields that cannot be searched. Header and body together contain each
//! event as it was stored.

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
use super::zstd_frame::{compress, decompressed_size};

/// Upper bound of the bytes of a segment's payloads.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// The body of a segment, compressed.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The payloads, compressed.
    pub(super) text: Vec<u8>,
    /// The [`BodyExtras`], compressed; empty in segments of earlier versions.
    pub(super) extras: Vec<u8>,
}

/// The fields of every event that cannot be searched. The format is positional.
#[derive(Debug, Default, Serialize, Deserialize)]
struct BodyExtras {
    /// Time of receipt of each event, in nanoseconds after the previous event's: the differences are small.
    received: Vec<i64>,
    stored: Vec<Option<i64>>,
    is_time_missing: Vec<bool>,
    versions: Vec<Option<u32>>,
}

impl Body {
    /// Compresses the text and the extras of these rows at this zstd level.
    pub(super) fn new(rows: &[Row], text: &[u8], level: i32) -> Result<Self, Error> {
        let mut extras = BodyExtras::default();
        let mut before = 0;
        for RowExtras { received, stored, is_time_missing, version } in rows.iter().map(|row| row.extras) {
            extras.received.push(received.wrapping_sub(std::mem::replace(&mut before, received)));
            extras.stored.push(stored);
            extras.is_time_missing.push(is_time_missing);
            extras.versions.push(version);
        }
        let extras = postcard::to_allocvec(&extras).map_err(corrupt)?;
        let compress = |bytes: &[u8]| compress(bytes, level).map_err(corrupt);
        Ok(Self { text: compress(text)?, extras: compress(&extras)? })
    }

    /// Returns its compressed bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.extras.len()
    }

    /// Returns the payloads, each followed by a separator.
    pub(crate) fn text(&self) -> Result<Vec<u8>, Error> {
        decompress(&self.text)
    }

    /// Decompresses the body. Returns `None` if an earlier version wrote it without extras, or if it does not belong to
    /// the header.
    pub(crate) fn open(&self, header: Arc<SegmentHeader>) -> Result<Option<DecompressedSegment>, Error> {
        if self.extras.is_empty() {
            return Ok(None);
        }
        let mut extras: BodyExtras = postcard::from_bytes(&decompress(&self.extras)?).map_err(corrupt)?;
        let mut before = 0i64;
        for received in &mut extras.received {
            before = before.wrapping_add(*received);
            *received = before;
        }
        let (text, starts) = (self.text()?, header.payload_offsets());
        let end = starts.last().map_or(0, |last| last + header.length(starts.len() - 1).map_or(0, |length| length + 1));
        let belongs = extras.received.len() == starts.len() && text.len() == end;
        Ok(belongs.then(|| DecompressedSegment { text, starts, entities: header.entity_starts(), header, extras }))
    }
}

/// The decompressed events of a segment.
pub(crate) struct DecompressedSegment {
    header: Arc<SegmentHeader>,
    text: Vec<u8>,
    /// Offset of each event's payload in the text.
    starts: Vec<usize>,
    /// Index of each event's first entity code in the header.
    entities: Vec<usize>,
    extras: BodyExtras,
}

impl DecompressedSegment {
    /// Returns whether the text contains the payload of a row.
    pub(crate) fn has(&self, row: usize) -> bool {
        self.header.length(row).is_some()
    }

    /// Returns the event of a row; `None` if its payload is not in the text.
    pub(crate) fn event(&self, row: usize) -> Result<Option<Event>, Error> {
        let Some(length) = self.header.length(row) else { return Ok(None) };
        let event = || {
            let value = |field| self.header.value(field, row);
            let owned = |field| value(field).map(str::to_owned);
            let hit = self.header.hit(row);
            let start = *self.starts.get(row)?;
            let received_at = Timestamp::from_nanosecond((*self.extras.received.get(row)?).into()).ok()?;
            let level = value(Field::Level);
            Some(Event {
                id: EventId::from_u64(hit.id)?,
                source: owned(Field::Source)?,
                catalog: owned(Field::Catalog)?,
                received_at,
                stored_at: self.extras.stored.get(row)?.and_then(|at| Timestamp::from_millisecond(at).ok()),
                // A segment has neither hops nor a nudge: only deliveries depend on them, and read the events table.
                hops: 0,
                nudge: None,
                fields: Fields {
                    scope: parse_name(value(Field::Scope)?)?,
                    event_type: owned(Field::Type)?,
                    time: Timestamp::from_nanosecond(hit.time.into()).ok()?,
                    time_given: !*self.extras.is_time_missing.get(row)?,
                    actor: owned(Field::Actor),
                    subject: owned(Field::Subject),
                    entities: self.header.entities_from(*self.entities.get(row)?, row),
                    project: owned(Field::Project),
                    environment: owned(Field::Environment),
                    level: level.map(|level| parse_name(level).ok_or(())).transpose().ok()?,
                    schema_version: *self.extras.versions.get(row)?,
                },
                payload: self.text.get(start..start + length)?.to_vec(),
            })
        };
        event().map(Some).ok_or_else(|| corrupt("an event of a segment is invalid"))
    }
}

/// Parses the name of a scope or level.
pub(super) fn parse_name<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<Unknown>::new(name)).ok()
}

fn decompress(packed: &[u8]) -> Result<Vec<u8>, Error> {
    zstd::bulk::decompress(packed, decompressed_size(packed, MAX_TEXT_BYTES)).map_err(corrupt)
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
            hops: 0,
            nudge: None,
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

    fn opened(events: &[Event]) -> DecompressedSegment {
        let rows: Vec<Row> = events.iter().map(|event| Row::new(event.clone(), None)).collect();
        let (header, text) = SegmentHeader::new(&rows);
        let header = SegmentHeader::decode(&header.encode().unwrap()).unwrap();
        Body::new(&rows, &text, 1).unwrap().open(Arc::new(header)).unwrap().unwrap()
    }

    proptest! {
        #[test]
        fn events_survive_a_round_trip(
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
    fn payloads_that_are_not_in_the_text_are_not_returned() {
        let large = Event { payload: vec![b' '; MAX_PAYLOAD + 1], ..event(1, None, 0, Vec::new()) };
        let opened = opened(&[large, event(2, None, 5, Vec::new())]);
        assert_eq!(opened.event(0).unwrap(), None);
        assert_eq!(opened.event(1).unwrap().unwrap().payload, b"{\"n\":5}");
    }

    #[test]
    fn the_body_of_another_header_is_not_opened() {
        let of = |numbers: &[i64]| {
            let rows: Vec<Row> =
                (1..).zip(numbers).map(|(id, number)| Row::new(event(id, None, *number, Vec::new()), None)).collect();
            let (header, text) = SegmentHeader::new(&rows);
            (Arc::new(header), Body::new(&rows, &text, 1).unwrap())
        };
        let ((header, body), (_, longer), (_, more)) = (of(&[1, 2]), of(&[1, 22]), of(&[1, 2, 3]));
        assert!(body.open(Arc::clone(&header)).unwrap().is_some());
        assert!(longer.open(Arc::clone(&header)).unwrap().is_none());
        assert!(more.open(header).unwrap().is_none());
    }

    #[test]
    fn bodies_of_earlier_versions_are_not_opened() {
        let body = Body { extras: Vec::new(), ..Body::new(&[], b"", 1).unwrap() };
        assert!(body.open(Arc::default()).unwrap().is_none());
    }
}
