//! The `events` table: writing each event once, and reading events by id.

use std::collections::HashMap;

use ::events::{Event, EventId, Fingerprint};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put as PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::error::Error;
use crate::item::{EventItem, link_key, shard_key};

type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit for one `BatchGetItem`.
const BATCH_GET: usize = 100;

/// How many slots are tried before the write is given up: two full milliseconds.
const MAX_SLOTS: u32 = 8192;

/// How often a throttled part of a batch, or a transaction that met another, is tried again.
const RETRIES: u32 = 5;

/// The `events` table of a deployment.
#[derive(Debug, Clone)]
pub struct Events {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) shards: u16,
}

/// What became of an event that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new, and stands at this id.
    Stored(EventId),
    /// The same event was sent before, and stands at this id.
    Duplicate(EventId),
}

/// What stands in the slot that a write wanted.
enum Slot {
    Written,
    TakenBy(Vec<u8>),
}

impl Events {
    /// The table `table`, spread over `shards` partitions.
    pub fn new(client: Client, table: String, shards: u16) -> Self {
        Self { client, table, shards }
    }

    /// Writes an event into the first free slot from its id on, unless it stands in one already.
    ///
    /// The slot is taken by a conditional put, so two writers of one event cannot both succeed.
    pub async fn put(&self, event: &Event, fingerprint: &Fingerprint) -> Result<Put, Error> {
        let mut item = EventItem::new(event, fingerprint)?;
        let mut id = event.id;
        for _ in 0..MAX_SLOTS {
            item.place(id, self.shards);
            match self.take_slot(&item).await? {
                Slot::Written => return Ok(Put::Stored(id)),
                Slot::TakenBy(other) if other == item.fp => return Ok(Put::Duplicate(id)),
                Slot::TakenBy(_) => id = id.next(),
            }
        }
        Err(Error::Failed { operation: "PutItem", reason: format!("no free slot from {} on", event.id) })
    }

    async fn take_slot(&self, item: &EventItem) -> Result<Slot, Error> {
        let further = item.further_entities();
        let event = serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        if further.is_empty() { self.put_alone(event).await } else { self.put_with_links(item, event, &further).await }
    }

    async fn put_alone(&self, event: Item) -> Result<Slot, Error> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(event))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Slot::Written),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(taken)) => {
                    self.taken_by(taken.item())
                }
                _ => Err(Error::sdk("PutItem", error)),
            },
        }
    }

    /// Writes the event and one link item for each further entity, all or none.
    async fn put_with_links(&self, item: &EventItem, event: Item, further: &[&str]) -> Result<Slot, Error> {
        let mut writes = vec![self.put_in_transaction(event, true)?];
        for entity in further {
            let link = Item::from([
                ("pk".to_owned(), AttributeValue::S(link_key(entity, item.sk.shard(self.shards)))),
                ("sk".to_owned(), AttributeValue::N(item.sk.to_string())),
            ]);
            writes.push(self.put_in_transaction(link, false)?);
        }
        for attempt in 0..RETRIES {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = sent else { return Ok(Slot::Written) };
            match cancelled(&error) {
                Some(Cancelled::Taken(taken)) => return self.taken_by(taken.as_ref()),
                Some(Cancelled::Conflict) => backoff(attempt).await,
                None => return Err(Error::sdk("TransactWriteItems", error)),
            }
        }
        Err(Error::Throttled { operation: "TransactWriteItems" })
    }

    fn put_in_transaction(&self, item: Item, conditional: bool) -> Result<TransactWriteItem, Error> {
        let mut put = PutRequest::builder().table_name(&self.table).set_item(Some(item));
        if conditional {
            put = put
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let put = put.build().map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn taken_by(&self, item: Option<&Item>) -> Result<Slot, Error> {
        match item.and_then(|item| item.get("fp")) {
            Some(AttributeValue::B(fp)) => Ok(Slot::TakenBy(fp.as_ref().to_vec())),
            _ => Err(Error::corrupt(&self.table, "a taken slot came back without its fingerprint")),
        }
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
                events.push(self.read(item)?);
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
        Err(Error::Throttled { operation: "BatchGetItem" })
    }

    pub(crate) fn read(&self, item: Item) -> Result<Event, Error> {
        serde_dynamo::from_item::<_, EventItem>(item).map_err(|e| Error::corrupt(&self.table, e))?.into_event()
    }
}

/// Why a transaction did not happen.
enum Cancelled {
    /// The event's slot is taken, by this item.
    Taken(Option<Item>),
    /// Another transaction touched one of the items at the same time.
    Conflict,
}

fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Option<Cancelled> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let code = |code: &str| cancelled.cancellation_reasons().iter().find(|reason| reason.code() == Some(code));
    if let Some(reason) = code("ConditionalCheckFailed") {
        return Some(Cancelled::Taken(reason.item().cloned()));
    }
    code("TransactionConflict").or_else(|| code("ThrottlingError")).map(|_| Cancelled::Conflict)
}

/// Waits before a repetition: 20 ms, doubling.
async fn backoff(attempt: u32) {
    tokio::time::sleep(std::time::Duration::from_millis(20 << attempt)).await;
}
