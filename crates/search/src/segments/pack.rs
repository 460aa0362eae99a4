//! Packing events into segments, a step at a time.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use store::{Error, EventTable, Item, PartitionQuery, PartitionScan};
use tokio::time::Instant;

use super::body::Body;
use super::header::SegmentHeader;
use super::row::{Row, row_of};
use super::segment_range::SegmentRange;
use super::table::{RANGES_KEY, Segments, StoredPart, WATERMARKS_KEY, body_key, head_key, key};
use super::watermarks::{PackWatermarks, settled_ends};

/// The payloads of a full segment, in bytes: about 100 KB once compressed.
const MAX_SEGMENT_PAYLOAD_BYTES: usize = 1_000_000;

/// So many times the events of a segment are looked at before one is made of what there is: what is late is
/// passed over there, and would be passed over by every search.
const MAX_EXAMINED_PER_EVENT: usize = 3;

/// The late events of so many segments are sorted together: the more, the narrower their ranges.
const LATE_SEGMENTS_SORTED_TOGETHER: usize = 20;

/// Their payloads, in bytes.
const MAX_LATE_PAYLOAD_BYTES: usize = 20_000_000;

/// DynamoDB ends items at 400 KB.
const MAX_PACKED_ITEM_BYTES: usize = 380 * 1024;

/// For how long the one who packs has the others not to, in milliseconds: longer than the function may
/// run.
const PACK_LEASE_MS: u64 = 15 * 60 * 1000;

/// What packing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackOutcome {
    /// The segments that were made.
    pub segments: u64,
    /// The events in them.
    pub events: u64,
    /// Whether there was no time for all that there was to pack.
    pub unfinished: bool,
}

/// What is to become a segment.
struct Batch {
    rows: Vec<Row>,
    /// The first place that was not looked at.
    reached: u64,
}

impl Segments {
    /// Packs what there is to pack, until the deadline. One packs at a time: who comes second does nothing.
    ///
    /// A segment is there once the marks say so, and is written before: who is stopped between has done nothing.
    ///
    /// # Errors
    /// Where DynamoDB fails; what was packed before stays.
    pub async fn pack(&self, events: &EventTable, deadline: Instant) -> Result<PackOutcome, Error> {
        let (mut state, _) = self.state().await?;
        let mut packed = PackOutcome::default();
        let now = milliseconds(events);
        if state.lease > now {
            return Ok(packed);
        }
        let mut held = false;
        packed.unfinished = true;
        while Instant::now() < deadline {
            let (batch, late) = match self.in_time(events, &state).await? {
                Some(batch) => (batch, false),
                None => match self.late(events, &state).await? {
                    Some(batch) => (batch, true),
                    None => {
                        packed.unfinished = false;
                        break;
                    }
                },
            };
            // Not before there is something to do: looking is free.
            if !held {
                held = self.lease(&mut state, now + PACK_LEASE_MS).await?;
                if !held {
                    packed.unfinished = false;
                    break;
                }
            }
            packed.events += batch.rows.len() as u64;
            let made = self.write(&batch.rows, state.next).await?;
            packed.segments += made;
            let mark = if late { &mut state.late_upto } else { &mut state.upto };
            *mark = batch.reached;
            state.next += made;
            self.save(&state, state.lease).await?;
        }
        if held {
            let lease = std::mem::take(&mut state.lease);
            self.save(&state, lease).await?;
        }
        Ok(packed)
    }

    /// The next segment of events that came in time; `None` where there are not enough.
    async fn in_time(&self, events: &EventTable, state: &PackWatermarks) -> Result<Option<Batch>, Error> {
        let (end, _) = settled_ends(events);
        let plan = PartitionQuery {
            range: state.upto..=end.saturating_sub(1),
            page: (self.rows + self.rows / 5) / usize::from(events.shards()) + 1,
            ..PartitionQuery::in_time(events, (0, 0), true, None)
        };
        let (mut merge, mut rows, mut bytes) = (PartitionScan::new(events, plan), Vec::new(), 0);
        while let Some((id, item)) = merge.next_item().await? {
            if let Some(row) = row_of(events, item)? {
                bytes += row.size;
                rows.push(row);
            }
            if rows.len() >= self.rows
                || bytes >= MAX_SEGMENT_PAYLOAD_BYTES
                || merge.examined >= MAX_EXAMINED_PER_EVENT * self.rows
            {
                return Ok(Some(Batch { rows, reached: id + 1 }));
            }
        }
        // Where nothing came in time, there is nothing to pack and nothing to pass over again.
        Ok((rows.is_empty() && merge.examined >= self.rows).then_some(Batch { rows, reached: end }))
    }

