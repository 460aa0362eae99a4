//! The `events` table: reading events by id. Writing them is in `put.rs`, finding them in `search.rs`.

use std::collections::HashMap;

use ::events::{Event, EventId};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::error::Error;
use crate::item::{EventItem, shard_key};
use crate::retention::Retention;

type Item = HashMap<String, AttributeValue>;

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
        let chunks = ids.chunks(BATCH_GET).map(|chunk| self.get_chunk(chunk));
        let mut found: HashMap<EventId, Event> = HashMap::new();
        for chunk in futures::future::try_join_all(chunks).await? {
            found.extend(chunk.into_iter().map(|event| (event.id, event)));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn get_chunk(&self, ids: &[EventId]) -> Result<Vec<Event>, Error> {
        let keys = ids
            .iter()
            .map(|id| {
                Item::from([
                    ("pk".to_owned(), AttributeValue::S(shard_key(id.shard(self.shards)))),
                    ("sk".to_owned(), AttributeValue::N(id.to_string())),
                ])
            })
            .collect();
        let mut wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|e| Error::corrupt(&self.table, e))?;
        let mut events = Vec::with_capacity(ids.len());
        for attempt in 0..RETRIES {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|e| Error::sdk("BatchGetItem", e))?;
            for item in answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                events.extend(self.read(item)?);
            }
            // An answer ends at 16 MB, or where a partition throttles: what is left is asked again.
            match answer.unprocessed_keys.unwrap_or_default().remove(&self.table) {
                Some(rest) if !rest.keys().is_empty() => wanted = rest,
                _ => return Ok(events),
            }
            if events.is_empty() {
                backoff(attempt).await;
            }
        }
        Err(Error::Busy { operation: "BatchGetItem" })
    }

    /// The event that an item holds; `None` where its time is over.
    pub(crate) fn read(&self, item: Item) -> Result<Option<Event>, Error> {
        let item: EventItem = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        if self.retention.is_over(item.expires) { Ok(None) } else { item.into_event().map(Some) }
    }
}

/// Waits before a repetition: 20 ms, doubling.
async fn backoff(attempt: u32) {
    tokio::time::sleep(std::time::Duration::from_millis(20 << attempt)).await;
}
