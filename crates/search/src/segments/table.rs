//! The `segments` table.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde::{Deserialize, Serialize};
use store::{Error, Item, batch_get, consumed_units};

use super::body::Body;
use super::cache::Cache;
use super::header::SegmentHeader;
use super::packer_memory::{PackTiming, PackerMemory};
use super::segment_range::SegmentRange;
use super::unpacked::Unpacked;
use super::watermarks::PackWatermarks;
use crate::request::MAX_UNITS;

/// Default number of events of a full segment.
pub(crate) const EVENTS_PER_SEGMENT: usize = 1000;

/// Number of partitions that the headers are distributed over, so that they can be read in parallel.
const HEADER_PARTITIONS: u64 = 8;

/// Default size of the cache in bytes.
const DEFAULT_CACHE_BYTES: usize = 384 << 20;

/// Partition key of the watermarks.
pub(crate) const WATERMARKS_KEY: &str = "marks";

/// Partition key of the segment ranges, which show the headers that a search needs.
pub(crate) const RANGES_KEY: &str = "places";

/// Number of segments per `BatchGetItem`, which returns at most 16 MB: an item has at most 400 KB.
const SEGMENTS_PER_BATCH_GET: usize = 40;

/// The `segments` table and the process's cache of it. Segments are immutable, so cached parts are never stale.
#[derive(Debug, Clone)]
pub struct Segments {
    pub(super) client: Client,
    pub(super) table: String,
    cache: Arc<Cache>,
    unpacked: Arc<Unpacked>,
    /// The memory of packing.
    pub(super) packer: Arc<Mutex<PackerMemory>>,
    pub(super) timing: PackTiming,
    /// Number of events of a full segment.
    pub(super) events_per_segment: usize,
    /// Maximum read units of one search.
    max_units: f64,
}

impl Segments {
    /// Creates a client of the table `table` with the default limits.
    pub fn new(client: Client, table: String) -> Self {
        let (cache, unpacked) =
            (Arc::new(Cache::new(DEFAULT_CACHE_BYTES)), Arc::new(Unpacked::new(DEFAULT_CACHE_BYTES)));
        Self {
            client,
            table,
            cache,
            unpacked,
            packer: Arc::default(),
            timing: PackTiming::default(),
            events_per_segment: EVENTS_PER_SEGMENT,
            max_units: MAX_UNITS,
        }
    }

    /// Sets the size of the cache in bytes. Unpacked events take at most a sixth of this size in addition.
    #[must_use]
    pub fn with_cache_bytes(self, bytes: usize) -> Self {
        Self { cache: Arc::new(Cache::new(bytes)), unpacked: Arc::new(Unpacked::new(bytes)), ..self }
    }

    /// Sets the maximum read units of one search.
    #[must_use]
    pub fn with_max_units(self, max_units: f64) -> Self {
        Self { max_units, ..self }
    }

    /// Sets the number of events of a full segment: at most 65,535.
    #[must_use]
    pub fn with_events_per_segment(self, events_per_segment: usize) -> Self {
        Self { events_per_segment, ..self }
    }

    /// Packs without waiting for writes and for the index of late events. This is only correct if no write is in progress.
    #[must_use]
    pub fn with_immediate_packing(self) -> Self {
        Self { timing: PackTiming::IMMEDIATE, ..self }
    }

