//! The `deliveries` table: for every event and target, the attempts and where they stand.

use std::collections::HashMap;

use ::events::EventId;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::retention::Retention;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The target answered 2xx.
    Delivered,
    /// The next attempt is due.
    Waiting,
    /// The last attempt failed.
    Failed,
}

/// One POST to a target, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The first kilobyte of the answer's body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// One event for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event.
    #[serde(rename(deserialize = "pk"))]
    pub event: EventId,
    /// The target's name.
    #[serde(rename(deserialize = "sk"))]
    pub target: String,
    /// Where it stands.
    pub status: Status,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When DynamoDB may remove it, in seconds since 1970.
    #[serde(default, skip_serializing)]
    expires: Option<i64>,
}

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

    /// Adds an attempt, and says where the delivery stands now.
    pub async fn record(
        &self,
        event: EventId,
        target: &str,
        attempt: &Attempt,
        status: Status,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let value = |value: serde_dynamo::Result<AttributeValue>| value.map_err(|e| Error::corrupt(&self.table, e));
        let (next, remove_next) = match next_attempt_at {
            Some(at) => (Some(AttributeValue::S(at.to_string())), ""),
            None => (None, " REMOVE next_attempt_at"),
        };
        let expires = self.retention.expires(attempt.at).map(|expires| AttributeValue::N(expires.to_string()));
        let mut set = vec!["attempts = list_append(if_not_exists(attempts, :none), :attempt)", "#status = :status"];
        let mut values = HashMap::from([
            (":attempt".to_owned(), AttributeValue::L(vec![value(serde_dynamo::to_attribute_value(attempt))?])),
            (":none".to_owned(), AttributeValue::L(Vec::new())),
            (":status".to_owned(), value(serde_dynamo::to_attribute_value(status))?),
        ]);
        for (value, name, assignment) in
            [(next, ":next", "next_attempt_at = :next"), (expires, ":expires", "expires = :expires")]
        {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
                set.push(assignment);
            }
        }
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::N(event.to_string()))
            .key("sk", AttributeValue::S(target.to_owned()))
            .update_expression(format!("SET {}{remove_next}", set.join(", ")))
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(values))
            .send()
            .await
            .map_err(|e| Error::sdk("UpdateItem", e))?;
        Ok(())
    }

    /// The delivery of an event to a target, once it has been attempted.
    pub async fn get(&self, event: EventId, target: &str) -> Result<Option<Delivery>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::N(event.to_string()))
            .key("sk", AttributeValue::S(target.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        answer.item.map_or(Ok(None), |item| self.read(item))
    }

    /// Every attempted delivery of an event, by target.
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
