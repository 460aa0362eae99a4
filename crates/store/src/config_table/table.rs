//! Reading and writing records of the `config` table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use model::Record;

use crate::batch_get::Item;
use crate::error::Error;

/// The `config` table of a deployment.
#[derive(Debug, Clone)]
pub struct ConfigTable {
    client: Client,
    table: String,
}

impl ConfigTable {
    /// Creates a handle for the table `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Returns the name of the table.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads every record of a kind, sorted by name.
    pub async fn list<T: Record>(&self) -> Result<Vec<T>, Error> {
        let mut records = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :kind")
            .expression_attribute_values(":kind", AttributeValue::S(T::KIND.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| Error::sdk("Query", e))?;
            records.push(serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?);
        }
        Ok(records)
    }

    /// Reads the record with this name.
    pub async fn get<T: Record>(&self, name: &str) -> Result<Option<T>, Error> {
        if !is_valid_key(name) {
            return Ok(None);
        }
        let response = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(record_key::<T>(name)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let read = |item| serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e));
        response.item.map(read).transpose()
    }

    /// Creates a record.
    ///
    /// # Errors
    /// [`Error::Exists`] if the name is taken.
    pub async fn create<T: Record>(&self, record: &T) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(self.item(record)?));
        let sent = put.condition_expression("attribute_not_exists(pk)").send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(Error::Exists(format!("{}/{}", T::KIND, record.name())))
            }
            Err(e) => Err(Error::sdk("PutItem", e)),
        }
    }

    /// Writes a record. Replaces the record of the same name.
    pub async fn put<T: Record>(&self, record: &T) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(self.item(record)?));
        put.send().await.map(|_| ()).map_err(|e| Error::sdk("PutItem", e))
    }

    pub(crate) fn item<T: Record>(&self, record: &T) -> Result<Item, Error> {
        let mut item: Item = serde_dynamo::to_item(record).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(record_key::<T>(record.name()));
        Ok(item)
    }

    /// Removes the record with this name. Returns whether it existed.
    pub async fn remove<T: Record>(&self, name: &str) -> Result<bool, Error> {
        if !is_valid_key(name) {
            return Ok(false);
        }
        let response = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(record_key::<T>(name)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| Error::sdk("DeleteItem", e))?;
        Ok(response.attributes.is_some())
    }
}

/// Returns whether a name is a valid sort key. DynamoDB fails requests with an empty key or one of more than
/// 1,024 bytes.
pub(crate) fn is_valid_key(name: &str) -> bool {
    (1..=1024).contains(&name.len())
}

/// Returns the key of the record with this name.
pub(crate) fn record_key<T: Record>(name: &str) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(T::KIND.to_owned())),
        ("sk".to_owned(), AttributeValue::S(name.to_owned())),
    ])
}
