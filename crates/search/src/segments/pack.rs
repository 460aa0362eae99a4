//! Packing events into segments.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use store::{Error, EventTable, Item, PartitionQuery, PartitionScan};
use tokio::time::Instant;

use super::body::Body;
use super::header::SegmentHeader;
use super::row::{Row, row_of};
use super::segment_range::SegmentRange;
use super::table::{RANGES_KEY, Segments, StoredPart, WATERMARKS_KEY, body_key, header_key, key};
use super::watermarks::PackWatermarks;

/// Maximum bytes of the payloads of a segment: about 100 KB compressed.
const MAX_SEGMENT_PAYLOAD_BYTES: usize = 1_000_000;

/// Number of items examined per event of a full segment, after which a smaller segment is written. The examined late
/// events are skipped, and every search would skip them again.
const MAX_EXAMINED_PER_EVENT: usize = 3;

/// Number of segments whose late events are sorted together. A larger number makes their id ranges narrower.
const LATE_SEGMENTS_SORTED_TOGETHER: usize = 20;

/// Maximum bytes of the payloads of the late events that are sorted together.
const MAX_LATE_PAYLOAD_BYTES: usize = 20_000_000;

/// Maximum bytes of a header or body. DynamoDB's limit of an item is 400 KB.
const MAX_PACKED_ITEM_BYTES: usize = 380 * 1024;

/// Number of the lease of the packer that wrote an item of a segment.
const LEASE_ATTRIBUTE: &str = "lease";

/// The outcome of a pack run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackOutcome {
    /// Number of segments written.
    pub segments: u64,
    /// Number of events in these segments.
    pub events: u64,
    /// True if the time ran out before everything was packed.
    pub unfinished: bool,
}

/// The events of the next segments.
struct Batch {
    rows: Vec<Row>,
    /// The watermark after packing these events.
    reached: u64,
}

impl Segments {
    /// Packs events into segments until the deadline. A lease ensures that only one packer writes at a time; a second
    /// one returns immediately.
    ///
    /// A segment is written before the watermarks include it, so an interrupted run leaves no visible changes. Only
    /// settled events are packed. Most runs only settle events; see [`Self::settle`].
    ///
    /// # Errors
    /// If DynamoDB fails. Segments that were packed before remain.
    pub async fn pack(&self, events: &EventTable, deadline: Instant) -> Result<PackOutcome, Error> {
        let (stored, _) = self.watermarks().await?;
        let (mut watermarks, mut packed) = (stored, PackOutcome::default());
        self.raise_fence(events, &mut watermarks, deadline).await?;
        let is_free = self.memory().is_lease_free(&stored, Instant::now());
        if !is_free || !self.memory().is_scan_due(Instant::now()) {
            self.save_settled(&stored, &watermarks).await?;
            return Ok(packed);
        }
        let mut held = false;
        packed.unfinished = true;
        while Instant::now() < deadline {
            let (batch, late) = match self.next_in_time_batch(events, &watermarks).await? {
                Some(batch) => (batch, false),
                None => match self.next_late_batch(events, &watermarks).await? {
                    Some(batch) => (batch, true),
                    None => {
                        packed.unfinished = false;
                        self.memory().record_scan(Instant::now(), self.timing);
                        break;
                    }
                },
            };
            // The lease is acquired only if there is something to pack.
            if !held {
                held = self.acquire_lease(&stored, &mut watermarks, now_in_milliseconds(events)).await?;
                if !held {
                    packed.unfinished = false;
                    return Ok(packed);
                }
            }
            packed.events += batch.rows.len() as u64;
            let written = self.write(&batch.rows, &watermarks).await?;
            packed.segments += written;
            let watermark = if late { &mut watermarks.late_packed_before } else { &mut watermarks.packed_before };
            *watermark = batch.reached;
            watermarks.segment_count += written;
            self.save(&watermarks, watermarks.lease).await?;
        }
        if held {
            let lease = std::mem::take(&mut watermarks.lease);
            self.save(&watermarks, lease).await?;
        } else {
            self.save_settled(&stored, &watermarks).await?;
        }
        Ok(packed)
    }

