//! The `events` table: reading events by id. Writing them is in `put.rs`, finding them in `search.rs`.

use std::collections::{HashMap, HashSet};

use ::events::{Event, EventId};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity};

use crate::error::Error;
use crate::item::{EventItem, shard_key};
use crate::retention::Retention;
use crate::segments::Row;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit for one `BatchGetItem`.
const BATCH_GET: usize = 100;

/// How often what a partition did not give at once is asked for again.
const RETRIES: u32 = 5;

/// The `events` table of a deployment.
#[derive(Debug, Clone)]
pub struct Events {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) shards: u16,
    pub(crate) retention: Retention,
}

impl Events {
    /// The table `table`, spread over `shards` partitions.
    pub fn new(client: Client, table: String, shards: u16, retention: Retention) -> Self {
        Self { client, table, shards, retention }
    }

    /// The event with this id, if there is one.
    pub async fn get(&self, id: EventId) -> Result<Option<Event>, Error> {
        Ok(self.get_many(&[id]).await?.pop())
    }

    /// The events with these ids, in their order; ids that no event has are left out.
    pub async fn get_many(&self, ids: &[EventId]) -> Result<Vec<Event>, Error> {
        Ok(self.get_counted(ids).await?.0)
    }

    /// The same, and the read units that it took.
    pub(crate) async fn get_counted(&self, ids: &[EventId]) -> Result<(Vec<Event>, f64), Error> {
        let (mut items, units) = self.get_by_id(ids).await?;
        let events = ids.iter().filter_map(|id| self.read(items.remove(id)?).transpose());
        Ok((events.collect::<Result<_, _>>()?, units))
    }

    /// The items of these events, each by its id, and the read units that it took.
    pub(crate) async fn get_by_id(&self, ids: &[EventId]) -> Result<(HashMap<EventId, Item>, f64), Error> {
        let (items, units) = self.get_items(ids).await?;
        let items = items.into_iter().map(|item| Ok((self.id_of(&item)?, item)));
        Ok((items.collect::<Result<_, Error>>()?, units))
    }

    /// The items of these events, in any order, and the read units that it took.
    ///
    /// An event never changes, so a read of half the price can only miss one that has just been written: those that
    /// are missing are asked for again.
    pub(crate) async fn get_items(&self, ids: &[EventId]) -> Result<(Vec<Item>, f64), Error> {
        let key = |id: &EventId| {
            Item::from([
                ("pk".to_owned(), AttributeValue::S(shard_key(id.shard(self.shards)))),
                ("sk".to_owned(), AttributeValue::N(id.to_string())),
            ])
        };
        let keys = ids.iter().map(key).collect();
        let (mut items, mut units) = batch_get(&self.client, &self.table, keys, false).await?;
        if items.len() < ids.len() {
            let found = items.iter().map(|item| self.id_of(item)).collect::<Result<HashSet<_>, _>>()?;
            let missing = ids.iter().filter(|id| !found.contains(id)).map(key).collect();
            let (rest, used) = batch_get(&self.client, &self.table, missing, true).await?;
            items.extend(rest);
            units += used;
        }
        Ok((items, units))
    }

    /// The id of an item.
    pub(crate) fn id_of(&self, item: &Item) -> Result<EventId, Error> {
        let id = item.get("sk").and_then(|id| id.as_n().ok()?.parse().ok());
        id.ok_or_else(|| Error::corrupt(&self.table, "an item without an id"))
    }

    /// The event that an item holds; `None` where its time is over.
    pub(crate) fn read(&self, item: Item) -> Result<Option<Event>, Error> {
        self.unexpired(item)?.map(EventItem::into_event).transpose()
    }

    /// The event that an item holds, as segments take it; `None` where its time is over.
    pub(crate) fn row(&self, item: Item) -> Result<Option<Row>, Error> {
        let Some(item) = self.unexpired(item)? else { return Ok(None) };
        let expires = item.expires;
        Ok(Some(Row::new(item.into_event()?, expires)))
    }

    fn unexpired(&self, item: Item) -> Result<Option<EventItem>, Error> {
        let item: EventItem = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok((!self.retention.is_over(item.expires)).then_some(item))
    }
}

/// The items of these keys that there are, however many and in any order, and the read units that it took.
pub(crate) async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> Result<(Vec<Item>, f64), Error> {
    let chunks = keys.chunks(BATCH_GET).map(|chunk| get_chunk(client, table, chunk.to_vec(), consistent));
    let (mut items, mut units) = (Vec::with_capacity(keys.len()), 0.0);
    for (chunk, used) in futures::future::try_join_all(chunks).await? {
        items.extend(chunk);
        units += used;
    }
    Ok((items, units))
}

/// The same for as many as one request may ask for.
async fn get_chunk(client: &Client, table: &str, keys: Vec<Item>, consistent: bool) -> Result<(Vec<Item>, f64), Error> {
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build();
    let mut wanted = wanted.map_err(|e| Error::corrupt(table, e))?;
    let (mut items, mut units) = (Vec::with_capacity(wanted.keys().len()), 0.0);
    for attempt in 0..RETRIES {
        let request = client.batch_get_item().request_items(table, wanted);
        let answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let mut answer = answer.map_err(|e| Error::sdk("BatchGetItem", e))?;
        units += answer.consumed_capacity().iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
        let got = answer.responses.take().unwrap_or_default().remove(table).unwrap_or_default();
        let progress = !got.is_empty();
        items.extend(got);
        // An answer ends at 16 MB, or where a partition throttles: what is left is asked again.
        match answer.unprocessed_keys.unwrap_or_default().remove(table) {
            Some(rest) if !rest.keys().is_empty() => wanted = rest,
            _ => return Ok((items, units)),
        }
        if !progress {
            backoff(attempt).await;
        }
    }
    Err(Error::Busy { operation: "BatchGetItem" })
}

/// The units of one answer.
pub(crate) fn units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0)
}

/// Waits before a repetition: 20 ms, doubling.
async fn backoff(attempt: u32) {
    tokio::time::sleep(std::time::Duration::from_millis(20 << attempt)).await;
}
