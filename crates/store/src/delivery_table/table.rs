//! The `deliveries` table: for every event and target, the attempts and where they stand.

mod list;
mod write;

use std::collections::HashMap;

use ::events::EventId;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use list::{Last, Listed, Listing};
pub use write::{Outcome, Turn, status_key};

use crate::error::Error;
use crate::events::{Item, batch_get};
use crate::retention::Retention;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RecordedStatus")]
pub enum Status {
    /// The target answered 2xx.
    Delivered,
    /// The next attempt is due.
    Waiting,
    /// The last attempt failed.
    Failed,
    /// The target is paused: it is delivered when that is resumed.
    Held,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Waiting, Self::Failed, Self::Held];

    /// Its name, as the table and the API have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

/// One POST to a target, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How long its phases took. A connection that was open already took none of the first three.
    #[serde(default)]
    pub phases: Phases,
    /// The address that was dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The version of HTTP that was spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// SHA-256 of the body that was sent, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// The status of the answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What kind of failure it was: `status`, `dns`, `forbidden`, `connect`, `tls`, `timeout`, `exchange`,
    /// `template` or `secrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The first kilobyte of the answer's body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The replay or retry that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How often it had been taken up since the attempt before, and nothing was put on record: because a function ended
    /// in the middle of an attempt, which the target may have seen; or because the target had enough to do, or none was
    /// due. Left out where it is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<u32>,
}

/// How long the phases of an attempt took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Looking up the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// Connecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    /// From the beginning to the first byte of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
}

/// One event for one target.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delivery {
    /// The event.
    #[serde(rename = "pk")]
    pub event: EventId,
    /// The target's name.
    #[serde(rename = "sk")]
    pub target: String,
    /// Where it stands.
    pub status: Status,
    /// Every attempt, oldest first; of very many, the latest.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// How many attempts there were.
    #[serde(default)]
    pub count: u32,
    /// How many of them since the schedule last began.
    #[serde(default)]
    pub made: u32,
    /// The replay or retry that it is delivered by; `None` for the event's own way.
    #[serde(default)]
    pub run: Option<String>,
    /// When the next attempt is due.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it is held, where it is or was.
    #[serde(default)]
    pub held_at: Option<Timestamp>,
    /// Until when somebody is at work on it, in milliseconds since 1970.
    #[serde(default)]
    pub claimed_until: Option<i64>,
    /// When DynamoDB may remove it, in seconds since 1970.
    #[serde(default)]
    expires: Option<i64>,
}

/// Why a delivery failed that was still to be made when its target was removed.
pub const TARGET_REMOVED: &str = "the target was removed before the event was delivered to it";

/// The `deliveries` table of a deployment.
#[derive(Debug, Clone)]
pub struct Deliveries {
    client: Client,
    table: String,
    retention: Retention,
}

impl Deliveries {
    /// The table `table`.
    pub fn new(client: Client, table: String, retention: Retention) -> Self {
        Self { client, table, retention }
    }

    /// The delivery of an event to a target, where there is a record of one.
    pub async fn get(&self, event: EventId, target: &str) -> Result<Option<Delivery>, Error> {
        Ok(self.get_many(&[(event, target)]).await?.pop())
    }

    /// The deliveries that there is a record of, in any order; each is to be asked for once.
    pub async fn get_many(&self, wanted: &[(EventId, &str)]) -> Result<Vec<Delivery>, Error> {
        let keys = wanted.iter().map(|(event, target)| key(*event, target)).collect();
        let (items, _) = batch_get(&self.client, &self.table, keys, true).await?;
        items.into_iter().filter_map(|item| self.read(item).transpose()).collect()
    }

    /// Every delivery of an event that there is a record of, by target.
    pub async fn of_event(&self, event: EventId) -> Result<Vec<Delivery>, Error> {
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
            deliveries.extend(self.read(item.map_err(|e| Error::sdk("Query", e))?)?);
        }
        Ok(deliveries)
    }

    /// What an item holds; `None` where its time is over.
    fn read(&self, item: HashMap<String, AttributeValue>) -> Result<Option<Delivery>, Error> {
        let delivery: Delivery = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok((!self.retention.is_over(delivery.expires)).then_some(delivery))
    }
}

fn key(event: EventId, target: &str) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::N(event.to_string())),
        ("sk".to_owned(), AttributeValue::S(target.to_owned())),
    ])
}
