//! The `config` table: sources, keys and targets, each found by its name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::error::Error;

/// Something that the `config` table holds.
pub trait Record: Serialize + DeserializeOwned {
    /// The kind of thing, in the plural, as the API's paths name it.
    const KIND: &'static str;

    /// Its name: unique within its kind.
    fn name(&self) -> &str;
}

/// One registered producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name: `unleash-prod`.
    pub name: String,
    /// The catalog that reads its events.
    pub catalog: String,
    /// What it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Record for Source {
    const KIND: &'static str = "sources";

    fn name(&self) -> &str {
        &self.name
    }
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Post events of one source.
    Ingest,
    /// Search and read.
    Read,
    /// Change targets, sources and keys.
    Manage,
}

/// One key; its token is known by its hash alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: KeyScope,
    /// The source that an ingest key posts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// SHA-256 of the token, in hexadecimal.
    pub sha256: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops working; never where this is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Record for Key {
    const KIND: &'static str = "keys";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The last day on which a key was used.
///
/// It is no part of the key, so that functions which may not change keys can say that they saw one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The key's name.
    pub name: String,
    /// The day, in UTC.
    pub day: Date,
}

impl Record for KeyUse {
    const KIND: &'static str = "uses";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The `config` table of a deployment.
#[derive(Debug, Clone)]
pub struct Config {
    client: Client,
    table: String,
}

impl Config {
    /// The table `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Its name in DynamoDB.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Every record of a kind, by name.
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

    /// The record with this name.
    pub async fn get<T: Record>(&self, name: &str) -> Result<Option<T>, Error> {
        if !can_be_key(name) {
            return Ok(None);
        }
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key::<T>(name)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let read = |item| serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e));
        answer.item.map(read).transpose()
    }

    /// Adds a record; [`Error::Exists`] where its name is taken.
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

    /// Writes a record, over the one that has its name.
    pub async fn put<T: Record>(&self, record: &T) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(self.item(record)?));
        put.send().await.map(|_| ()).map_err(|e| Error::sdk("PutItem", e))
    }

    pub(crate) fn item<T: Record>(&self, record: &T) -> Result<HashMap<String, AttributeValue>, Error> {
        let mut item: HashMap<String, AttributeValue> =
            serde_dynamo::to_item(record).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(key::<T>(record.name()));
        Ok(item)
    }

    /// Removes the record with this name; whether there was one.
    pub async fn remove<T: Record>(&self, name: &str) -> Result<bool, Error> {
        if !can_be_key(name) {
            return Ok(false);
        }
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key::<T>(name)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| Error::sdk("DeleteItem", e))?;
        Ok(answer.attributes.is_some())
    }
}

/// Whether there can be something under this name: DynamoDB takes neither an empty key nor one of
/// more than 1,024 bytes, and fails where it is asked for one.
pub(crate) fn can_be_key(name: &str) -> bool {
    (1..=1024).contains(&name.len())
}

pub(crate) fn key<T: Record>(name: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(T::KIND.to_owned())),
        ("sk".to_owned(), AttributeValue::S(name.to_owned())),
    ])
}

/// The records of one kind as a function keeps them between its invocations.
///
/// All of them are read together: there are few, and what is asked for most often (a token that
/// nobody knows, say) then costs no read of its own.
#[derive(Debug)]
pub struct Directory<T> {
    config: Config,
    slot: Mutex<Option<(Instant, Arc<Vec<T>>)>>,
}

impl<T: Record> Directory<T> {
    /// How long a record may be taken for unchanged.
    pub const MAX_AGE: Duration = Duration::from_secs(30);

    /// How old the records must be to be read anew for one that is not among them: young enough
    /// for a record to work at once after it was created, old enough to bound what guessing costs.
    const MIN_AGE: Duration = Duration::from_secs(1);

    /// The records of the `config` table.
    pub fn new(config: Config) -> Self {
        Self { config, slot: Mutex::new(None) }
    }

    /// Every record, none of them read longer ago than `max_age`. Callers that come at the same
    /// time wait for one read.
    pub async fn all(&self, max_age: Duration) -> Result<Arc<Vec<T>>, Error> {
        let mut slot = self.slot.lock().await;
        if let Some((read, records)) = slot.as_ref()
            && read.elapsed() < max_age
        {
            return Ok(Arc::clone(records));
        }
        // The age counts from before the read: what changes while it runs is not in it.
        let started = Instant::now();
        let records = Arc::new(self.config.list().await?);
        *slot = Some((started, Arc::clone(&records)));
        Ok(records)
    }

    /// Lets the next caller read anew: something has just been changed from here.
    pub async fn forget(&self) {
        *self.slot.lock().await = None;
    }

    /// The record that `matches`; one that was removed may be found for [`Self::MAX_AGE`] more.
    pub async fn find(&self, matches: impl Fn(&T) -> bool) -> Result<Option<T>, Error>
    where
        T: Clone,
    {
        for max_age in [Self::MAX_AGE, Self::MIN_AGE] {
            if let Some(record) = self.all(max_age).await?.iter().find(|record| matches(record)) {
                return Ok(Some(record.clone()));
            }
        }
        Ok(None)
    }
}
