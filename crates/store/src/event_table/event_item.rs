//! How an event lies in the `events` table: one item, short attribute names, the payload
//! compressed where that is smaller.

use std::borrow::Cow;
use std::cell::RefCell;

use events::{Event, EventId, Fields, Fingerprint, Level, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

use crate::error::Error;
use crate::segments::LATE;

/// DynamoDB ends items at 400 KB; this leaves room for the other attributes.
const MAX_STORED: usize = 384 * 1024;

/// The bytes that are left for the texts that an event is found by, beside the keys of the indexes. What
/// is more takes the payload's room.
const BESIDE: usize = 8 * 1024;

/// What a text takes besides its own bytes.
const ENTRY: usize = 4;

/// Payloads under this many bytes are kept as they are: zstd would not shrink them.
const MIN_COMPRESSED: usize = 192;

/// zstd's own default: about 400 MB/s, close to its best ratio on JSON of this size.
const ZSTD_LEVEL: i32 = 3;

/// More than any payload that ingest takes: what inflates past it is not ours.
const MAX_PAYLOAD: usize = 32 * 1024 * 1024;

/// An event as its item. `ks`, `ka`, `kp`, `kt` and `kl` are the partition keys of the indexes, absent
/// where the event has no such value or is not late, which is what keeps the indexes sparse.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventItem {
    pub(crate) pk: String,
    /// The event's id.
    pub(crate) sk: EventId,
    /// Source.
    s: String,
    /// Catalog.
    c: String,
    /// Scope.
    o: Scope,
    /// Type.
    t: String,
    /// Actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<String>,
    /// Subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<String>,
    /// Entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    e: Vec<String>,
    /// Project.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    /// Environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<String>,
    /// Level.
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<Level>,
    /// The event's time in nanoseconds since 1970: ids hold milliseconds, and spill.
    tm: i64,
    /// When it was received.
    r: Timestamp,
    /// Schema version.
    #[serde(skip_serializing_if = "Option::is_none")]
    sv: Option<u32>,
    /// Whether the time is that of receipt, because the producer gave none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nt: bool,
    /// When DynamoDB may remove it, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
    /// Fingerprint.
    #[serde(with = "serde_bytes")]
    fp: Vec<u8>,
    #[serde(with = "serde_bytes")]
    payload: Vec<u8>,
    /// How `payload` is compressed: absent, or `zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ka: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kp: Option<String>,
    kt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kl: Option<String>,
    /// When it was stored, in milliseconds since 1970, where that was late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<i64>,
}

/// The partition key of the base table's shard.
pub(crate) fn shard_key(shard: u16) -> String {
    format!("E#{shard}")
}

/// The partition key of an index's shard.
pub(crate) fn index_key(value: &str, shard: u16) -> String {
    format!("{}#{shard}", bounded(value))
}

/// The partition key of a shard of the index of late events.
pub(crate) fn late_key(shard: u16) -> String {
    format!("L#{shard}")
}

/// The partition key of a further entity's link items.
pub(crate) fn link_key(entity: &str, shard: u16) -> String {
    format!("X#{}#{shard}", bounded(entity))
}

/// The partition key of the item that says which event has a fingerprint.
pub(crate) fn claim_key(fingerprint: &Fingerprint) -> String {
    format!("F#{}", hex::encode(fingerprint.as_bytes()))
}

/// A value as part of a partition key, which DynamoDB ends at 2,048 bytes: a longer one stands
/// there as its hash, and the item's own attribute tells it from any other.
fn bounded(value: &str) -> Cow<'_, str> {
    const MAX: usize = 1024;
    if value.len() <= MAX {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("sha256:{}", hex::encode(Sha256::digest(value))))
}

