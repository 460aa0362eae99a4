//! The `segments` table.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde::{Deserialize, Serialize};
use store::{Error, Item, batch_get, consumed_units};

use super::body::Body;
use super::cache::Cache;
use super::header::SegmentHeader;
use super::segment_range::SegmentRange;
use super::unpacked::Unpacked;
use super::watermarks::PackWatermarks;
use crate::request::MAX_UNITS;

/// Number of events of a full segment, unless configured otherwise.
pub(crate) const EVENTS_PER_SEGMENT: usize = 1000;

/// Over how many partitions the heads are spread, to be read side by side.
const HEAD_PARTITIONS: u64 = 8;

/// How many bytes of what was read are kept where nobody says otherwise.
const DEFAULT_CACHE_BYTES: usize = 384 << 20;

/// The key of the marks.
pub(crate) const WATERMARKS_KEY: &str = "marks";

/// The partition that says where each segment lies: so that who looks at a few need not read the heads of all.
pub(crate) const RANGES_KEY: &str = "places";

/// DynamoDB's limit for one `BatchGetItem`, by items and by bytes: each is at most 400 KB of its 16 MB.
const SEGMENTS_PER_BATCH_GET: usize = 40;

/// The `segments` table, and what this process has read of it. Segments never change: what was read once
/// is not read again.
#[derive(Debug, Clone)]
pub struct Segments {
    pub(super) client: Client,
    pub(super) table: String,
    cache: Arc<Cache>,
    unpacked: Arc<Unpacked>,
    /// The events of a full segment.
    pub(super) rows: usize,
    /// The most read units of one search.
    max_units: f64,
}

impl Segments {
    /// The table `table`.
    pub fn new(client: Client, table: String) -> Self {
        let (cache, unpacked) =
            (Arc::new(Cache::new(DEFAULT_CACHE_BYTES)), Arc::new(Unpacked::new(DEFAULT_CACHE_BYTES)));
        Self { client, table, cache, unpacked, rows: EVENTS_PER_SEGMENT, max_units: MAX_UNITS }
    }

    /// The same, which keeps at most so many bytes of what it has read, and a sixth of them of what is in no segment.
    #[must_use]
    pub fn keeping(self, bytes: usize) -> Self {
        Self { cache: Arc::new(Cache::new(bytes)), unpacked: Arc::new(Unpacked::new(bytes)), ..self }
    }

    /// The same, of which one search takes so many read units.
    #[must_use]
    pub fn spending(self, max_units: f64) -> Self {
        Self { max_units, ..self }
    }

    /// The same, with segments of so many events: at most 65,535.
    #[must_use]
    pub fn of(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// The marks, as of now; and the units that reading them took.
    pub(crate) async fn state(&self) -> Result<(PackWatermarks, f64), Error> {
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
        let state = answer.item.map(|item| self.read::<PackWatermarks>(item)).transpose()?;
        Ok((state.unwrap_or_default(), used))
    }

    /// The most read units of one search.
    pub(crate) fn max_units(&self) -> f64 {
        self.max_units
    }

    /// What this process has read of the events that are in no segment.
    pub(crate) fn unpacked(&self) -> &Unpacked {
        &self.unpacked
    }

    /// Where every one of the first `count` segments stands; and the units that reading took: 20 for a thousand.
    pub(crate) async fn entries(&self, count: u64) -> Result<(Vec<SegmentRange>, f64), Error> {
        let known = self.cache.known();
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
            self.cache.add(entries, count);
        }
        Ok((self.cache.entries(count), used))
    }

    /// Whether a search between these ids need not read a head.
    pub(crate) fn has_heads(&self, ids: (u64, u64)) -> bool {
        self.cache.has_heads(ids)
    }

    /// How many heads this process keeps, and about the memory that they take, in bytes: what tells of how large a log
    /// it keeps all of them.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        self.cache.kept()
    }

    /// The heads of these segments, in their order, and the units that reading took. One that DynamoDB has
    /// removed, because all its events have expired, is empty.
    pub(crate) async fn heads(&self, numbers: &[u64]) -> Result<(Vec<Arc<SegmentHeader>>, f64), Error> {
        let (mut found, missing) = self.cache.heads(numbers);
        let (items, units) = self.get(&missing, |number| key(&head_key(number), number)).await?;
        for StoredPart { sk: number, packed, .. } in items {
            found.insert(number, self.cache.keep_head(number, SegmentHeader::decode(&packed)?));
        }
        Ok((numbers.iter().map(|number| found.remove(number).unwrap_or_default()).collect(), units))
    }

    /// The bodies of these segments, in their order; and the units that reading took.
    pub(crate) async fn bodies(&self, numbers: &[u64]) -> Result<(Vec<Arc<Body>>, f64), Error> {
        let (mut found, missing) = self.cache.bodies(numbers);
        let (items, units) = self.get(&missing, |number| key(&body_key(number), number)).await?;
        for StoredPart { sk: number, packed: text, rests, .. } in items {
            found.insert(number, self.cache.keep_body(number, Body { text, rests }));
        }
        let bodies = numbers.iter().map(|number| found.remove(number));
        let bodies = bodies.collect::<Option<Vec<_>>>().ok_or_else(|| Error::corrupt(&self.table, "a text is missing"));
        Ok((bodies?, units))
    }

    async fn get(&self, numbers: &[u64], key: impl Fn(u64) -> Item) -> Result<(Vec<StoredPart>, f64), Error> {
        let (mut found, mut units) = self.get_as(numbers, &key, false).await?;
        if found.len() < numbers.len() {
            // What was written a moment ago may not be everywhere yet.
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

/// A head or a body as its item.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPart {
    pub(super) pk: String,
    /// The segment's number.
    pub(super) sk: u64,
    #[serde(with = "serde_bytes")]
    pub(super) packed: Vec<u8>,
    /// The other part of a body.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Vec::is_empty")]
    pub(super) rests: Vec<u8>,
    /// When the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
}

pub(super) fn head_key(number: u64) -> String {
    format!("H#{}", number % HEAD_PARTITIONS)
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
