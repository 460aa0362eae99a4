//! The item of an event: short attribute names, and a payload that is compressed if that makes it smaller.

use events::{Event, EventId, Fields, Fingerprint, Level, Scope, unix_nanoseconds};
use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::item_key::{index_key, late_key, shard_key};
use super::pack_fence::PackFence;
use crate::compression::{MAX_STORED_BYTES, checksum, compress, decompress};
use crate::error::Error;

/// Minimum delay between the time of an event and its storage that makes the event late.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Number of bytes reserved for the searchable texts of an event, in addition to the index keys. Longer texts reduce
/// the space for the payload.
const RESERVED_TEXT_BYTES: usize = 8 * 1024;

/// Overhead of each text in an item, in bytes.
const TEXT_OVERHEAD_BYTES: usize = 4;

/// The item of an event. `ks`, `ka`, `kp`, `kt` and `kl` are the partition keys of the indexes. They are absent if the
/// event has no such value or is not late, which keeps the indexes sparse.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventItem {
    pub(crate) pk: String,
    /// Id of the event.
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
    /// Time of the event in nanoseconds since 1970. An id holds milliseconds only, and may be later.
    tm: i64,
    /// Time of receipt.
    r: Timestamp,
    /// Schema version.
    #[serde(skip_serializing_if = "Option::is_none")]
    sv: Option<u32>,
    /// True if `tm` is the time of receipt, because the producer did not send a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nt: bool,
    /// Time after which DynamoDB may remove the item, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
    /// Fingerprint.
    #[serde(with = "serde_bytes")]
    fp: Vec<u8>,
    #[serde(with = "serde_bytes")]
    payload: Vec<u8>,
    /// Compression of `payload`: absent or `zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<String>,
    /// CRC-32 of the stored bytes of `payload`; absent in items of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ck: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ka: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kp: Option<String>,
    kt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kl: Option<String>,
    /// Time of storage in milliseconds since 1970, if the event was late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<i64>,
    /// Number of webhooks that have forwarded the event from log to log.
    #[serde(default, skip_serializing_if = "is_zero")]
    h: u32,
    /// Number of the nudge that ingest announced the event with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl EventItem {
    /// Creates the item of an event. [`Self::place`] sets its keys.
    pub(crate) fn new(event: &Event, fingerprint: &Fingerprint, expires: Option<i64>) -> Result<Self, Error> {
        let (payload, z) = compress(&event.payload)?;
        let fields = event.fields.clone();
        let texts = [&fields.actor, &fields.subject, &fields.project, &fields.environment];
        let text_bytes: usize = texts
            .into_iter()
            .flatten()
            .chain(&fields.entities)
            .map(|text| text.len() + TEXT_OVERHEAD_BYTES)
            .sum::<usize>();
        let (sent, stored) = (event.payload.len(), payload.len() + text_bytes.saturating_sub(RESERVED_TEXT_BYTES));
        if stored > MAX_STORED_BYTES {
            return Err(Error::TooLarge { sent, stored, limit: MAX_STORED_BYTES });
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
            tm: unix_nanoseconds(fields.time),
            r: event.received_at,
            sv: fields.schema_version,
            nt: !fields.time_given,
            expires,
            fp: fingerprint.as_bytes().to_vec(),
            ck: Some(checksum(&payload)),
            payload,
            z,
            ks: None,
            ka: None,
            kp: None,
            kt: String::new(),
            kl: None,
            w: None,
            h: event.hops,
            n: event.nudge,
        })
    }

    /// Records the time of storage if the event is late: by the clock, or because it belongs below the fence.
    pub(crate) fn set_stored_at(&mut self, now: Timestamp, fence: PackFence) {
        let is_late = i128::from(self.tm) + LATE_AFTER.as_nanos() < now.as_nanosecond();
        // The id may be anywhere in the millisecond of the event's time, or later.
        let lowest_id = Timestamp::from_nanosecond(self.tm.into()).ok().and_then(|time| EventId::at(time, 0));
        let is_below_fence = lowest_id.is_none_or(|id| id.as_u64() < fence.id);
        self.w = (is_late || is_below_fence).then(|| fence.late_storage_ms(now.as_millisecond()));
    }

    /// Sets the keys of the item for an id in a log of `shards` shards.
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

    /// Returns the distinct entities other than the subject. Each of them has a link item.
    pub(crate) fn further_entities(&self) -> Vec<&str> {
        let mut further: Vec<&str> = Vec::new();
        for entity in self.e.iter().map(String::as_str) {
            if !entity.is_empty() && self.u.as_deref() != Some(entity) && !further.contains(&entity) {
                further.push(entity);
            }
        }
        further
    }

    /// Decodes the item.
    pub(crate) fn into_event(self) -> Result<Event, Error> {
        let id = self.sk;
        let corrupt = |reason: String| Error::corrupt("events", format!("event {id}: {reason}"));
        let payload = decompress(self.payload, self.z.as_deref(), self.ck).map_err(corrupt)?;
        // Ingest stores JSON only. A damaged payload must not look like an empty one.
        serde_json::from_slice::<IgnoredAny>(&payload).map_err(|e| corrupt(format!("the payload is damaged: {e}")))?;
        let time = Timestamp::from_nanosecond(self.tm.into()).map_err(|e| corrupt(e.to_string()))?;
        Ok(Event {
            id: self.sk,
            source: self.s,
            catalog: self.c,
            received_at: self.r,
            stored_at: self.w.and_then(|stored| Timestamp::from_millisecond(stored).ok()),
            hops: self.h,
            nudge: self.n,
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
            hops: 3,
            nudge: Some(u64::MAX),
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
    fn an_event_survives_a_round_trip() {
        let long = format!("{{\"a\":\"{}\"}}", "b".repeat(10_000)).into_bytes();
        for payload in [b"{}".to_vec(), long] {
            let event = event(payload);
            let stored: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
                serde_dynamo::to_item(item(&event)).unwrap();
            assert!(matches!(stored["fp"], aws_sdk_dynamodb::types::AttributeValue::B(_)));
            assert!(!stored.contains_key("kp"), "an event without a project is not in its index");
            let back: EventItem = serde_dynamo::from_item(stored).unwrap();
            assert_eq!(back.into_event().unwrap(), event);
        }
    }

    #[test]
    fn lateness_depends_on_the_fence_whatever_the_clock_shows() {
        let event = event(b"{}".to_vec());
        let (time, hour) = (event.fields.time, SignedDuration::from_hours(1));
        let stored_ms = |now: Timestamp, fence_time: Timestamp, late_ms| {
            let id = EventId::at(fence_time, 0).unwrap().as_u64();
            let mut item = item(&event);
            item.set_stored_at(now, PackFence { id, late_ms });
            item.w
        };
        let now_ms = u64::try_from(time.as_millisecond()).unwrap();
        assert_eq!(stored_ms(time, time - hour, 0), None, "in time");
        assert_eq!(stored_ms(time, time, 0), None, "the millisecond of the fence belongs to the events in time");
        assert_eq!(stored_ms(time, time + hour, now_ms), Some(time.as_millisecond()), "pack has passed the id");
        assert!(stored_ms(time, time + hour, now_ms + 5000) >= Some(time.as_millisecond() + 5000));
        let later = time + hour;
        assert_eq!(stored_ms(later, time - hour, 0), Some(later.as_millisecond()), "late by the clock");
    }

    #[test]
    fn every_flipped_bit_of_a_payload_is_detected() {
        let long = format!("{{\"a\":\"{}\"}}", "b".repeat(1000)).into_bytes();
        for payload in [b"{\"a\":1}".to_vec(), long] {
            let event = event(payload);
            for bit in 0..item(&event).payload.len() * 8 {
                let mut damaged = item(&event);
                damaged.payload[bit / 8] ^= 1 << (bit % 8);
                let error = damaged.into_event().unwrap_err();
                assert!(error.to_string().contains("the payload is damaged"), "{error}");
            }
        }
    }

    #[test]
    fn payloads_of_earlier_versions_have_no_checksum() {
        let event = event(b"{\"a\":1}".to_vec());
        let earlier = || EventItem { ck: None, ..item(&event) };
        assert_eq!(earlier().into_event().unwrap(), event);
        let mut damaged = earlier();
        damaged.payload[0] ^= 1;
        let error = damaged.into_event().unwrap_err();
        assert!(error.to_string().contains("the payload is damaged"), "{error}");
    }

    #[test]
    fn further_entities_are_linked_once() {
        assert_eq!(item(&event(b"{}".to_vec())).further_entities(), ["/1.0/queue/b"]);
    }
}