    /// Reads the watermarks. Returns them and the consumed read units.
    pub(crate) async fn watermarks(&self) -> Result<(PackWatermarks, f64), Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(WATERMARKS_KEY, 0)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let used = consumed_units(answer.consumed_capacity());
        let watermarks = answer.item.map(|item| self.read::<PackWatermarks>(item)).transpose()?;
        Ok((watermarks.unwrap_or_default(), used))
    }

    /// Returns the maximum read units of one search.
    pub(crate) fn max_units(&self) -> f64 {
        self.max_units
    }

    /// Returns the cache of unpacked events.
    pub(crate) fn unpacked(&self) -> &Unpacked {
        &self.unpacked
    }

    /// Returns the ranges of the first `count` segments and the consumed read units: 20 for a thousand segments.
    pub(crate) async fn ranges(&self, count: u64) -> Result<(Vec<SegmentRange>, f64), Error> {
        let known = self.cache.known_ranges();
        let mut used = 0.0;
        if known < count {
            let (mut entries, mut resume) = (Vec::new(), None);
            loop {
                let answer = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .key_condition_expression("pk = :key AND sk BETWEEN :from AND :last")
                    .expression_attribute_values(":key", AttributeValue::S(RANGES_KEY.to_owned()))
                    .expression_attribute_values(":from", AttributeValue::N(known.to_string()))
                    .expression_attribute_values(":last", AttributeValue::N((count - 1).to_string()))
                    .set_exclusive_start_key(resume)
                    .consistent_read(true)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| Error::sdk("Query", e))?;
                used += consumed_units(answer.consumed_capacity());
                for item in answer.items.unwrap_or_default() {
                    entries.push(self.read(item)?);
                }
                resume = answer.last_evaluated_key;
                if resume.is_none() {
                    break;
                }
            }
            self.cache.insert_ranges(entries, count);
        }
        Ok((self.cache.ranges(count), used))
    }

    /// Returns whether the headers of all segments that overlap these ids are cached.
    pub(crate) fn has_cached_headers(&self, ids: (u64, u64)) -> bool {
        self.cache.has_cached_headers(ids)
    }

    /// Returns the number of cached headers and their approximate memory in bytes, which show the size of a log whose
    /// headers all fit.
    #[must_use]
    pub fn cached_headers(&self) -> (usize, usize) {
        self.cache.cached_headers()
    }

    /// Returns the headers of these segments, in the same order, and the consumed read units. The header of an expired
    /// segment, which DynamoDB has removed, is empty.
    pub(crate) async fn headers(&self, numbers: &[u64]) -> Result<(Vec<Arc<SegmentHeader>>, f64), Error> {
        let (mut found, missing) = self.cache.headers(numbers);
        let (items, units) = self.get(&missing, |number| key(&header_key(number), number)).await?;
        for StoredPart { sk: number, packed, .. } in items {
            found.insert(number, self.cache.insert_header(number, SegmentHeader::decode(&packed)?));
        }
        Ok((numbers.iter().map(|number| found.remove(number).unwrap_or_default()).collect(), units))
    }

    /// Returns the bodies of these segments, in the same order, and the consumed read units.
    pub(crate) async fn bodies(&self, numbers: &[u64]) -> Result<(Vec<Arc<Body>>, f64), Error> {
        let (mut found, missing) = self.cache.bodies(numbers);
        let (items, units) = self.get(&missing, |number| key(&body_key(number), number)).await?;
        for StoredPart { sk: number, packed: text, extras, .. } in items {
            found.insert(number, self.cache.insert_body(number, Body { text, extras }));
        }
        let bodies = numbers.iter().map(|number| found.remove(number));
        let bodies = bodies
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::corrupt(&self.table, "the body of a segment is missing"));
        Ok((bodies?, units))
    }

    async fn get(&self, numbers: &[u64], key: impl Fn(u64) -> Item) -> Result<(Vec<StoredPart>, f64), Error> {
        let (mut found, mut units) = self.get_as(numbers, &key, false).await?;
        if found.len() < numbers.len() {
            // An eventually consistent read may miss parts that were just written.
            let known: HashSet<u64> = found.iter().map(|stored| stored.sk).collect();
            let missing: Vec<u64> = numbers.iter().copied().filter(|number| !known.contains(number)).collect();
            let (more, used) = self.get_as(&missing, &key, true).await?;
            found.extend(more);
            units += used;
        }
        Ok((found, units))
    }

    async fn get_as(
        &self,
        numbers: &[u64],
        key: &impl Fn(u64) -> Item,
        consistent: bool,
    ) -> Result<(Vec<StoredPart>, f64), Error> {
        let chunks: Vec<Vec<Item>> = numbers
            .chunks(SEGMENTS_PER_BATCH_GET)
            .map(|chunk| chunk.iter().map(|number| key(*number)).collect())
            .collect();
        let reads = chunks.into_iter().map(|keys| batch_get(&self.client, &self.table, keys, consistent));
        let (mut found, mut units) = (Vec::with_capacity(numbers.len()), 0.0);
        for (items, used) in futures::future::try_join_all(reads).await? {
            units += used;
            for item in items {
                found.push(self.read(item)?);
            }
        }
        Ok((found, units))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, item: Item) -> Result<T, Error> {
        serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))
    }
}

/// The item of a header or a body. Its field names are the stored attributes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPart {
    pub(super) pk: String,
    /// Number of the segment.
    pub(super) sk: u64,
    #[serde(with = "serde_bytes")]
    pub(super) packed: Vec<u8>,
    /// The compressed extras of a body.
    #[serde(rename = "rests", default, with = "serde_bytes", skip_serializing_if = "Vec::is_empty")]
    pub(super) extras: Vec<u8>,
    /// Time at which the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
}

pub(super) fn header_key(number: u64) -> String {
    format!("H#{}", number % HEADER_PARTITIONS)
}

pub(super) fn body_key(number: u64) -> String {
    format!("T#{number}")
}

pub(super) fn key(partition: &str, number: u64) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(partition.to_owned())),
        ("sk".to_owned(), AttributeValue::N(number.to_string())),
    ])
}