impl EventItem {
    /// The item of an event. Its place (`pk`, `sk` and the index keys) is set by [`Self::place`].
    pub(crate) fn new(event: &Event, fingerprint: &Fingerprint, expires: Option<i64>) -> Result<Self, Error> {
        let (payload, z) = compress(&event.payload)?;
        let fields = event.fields.clone();
        let texts = [&fields.actor, &fields.subject, &fields.project, &fields.environment];
        let beside: usize =
            texts.into_iter().flatten().chain(&fields.entities).map(|text| text.len() + ENTRY).sum::<usize>();
        let (sent, stored) = (event.payload.len(), payload.len() + beside.saturating_sub(BESIDE));
        if stored > MAX_STORED {
            return Err(Error::TooLarge { sent, stored, limit: MAX_STORED });
        }
        Ok(Self {
            pk: String::new(),
            sk: event.id,
            s: event.source.clone(),
            c: event.catalog.clone(),
            o: fields.scope,
            t: fields.event_type,
            a: fields.actor,
            u: fields.subject,
            e: fields.entities,
            p: fields.project,
            v: fields.environment,
            l: fields.level,
            tm: nanoseconds(fields.time),
            r: event.received_at,
            sv: fields.schema_version,
            nt: !fields.time_given,
            expires,
            fp: fingerprint.as_bytes().to_vec(),
            payload,
            z,
            ks: None,
            ka: None,
            kp: None,
            kt: String::new(),
            kl: None,
            w: None,
        })
    }

    /// Notes that it is stored at this time, where that is late (see `segments`).
    pub(crate) fn stored_at(&mut self, now: Timestamp) {
        let late = i128::from(self.tm) + LATE.as_nanos() < now.as_nanosecond();
        self.w = late.then(|| now.as_millisecond());
    }

    /// Puts the item at an id of a log with this many shards.
    pub(crate) fn place(&mut self, id: EventId, shards: u16) {
        let shard = id.shard(shards);
        let key = |value: &Option<String>| {
            value.as_deref().filter(|value| !value.is_empty()).map(|value| index_key(value, shard))
        };
        self.sk = id;
        self.pk = shard_key(shard);
        self.ks = key(&self.u);
        self.ka = key(&self.a);
        self.kp = key(&self.p);
        self.kt = index_key(&self.t, shard);
        self.kl = self.w.map(|_| late_key(shard));
    }

    /// The entities beyond the first, each once: those that get a link item.
    pub(crate) fn further_entities(&self) -> Vec<&str> {
        let mut further: Vec<&str> = Vec::new();
        for entity in self.e.iter().map(String::as_str) {
            if !entity.is_empty() && self.u.as_deref() != Some(entity) && !further.contains(&entity) {
                further.push(entity);
            }
        }
        further
    }

    /// The event that the item holds.
    pub(crate) fn into_event(self) -> Result<Event, Error> {
        let id = self.sk;
        let corrupt = |reason: String| Error::corrupt("events", format!("event {id}: {reason}"));
        let payload = inflate(self.payload, self.z.as_deref()).map_err(corrupt)?;
        let time = Timestamp::from_nanosecond(self.tm.into()).map_err(|e| corrupt(e.to_string()))?;
        Ok(Event {
            id: self.sk,
            source: self.s,
            catalog: self.c,
            received_at: self.r,
            stored_at: self.w.and_then(|stored| Timestamp::from_millisecond(stored).ok()),
            fields: Fields {
                scope: self.o,
                event_type: self.t,
                time,
                actor: self.a,
                subject: self.u,
                entities: self.e,
                project: self.p,
                environment: self.v,
                level: self.l,
                schema_version: self.sv,
                time_given: !self.nt,
            },
            payload,
        })
    }
}

