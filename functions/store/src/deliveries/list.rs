//! Lists of deliveries, by target and by where they stand.

use std::collections::HashMap;

use ::events::EventId;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::write::status_key;
use super::{Deliveries, Status};
use crate::error::Error;

/// A delivery as lists have it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Listed {
    /// The event.
    #[serde(rename = "pk")]
    pub event: EventId,
    /// The target's name.
    #[serde(rename = "sk")]
    pub target: String,
    /// Where it stands.
    pub status: Status,
    /// How many attempts there were.
    #[serde(default)]
    pub count: u32,
    /// The last of them.
    #[serde(default)]
    pub last: Option<Last>,
    /// When the next one is due.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it is held, where it is.
    #[serde(default)]
    pub held_at: Option<Timestamp>,
    /// The replay or retry that it is delivered by.
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    expires: Option<i64>,
}

/// An attempt as lists have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Which deliveries of a target to list, by the ids of their events.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The target's name.
    pub target: &'a str,
    /// Only those that stand so.
    pub status: Option<Status>,
    /// No event before this one.
    pub low: EventId,
    /// No event after this one.
    pub high: EventId,
    /// Whether the oldest come first.
    pub ascending: bool,
    /// At most this many.
    pub limit: usize,
}

impl Deliveries {
    /// The deliveries of a listing, and whether there may be more. Indexes follow their table within moments.
    pub async fn list(&self, listing: Listing<'_>) -> Result<(Vec<Listed>, bool), Error> {
        let mut found: Vec<Listed> = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        if listing.low > listing.high {
            return Ok((found, false));
        }
        loop {
            let limit = i32::try_from(listing.limit - found.len() + 1).unwrap_or(i32::MAX);
            let query = self.query(&listing).limit(limit).set_exclusive_start_key(start.take());
            let answer = query.send().await.map_err(|e| Error::sdk("Query", e))?;
            for item in answer.items.unwrap_or_default() {
                let listed: Listed = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
                if !self.retention.is_over(listed.expires) {
                    found.push(listed);
                }
            }
            start = answer.last_evaluated_key;
            if found.len() > listing.limit || start.is_none() {
                let more = found.len() > listing.limit;
                found.truncate(listing.limit);
                return Ok((found, more));
            }
        }
    }

    /// How many deliveries stand so, counted up to about `most`.
    pub async fn count(&self, target: &str, status: Status, most: usize) -> Result<usize, Error> {
        let (low, high) = (EventId::MIN, EventId::MAX);
        let listing = Listing { target, status: Some(status), low, high, ascending: true, limit: most };
        let mut count = 0;
        let mut pages = self.query(&listing).select(Select::Count).into_paginator().send();
        while let Some(page) = pages.next().await {
            count += usize::try_from(page.map_err(|e| Error::sdk("Query", e))?.count()).unwrap_or(0);
            if count >= most {
                break;
            }
        }
        Ok(count)
    }

    fn query(&self, listing: &Listing<'_>) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        // What is delivered is most, and has no index of its own.
        let own = listing.status.filter(|status| *status != Status::Delivered);
        let (index, hash, value) = match own {
            Some(status) => ("by_status", "ts", status_key(listing.target, status)),
            None => ("by_target", "sk", listing.target.to_owned()),
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression(format!("{hash} = :key AND pk BETWEEN :low AND :high"))
            .expression_attribute_values(":key", AttributeValue::S(value))
            .expression_attribute_values(":low", AttributeValue::N(listing.low.to_string()))
            .expression_attribute_values(":high", AttributeValue::N(listing.high.to_string()))
            .scan_index_forward(listing.ascending);
        if let (Some(status), None) = (listing.status, own) {
            query = query
                .filter_expression("#status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", AttributeValue::S(status.name().to_owned()));
        }
        query
    }
}
