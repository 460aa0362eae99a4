//! The `events` table: reading events by id.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use events::{Event, EventId};
use model::Retention;
use tokio::time::Instant;

use super::crowded_milliseconds::CrowdedMilliseconds;
use super::event_item::EventItem;
use super::item_key::shard_key;
use super::pack_fence::FenceCache;
use crate::batch_get::{Item, batch_get};
use crate::config_table::slot_key::{SlotKey, SlotKeys};
use crate::config_table::table::ConfigTable;
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// The `events` table of a deployment.
#[derive(Debug, Clone)]
pub struct EventTable {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) shards: u16,
    pub(crate) retention: Retention,
    /// Key that determines the slots of events; `None` for a handle that does not insert.
    slot_keys: Option<Arc<SlotKeys>>,
    pub(crate) crowded: Arc<CrowdedMilliseconds>,
    pub(crate) fence: Arc<FenceCache>,
}

impl EventTable {
    /// Creates a handle for the table `table`, whose log has `shards` partitions. It reads events.
    pub fn new(client: Client, table: String, shards: u16, retention: Retention) -> Self {
        Self { client, table, shards, retention, slot_keys: None, crowded: Arc::default(), fence: Arc::default() }
    }

    /// Returns a handle that also inserts events, in slots that the slot key in the `config` table determines.
    #[must_use]
    pub fn with_slot_key(self, config: ConfigTable) -> Self {
        Self { slot_keys: Some(Arc::new(SlotKeys::new(config))), ..self }
    }

    /// Returns the slot key. Throttled calls are retried until the deadline.
    pub(crate) async fn slot_key(&self, deadline: Instant) -> Result<&SlotKey, Error> {
        let Some(keys) = &self.slot_keys else {
            let reason = "the handle has no slot key: create it with EventTable::with_slot_key".to_owned();
            return Err(Error::Failed { operation: "PutItem", reason });
        };
        retry_throttled(deadline, "Query", || keys.get(self.retention.now())).await
    }

    /// Reads the slot key and the fence, so that the first insert of the process does not wait for them.
    pub async fn warm_up(&self, deadline: Instant) -> Result<(), Error> {
        futures::future::try_join(self.slot_key(deadline), self.pack_fence()).await.map(drop)
    }

    /// Returns the number of partitions of the log.
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// Returns the retention of events.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Reads the event with this id.
    pub async fn get(&self, id: EventId) -> Result<Option<Event>, Error> {
        Ok(self.get_many(&[id]).await?.pop())
    }

    /// Reads the events with these ids, in this order. Unknown ids are skipped.
    pub async fn get_many(&self, ids: &[EventId]) -> Result<Vec<Event>, Error> {
        Ok(self.get_many_with_units(ids).await?.0)
    }

    /// Like [`Self::get_many`]; also returns the consumed read units.
    pub async fn get_many_with_units(&self, ids: &[EventId]) -> Result<(Vec<Event>, f64), Error> {
        let (mut items, units) = self.get_items_by_id(ids).await?;
        let events = ids.iter().filter_map(|id| self.decode(items.remove(id)?).transpose());
        Ok((events.collect::<Result<_, _>>()?, units))
    }

    /// Reads the items of these events, keyed by id. Also returns the consumed read units.
    pub async fn get_items_by_id(&self, ids: &[EventId]) -> Result<(HashMap<EventId, Item>, f64), Error> {
        let (items, units) = self.get_items(ids).await?;
        let items = items.into_iter().map(|item| Ok((self.id_of(&item)?, item)));
        Ok((items.collect::<Result<_, Error>>()?, units))
    }

    /// Reads the items of these events, in any order. Also returns the consumed read units.
    ///
    /// Events never change. An eventually consistent read, at half the price, can therefore only miss an event that
    /// was just written. Missing events are read again consistently.
    pub async fn get_items(&self, ids: &[EventId]) -> Result<(Vec<Item>, f64), Error> {
        let key = |id: &EventId| self.key_of(*id);
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

    /// Returns the key of an event's item.
    pub(crate) fn key_of(&self, id: EventId) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(shard_key(id.shard(self.shards)))),
            ("sk".to_owned(), AttributeValue::N(id.to_string())),
        ])
    }

    /// Returns the id of an item.
    pub fn id_of(&self, item: &Item) -> Result<EventId, Error> {
        let id = item.get("sk").and_then(|id| id.as_n().ok()?.parse().ok());
        id.ok_or_else(|| Error::corrupt(&self.table, "the item has no id"))
    }

    /// Decodes an item into its event; `None` if the event has expired.
    pub fn decode(&self, item: Item) -> Result<Option<Event>, Error> {
        self.unexpired(item)?.map(EventItem::into_event).transpose()
    }

    /// Decodes an item into its event and expiry (in seconds since 1970); `None` if the event has expired.
    pub fn decode_with_expiry(&self, item: Item) -> Result<Option<(Event, Option<i64>)>, Error> {
        let Some(item) = self.unexpired(item)? else { return Ok(None) };
        let expires = item.expires;
        Ok(Some((item.into_event()?, expires)))
    }

    fn unexpired(&self, item: Item) -> Result<Option<EventItem>, Error> {
        let item: EventItem = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok((!self.retention.is_over(item.expires)).then_some(item))
    }
}
