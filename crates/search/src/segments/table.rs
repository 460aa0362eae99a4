//! The `segments` table: the log's older events packed together, so that what looks at many of them reads
//! few items.
//!
//! Every event of the log is in exactly one of four places:
//!
//! - It came **in time** (within [`LATE`] of when it happened). Those before the mark `upto` are in
//!   segments; the others are read from the log itself.
//! - It came **late**, and says so by an attribute that the index `by_late` is made of. Those that came
//!   before the mark `late_upto` are in segments; the others are read from that index.
//!
//! The marks follow the present at a distance ([`SETTLED`]) at which no write to what is before them can be under
//! way any more.

mod body;
mod cache;
mod grams;
mod loose;
mod pack;
mod row;
mod segment;
mod unpacked;

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::events::{Events, Item, batch_get, units};
pub(crate) use body::{Body, Opened};
pub(crate) use cache::Cache;
pub(crate) use loose::{Gather, Loose};
pub use pack::Packed;
pub(crate) use row::Row;
pub(crate) use segment::{Head, Hit, MAX_PAYLOAD, capacity};
pub(crate) use unpacked::{Unpacked, WHOLE, ends, in_time_plan, log_plan, matching_plan};

/// An event that is stored later than this after it happened is late.
pub(crate) const LATE: SignedDuration = SignedDuration::from_secs(60);

/// How long ago a write must have begun to be surely over: longer than any function that writes events may run.
pub(crate) const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// How long ago a late event must have been stored to be packed: the index that it is read from follows the log,
/// mostly within a second, and what came into it behind the mark would never be found again.
const INDEXED: SignedDuration = SignedDuration::from_mins(5);

/// Over how many partitions the heads are spread, to be read side by side.
const HEAD_PARTITIONS: u64 = 8;

/// How many bytes of what was read are kept where nobody says otherwise.
const CACHED: usize = 384 << 20;

/// The key of the marks.
const STATE: &str = "marks";

/// The partition that says where each segment lies: so that who looks at a few need not read the heads of all.
const PLACES: &str = "places";

/// DynamoDB's limit for one `BatchGetItem`, by items and by bytes: each is at most 400 KB of its 16 MB.
const BATCH_GET: usize = 40;

/// The `segments` table, and what this process has read of it. Segments never change: what was read once
/// is not read again.
#[derive(Debug, Clone)]
pub struct Segments {
    client: Client,
    table: String,
    cache: Arc<Cache>,
    unpacked: Arc<Unpacked>,
    /// The events of a full segment.
    rows: usize,
    /// The most read units of one search.
    max_units: f64,
}

/// The marks: which events are in segments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The first id that is in no segment, of events that came in time.
    pub(crate) upto: u64,
    /// The first moment, in milliseconds since 1970, of which the late events are in no segment.
    pub(crate) late_upto: u64,
    /// How many segments there are.
    pub(crate) next: u64,
    /// Until when nobody else packs, in milliseconds since 1970.
    lease: u64,
}

/// Where a segment stands among the others.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "sk")]
    pub(crate) number: u64,
    /// The lowest and highest id of its events.
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// The bytes of its head and of its body.
    pub(crate) head: u32,
    #[serde(rename = "text")]
    pub(crate) body: u32,
    /// When the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

impl Segments {
    /// The table `table`.
    pub fn new(client: Client, table: String) -> Self {
        let (cache, unpacked) = (Arc::new(Cache::new(CACHED)), Arc::new(Unpacked::new(CACHED)));
        Self { client, table, cache, unpacked, rows: pack::ROWS, max_units: crate::search::MAX_UNITS }
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
    pub(crate) async fn state(&self) -> Result<(State, f64), Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(STATE, 0)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let used = units(answer.consumed_capacity());
        let state = answer.item.map(|item| self.read::<State>(item)).transpose()?;
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
    pub(crate) async fn entries(&self, count: u64) -> Result<(Vec<Entry>, f64), Error> {
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
                    .expression_attribute_values(":key", AttributeValue::S(PLACES.to_owned()))
                    .expression_attribute_values(":from", AttributeValue::N(known.to_string()))
                    .expression_attribute_values(":last", AttributeValue::N((count - 1).to_string()))
                    .set_exclusive_start_key(resume)
                    .consistent_read(true)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| Error::sdk("Query", e))?;
                used += units(answer.consumed_capacity());
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
    pub(crate) async fn heads(&self, numbers: &[u64]) -> Result<(Vec<Arc<Head>>, f64), Error> {
        let (mut found, missing) = self.cache.heads(numbers);
        let (items, units) = self.get(&missing, |number| key(&head_key(number), number)).await?;
        for Stored { sk: number, packed, .. } in items {
            found.insert(number, self.cache.keep_head(number, Head::decode(&packed)?));
        }
        Ok((numbers.iter().map(|number| found.remove(number).unwrap_or_default()).collect(), units))
    }

    /// The bodies of these segments, in their order; and the units that reading took.
    pub(crate) async fn bodies(&self, numbers: &[u64]) -> Result<(Vec<Arc<Body>>, f64), Error> {
        let (mut found, missing) = self.cache.bodies(numbers);
        let (items, units) = self.get(&missing, |number| key(&body_key(number), number)).await?;
        for Stored { sk: number, packed: text, rests, .. } in items {
            found.insert(number, self.cache.keep_body(number, Body { text, rests }));
        }
        let bodies = numbers.iter().map(|number| found.remove(number));
        let bodies = bodies.collect::<Option<Vec<_>>>().ok_or_else(|| Error::corrupt(&self.table, "a text is missing"));
        Ok((bodies?, units))
    }

    async fn get(&self, numbers: &[u64], key: impl Fn(u64) -> Item) -> Result<(Vec<Stored>, f64), Error> {
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
    ) -> Result<(Vec<Stored>, f64), Error> {
        let chunks: Vec<Vec<Item>> =
            numbers.chunks(BATCH_GET).map(|chunk| chunk.iter().map(|number| key(*number)).collect()).collect();
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
struct Stored {
    pk: String,
    /// The segment's number.
    sk: u64,
    #[serde(with = "serde_bytes")]
    packed: Vec<u8>,
    /// The other part of a body.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Vec::is_empty")]
    rests: Vec<u8>,
    /// When the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

fn head_key(number: u64) -> String {
    format!("H#{}", number % HEAD_PARTITIONS)
}

fn body_key(number: u64) -> String {
    format!("T#{number}")
}

fn key(partition: &str, number: u64) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(partition.to_owned())),
        ("sk".to_owned(), AttributeValue::N(number.to_string())),
    ])
}