/// A time as the `tm` attribute holds it. Times that events may have end long before 2262.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// The bytes to store for a payload, and how they are compressed.
pub(crate) fn compress(payload: &[u8]) -> Result<(Vec<u8>, Option<String>), Error> {
    let packed = if payload.len() < MIN_COMPRESSED {
        None
    } else {
        // Compressing into memory fails only where there is none left.
        pack(payload).filter(|packed| packed.len() < payload.len())
    };
    let (stored, marker) = match packed {
        Some(packed) => (packed, Some("zstd".to_owned())),
        None => (payload.to_vec(), None),
    };
    if stored.len() > MAX_STORED {
        return Err(Error::TooLarge { sent: payload.len(), stored: stored.len(), limit: MAX_STORED });
    }
    Ok((stored, marker))
}

fn pack(payload: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        // Making one takes longer than compressing a small payload.
        static PACKER: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL).ok());
    }
    PACKER.with_borrow_mut(|packer| packer.as_mut()?.compress(payload).ok())
}

/// What [`compress`] was given; the reason where the bytes are not its work.
pub(crate) fn inflate(stored: Vec<u8>, marker: Option<&str>) -> Result<Vec<u8>, String> {
    match marker {
        None => Ok(stored),
        Some("zstd") => {
            // The frame says how much it holds, and room for more would be taken for nothing.
            let size = zstd::zstd_safe::get_frame_content_size(&stored).ok().flatten();
            let room =
                size.and_then(|size| usize::try_from(size).ok()).map_or(MAX_PAYLOAD, |size| size.min(MAX_PAYLOAD));
            unpack(&stored, room).map_err(|e| e.to_string())
        }
        Some(other) => Err(format!("unknown compression {other:?}")),
    }
}

fn unpack(stored: &[u8], room: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
    }
    UNPACKER.with_borrow_mut(|unpacker| match unpacker {
        Some(unpacker) => unpacker.decompress(stored, room),
        None => zstd::bulk::decompress(stored, room),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(payload: Vec<u8>) -> Event {
        let time: Timestamp = "2025-12-09T23:33:04.123456789Z".parse().unwrap();
        Event {
            id: EventId::at(time, 7).unwrap(),
            source: "mm".into(),
            catalog: "migration-manager".into(),
            received_at: time,
            stored_at: None,
            fields: Fields {
                scope: Scope::Lifecycle,
                event_type: "migration-created".into(),
                time,
                time_given: false,
                actor: Some("alice".into()),
                subject: Some("/1.0/instances/a".into()),
                entities: vec!["/1.0/instances/a".into(), "/1.0/queue/b".into(), "/1.0/queue/b".into()],
                project: None,
                environment: Some(String::new()),
                level: None,
                schema_version: Some(1),
            },
            payload,
        }
    }

    fn item(event: &Event) -> EventItem {
        let mut item = EventItem::new(event, &Fingerprint::of_bytes("mm", &event.payload), None).unwrap();
        item.place(event.id, 4);
        item
    }

    #[test]
    fn an_event_comes_back_as_it_went_in() {
        for payload in [b"{}".to_vec(), b"{\"a\":\"bbbbbbbbbbbbbbbb\"}".repeat(400)] {
            let event = event(payload);
            let stored: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
                serde_dynamo::to_item(item(&event)).unwrap();
            assert!(matches!(stored["fp"], aws_sdk_dynamodb::types::AttributeValue::B(_)));
            assert!(!stored.contains_key("kp"), "an index without a value stays sparse");
            let back: EventItem = serde_dynamo::from_item(stored).unwrap();
            assert_eq!(back.into_event().unwrap(), event);
        }
    }

    #[test]
    fn further_entities_are_linked_once() {
        assert_eq!(item(&event(b"{}".to_vec())).further_entities(), ["/1.0/queue/b"]);
    }

    #[test]
    fn what_does_not_fit_names_both_sizes() {
        // Digits of a multiplicative hash: hardly compressible, and the same on every run.
        let noise: Vec<u8> = (0u64..80_000).flat_map(|n| Sha256::digest(n.to_be_bytes())).collect();
        let error = compress(hex::encode(noise).as_bytes()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { sent, stored, .. } if sent > stored), "{error}");
    }
}