    /// Returns the next segment of events in time; `None` if there are not enough events.
    async fn next_in_time_batch(
        &self,
        events: &EventTable,
        watermarks: &PackWatermarks,
    ) -> Result<Option<Batch>, Error> {
        let end = watermarks.settled_before;
        let query = PartitionQuery {
            range: watermarks.packed_before..=end.saturating_sub(1),
            page: (self.events_per_segment + self.events_per_segment / 5) / usize::from(events.shards()) + 1,
            // What this read misses would be in no segment, and would never be read again.
            consistent: true,
            ..PartitionQuery::in_time(events, (0, 0), true, None)
        };
        let (mut scan, mut rows, mut bytes) = (PartitionScan::new(events, query), Vec::new(), 0);
        while let Some((id, item)) = scan.next_item().await? {
            if let Some(row) = row_of(events, item)? {
                bytes += row.size;
                rows.push(row);
            }
            if rows.len() >= self.events_per_segment
                || bytes >= MAX_SEGMENT_PAYLOAD_BYTES
                || scan.examined >= MAX_EXAMINED_PER_EVENT * self.events_per_segment
            {
                return Ok(Some(Batch { rows, reached: id + 1 }));
            }
        }
        // If all examined events are late, the watermark moves past them, so that they are not examined again.
        Ok((rows.is_empty() && scan.examined >= self.events_per_segment).then_some(Batch { rows, reached: end }))
    }

    /// Returns the next segments of late events, in the order of storing; `None` if there are not enough events.
    async fn next_late_batch(&self, events: &EventTable, watermarks: &PackWatermarks) -> Result<Option<Batch>, Error> {
        let end = watermarks.late_settled_before;
        let query = PartitionQuery {
            range: watermarks.late_packed_before..=end.saturating_sub(1),
            ..PartitionQuery::late(events, watermarks.late_packed_before)
        };
        let (mut scan, mut rows, mut bytes) = (PartitionScan::new(events, query), Vec::new(), 0);
        let (mut reached, mut last) = (end, None);
        while let Some((at, item)) = scan.next_item().await? {
            // The events of one millisecond are packed together, because the watermark falls between two milliseconds.
            if (rows.len() >= LATE_SEGMENTS_SORTED_TOGETHER * self.events_per_segment
                || bytes >= MAX_LATE_PAYLOAD_BYTES)
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
        Ok((scan.examined >= self.events_per_segment || bytes >= MAX_SEGMENT_PAYLOAD_BYTES)
            .then_some(Batch { rows, reached }))
    }

    /// Writes the rows as segments after those of the watermarks. Returns the number of segments.
    async fn write(&self, rows: &[Row], watermarks: &PackWatermarks) -> Result<u64, Error> {
        let mut made: Vec<NewSegment> = Vec::new();
        let mut start = 0;
        let mut bytes = 0;
        for (at, row) in rows.iter().enumerate() {
            bytes += row.size;
            if at + 1 == rows.len() || at + 1 - start >= self.events_per_segment || bytes >= MAX_SEGMENT_PAYLOAD_BYTES {
                build_segments(&rows[start..=at], &mut made)?;
                (start, bytes) = (at + 1, 0);
            }
        }
        let (number, lease) = (watermarks.segment_count, watermarks.lease);
        let mut next = number;
        for NewSegment { low, high, header, body, expires } in made {
            let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
            let entry = SegmentRange {
                number: next,
                low,
                high,
                header_bytes: size(header.len()),
                body_bytes: size(body.size()),
                expires,
            };
            let stored = |pk, packed, extras| StoredPart { pk, sk: next, packed, extras, expires };
            self.put(stored(body_key(next), body.text, body.extras), Item::new(), lease).await?;
            self.put(stored(header_key(next), header, Vec::new()), Item::new(), lease).await?;
            self.put(entry, key(RANGES_KEY, next), lease).await?;
            next += 1;
        }
        Ok(next - number)
    }

    /// Puts an item of a segment. An item of a later lease is not replaced, so that a packer that has lost its lease
    /// unnoticed cannot mix its segments with those of its successor.
    async fn put(&self, part: impl Serialize, key: Item, lease: u64) -> Result<(), Error> {
        let mut item: Item = serde_dynamo::to_item(part).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(key);
        let lease = AttributeValue::N(lease.to_string());
        item.insert(LEASE_ATTRIBUTE.to_owned(), lease.clone());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#lease) OR #lease <= :lease")
            .expression_attribute_names("#lease", LEASE_ATTRIBUTE)
            .expression_attribute_values(":lease", lease);
        put.send().await.map(drop).map_err(put_error)
    }

    /// Acquires the lease. Returns false if another packer has acquired it or has changed the watermarks since they were
    /// read as `stored`.
    async fn acquire_lease(
        &self,
        stored: &PackWatermarks,
        watermarks: &mut PackWatermarks,
        now_ms: u64,
    ) -> Result<bool, Error> {
        // The time keeps the numbers increasing after the watermarks were deleted, and their earlier value otherwise.
        watermarks.lease = now_ms.max(stored.lease.max(stored.last_lease) + 1);
        watermarks.last_lease = watermarks.lease;
        match self.save_unless_changed(watermarks, stored).await {
            Err(Error::Exists(_)) => Ok(false),
            saved => saved.map(|()| true),
        }
    }

    /// Saves the watermarks if the stored ones are still `stored`, apart from what is settled.
    pub(super) async fn save_unless_changed(
        &self,
        watermarks: &PackWatermarks,
        stored: &PackWatermarks,
    ) -> Result<(), Error> {
        let unchanged = [
            ("#upto", "upto", stored.packed_before),
            ("#late", "late_upto", stored.late_packed_before),
            ("#next", "next", stored.segment_count),
        ];
        self.save_if(watermarks, stored.lease, &unchanged).await
    }

    /// Releases the lease of a packer that was killed. No other packer may be running: the local stack calls this at its
    /// start, and a deployment waits until the lease ends.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn release_lease(&self) -> Result<(), Error> {
        let (mut watermarks, _) = self.watermarks().await?;
        let lease = std::mem::take(&mut watermarks.lease);
        if lease == 0 { Ok(()) } else { self.save(&watermarks, lease).await }
    }