    /// The next segments of events that came late, in the order in which they came; `None` where there are
    /// not enough.
    async fn late(&self, events: &EventTable, state: &PackWatermarks) -> Result<Option<Batch>, Error> {
        let (_, end) = settled_ends(events);
        let plan = PartitionQuery {
            range: state.late_upto..=end.saturating_sub(1),
            ..PartitionQuery::late(events, state.late_upto)
        };
        let (mut merge, mut rows, mut bytes) = (PartitionScan::new(events, plan), Vec::new(), 0);
        let (mut reached, mut last) = (end, None);
        while let Some((at, item)) = merge.next_item().await? {
            // Of one millisecond all or none: the mark falls between two.
            if (rows.len() >= LATE_SEGMENTS_SORTED_TOGETHER * self.rows || bytes >= MAX_LATE_PAYLOAD_BYTES)
                && last != Some(at)
            {
                reached = at;
                break;
            }
            last = Some(at);
            if let Some(row) = row_of(events, item)? {
                bytes += row.size;
                rows.push(row);
            }
        }
        rows.sort_unstable_by_key(|row| row.id);
        Ok((merge.examined >= self.rows || bytes >= MAX_SEGMENT_PAYLOAD_BYTES).then_some(Batch { rows, reached }))
    }

    /// Writes the rows as segments from this number on; how many they became.
    async fn write(&self, rows: &[Row], number: u64) -> Result<u64, Error> {
        let mut made: Vec<NewSegment> = Vec::new();
        let mut start = 0;
        let mut bytes = 0;
        for (at, row) in rows.iter().enumerate() {
            bytes += row.size;
            if at + 1 == rows.len() || at + 1 - start >= self.rows || bytes >= MAX_SEGMENT_PAYLOAD_BYTES {
                pack(&rows[start..=at], &mut made)?;
                (start, bytes) = (at + 1, 0);
            }
        }
        let mut next = number;
        for NewSegment { low, high, head, body, expires } in made {
            let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
            let entry =
                SegmentRange { number: next, low, high, head: size(head.len()), body: size(body.size()), expires };
            let stored = |pk, packed, rests| StoredPart { pk, sk: next, packed, rests, expires };
            self.put(stored(body_key(next), body.text, body.rests), Item::new()).await?;
            self.put(stored(head_key(next), head, Vec::new()), Item::new()).await?;
            self.put(entry, key(RANGES_KEY, next)).await?;
            next += 1;
        }
        Ok(next - number)
    }

    async fn put(&self, part: impl Serialize, key: Item) -> Result<(), Error> {
        let mut item: Item = serde_dynamo::to_item(part).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(key);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|e| Error::sdk("PutItem", e))
    }

    /// Takes the lease, unless another has, or had it since the marks were read: they are then as they were read.
    async fn lease(&self, state: &mut PackWatermarks, until: u64) -> Result<bool, Error> {
        let before = std::mem::replace(&mut state.lease, until);
        let unchanged =
            [("#upto", "upto", state.upto), ("#late", "late_upto", state.late_upto), ("#next", "next", state.next)];
        match self.save_if(state, before, &unchanged).await {
            Err(Error::Exists(_)) => Ok(false),
            saved => saved.map(|()| true),
        }
    }

    /// Saves the marks, where the lease is still what it was.
    async fn save(&self, state: &PackWatermarks, lease: u64) -> Result<(), Error> {
        self.save_if(state, lease, &[]).await
    }

    /// The same, where these marks are what they were too: their placeholders, names and values.
    async fn save_if(&self, state: &PackWatermarks, lease: u64, marks: &[(&str, &str, u64)]) -> Result<(), Error> {
        let mut item = key(WATERMARKS_KEY, 0);
        item.extend(serde_dynamo::to_item::<_, Item>(state).map_err(|e| Error::corrupt(&self.table, e))?);
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let mut same = Vec::new();
        for (place, name, value) in std::iter::once(&("#lease", "lease", lease)).chain(marks) {
            let of = place.replace('#', ":");
            same.push(format!("{place} = {of}"));
            put = put.expression_attribute_names(*place, *name);
            put = put.expression_attribute_values(of, AttributeValue::N(value.to_string()));
        }
        let put = put.condition_expression(format!("attribute_not_exists(pk) OR ({})", same.join(" AND ")));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(Error::Exists("another one's lease to pack segments".to_owned()))
            }
            Err(error) => Err(Error::sdk("PutItem", error)),
        }
    }
}

/// A segment, before it has a number.
struct NewSegment {
    low: u64,
    high: u64,
    head: Vec<u8>,
    body: Body,
    expires: Option<i64>,
}

/// Adds the segment of these rows; of each half, where they do not fit into an item.
fn pack(rows: &[Row], made: &mut Vec<NewSegment>) -> Result<(), Error> {
    // Made once and read often: a level that takes its time.
    const LEVEL: i32 = 9;
    let (mut head, text) = SegmentHeader::new(rows);
    head.index(&text);
    let (encoded, body) = (head.encode()?, Body::new(rows, &text, LEVEL)?);
    if encoded.len().max(body.size()) > MAX_PACKED_ITEM_BYTES && rows.len() > 1 {
        let (first_half, second_half) = rows.split_at(rows.len() / 2);
        pack(first_half, made)?;
        return pack(second_half, made);
    }
    let Some((low, high)) = head.bounds() else { return Ok(()) };
    made.push(NewSegment { low, high, head: encoded, body, expires: head.expires() });
    Ok(())
}

fn milliseconds(events: &EventTable) -> u64 {
    u64::try_from(events.retention().now().as_millisecond()).unwrap_or_default()
}
