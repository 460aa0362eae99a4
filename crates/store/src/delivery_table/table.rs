//! Reading deliveries.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use events::EventId;
use model::{Delivery, Retention};

use crate::batch_get::{Item, batch_get};
use crate::error::Error;

/// The `deliveries` table of a deployment.
#[derive(Debug, Clone)]
pub struct DeliveryTable {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) retention: Retention,
}

impl DeliveryTable {
    /// Creates a handle for the table `table`.
    pub fn new(client: Client, table: String, retention: Retention) -> Self {
        Self { client, table, retention }
    }

    /// Reads the delivery of an event to a target.
    pub async fn get(&self, event: EventId, target: &str) -> Result<Option<Delivery>, Error> {
        Ok(self.get_many(&[(event, target)]).await?.pop())
    }

    /// Reads several deliveries, in any order. The keys must be distinct.
    pub async fn get_many(&self, deliveries: &[(EventId, &str)]) -> Result<Vec<Delivery>, Error> {
        let keys = deliveries.iter().map(|(event, target)| delivery_key(*event, target)).collect();
        let (items, _) = batch_get(&self.client, &self.table, keys, true).await?;
        items.into_iter().filter_map(|item| self.decode(item).transpose()).collect()
    }

    /// Reads every delivery of an event, sorted by target.
    pub async fn list_by_event(&self, event: EventId) -> Result<Vec<Delivery>, Error> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :event")
            .expression_attribute_values(":event", AttributeValue::N(event.to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut deliveries = Vec::new();
        while let Some(item) = pages.next().await {
            deliveries.extend(self.decode(item.map_err(|e| Error::sdk("Query", e))?)?);
        }
        Ok(deliveries)
    }

    /// Decodes an item; `None` if the delivery has expired.
    fn decode(&self, item: Item) -> Result<Option<Delivery>, Error> {
        let delivery: Delivery = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok((!self.retention.is_over(delivery.expires)).then_some(delivery))
    }
}

/// Returns the key of a delivery.
pub(super) fn delivery_key(event: EventId, target: &str) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::N(event.to_string())),
        ("sk".to_owned(), AttributeValue::S(target.to_owned())),
    ])
}