    /// Saves the watermarks if the stored lease is still `lease`.
    async fn save(&self, watermarks: &PackWatermarks, lease: u64) -> Result<(), Error> {
        self.save_if(watermarks, lease, &[]).await
    }

    /// Saves the watermarks if the stored lease is still `lease` and these attributes still have these values. Each has
    /// a placeholder, a name and a value.
    async fn save_if(
        &self,
        watermarks: &PackWatermarks,
        lease: u64,
        unchanged: &[(&str, &str, u64)],
    ) -> Result<(), Error> {
        let mut item = key(WATERMARKS_KEY, 0);
        item.extend(serde_dynamo::to_item::<_, Item>(watermarks).map_err(|e| Error::corrupt(&self.table, e))?);
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let mut same = Vec::new();
        for (place, name, value) in std::iter::once(&("#lease", "lease", lease)).chain(unchanged) {
            let value_name = place.replace('#', ":");
            same.push(format!("{place} = {value_name}"));
            put = put.expression_attribute_names(*place, *name);
            put = put.expression_attribute_values(value_name, AttributeValue::N(value.to_string()));
        }
        let put = put.condition_expression(format!("attribute_not_exists(pk) OR ({})", same.join(" AND ")));
        put.send().await.map(drop).map_err(put_error)
    }
}

fn put_error(error: SdkError<PutItemError>) -> Error {
    if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) {
        return Error::Exists("the lease of another packer".to_owned());
    }
    Error::sdk("PutItem", error)
}

/// A segment that has no number yet.
struct NewSegment {
    low: u64,
    high: u64,
    header: Vec<u8>,
    body: Body,
    expires: Option<i64>,
}

/// Builds the segment of these rows, or one segment of each half if they do not fit into an item.
fn build_segments(rows: &[Row], made: &mut Vec<NewSegment>) -> Result<(), Error> {
    // A segment is compressed once and read often, so a slow level pays off.
    const LEVEL: i32 = 9;
    let (mut header, text) = SegmentHeader::new(rows);
    header.add_bloom(&text);
    let (encoded, body) = (header.encode()?, Body::new(rows, &text, LEVEL)?);
    if encoded.len().max(body.size()) > MAX_PACKED_ITEM_BYTES && rows.len() > 1 {
        let (first_half, second_half) = rows.split_at(rows.len() / 2);
        build_segments(first_half, made)?;
        return build_segments(second_half, made);
    }
    let Some((low, high)) = header.bounds() else { return Ok(()) };
    made.push(NewSegment { low, high, header: encoded, body, expires: header.expires() });
    Ok(())
}

fn now_in_milliseconds(events: &EventTable) -> u64 {
    u64::try_from(events.retention().now().as_millisecond()).unwrap_or_default()
}
