//! Lists of deliveries, by target and by where they stand.

use std::collections::HashMap;

use ::events::EventId;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::write::status_key;
use super::{Deliveries, Delivery, Status};
use crate::error::Error;
use crate::replay::run_time;
use crate::target::Target;

/// How far the clocks of two processes may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(1);

/// How many deliveries one Query looks at where some are left out, and how many a list looks at.
const LOOKED_AT: usize = 1000;
const MAX_EXAMINED: usize = 20_000;

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

/// Where in an index a Query ended.
#[derive(Deserialize)]
struct Place {
    #[serde(rename = "pk")]
    event: EventId,
}

/// Which deliveries of a target to list, by the ids of their events.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The target's name.
    pub target: &'a str,
    /// Only what was done since then, which is when the target was created: another may have had its name before.
    pub since: Option<Timestamp>,
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

impl Delivery {
    /// Whether it was made for this target, and not for one that had its name before.
    pub fn is_for(&self, target: &Target) -> bool {
        let since = target.known_since();
        let attempted = self.attempts.last().is_some_and(|attempt| attempt.at >= since);
        attempted || self.held_at.is_some_and(|held| held >= since) || self.run.as_ref() >= Some(&run_time(since))
    }
}

impl Target {
    /// From when on it may have been known: what was received before was for another that had its name.
    pub fn known_since(&self) -> Timestamp {
        created(self.created_at)
    }
}

/// From when on what is on record is about a target that was created then, for all that clocks differ.
fn created(at: Timestamp) -> Timestamp {
    at.checked_sub(SKEW).unwrap_or(at)
}

impl Deliveries {
    /// The deliveries of a listing, and the event up to which they are all that there are, where there may be more.
    /// Indexes follow their table within moments.
    pub async fn list(&self, listing: Listing<'_>) -> Result<(Vec<Listed>, Option<EventId>), Error> {
        let mut found: Vec<Listed> = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        if listing.low > listing.high {
            return Ok((found, None));
        }
        let mut examined = 0;
        loop {
            // What DynamoDB leaves out counts as looked at: more at once, for what may be rare.
            let wanted = listing.limit - found.len() + 1;
            let limit = if examined > 0 { wanted.max(LOOKED_AT) } else { wanted };
            let query = self.query(&listing).limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let answer =
                query.set_exclusive_start_key(start.take()).send().await.map_err(|e| Error::sdk("Query", e))?;
            examined += usize::try_from(answer.scanned_count).unwrap_or(0);
            for item in answer.items.unwrap_or_default() {
                let listed: Listed = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
                if !self.retention.is_over(listed.expires) {
                    found.push(listed);
                }
            }
            start = answer.last_evaluated_key;
            if found.len() > listing.limit {
                found.truncate(listing.limit);
                let last = found.last().map(|listed| listed.event);
                return Ok((found, last));
            }
            let Some(place) = &start else { return Ok((found, None)) };
            if examined >= MAX_EXAMINED.max(2 * listing.limit) {
                let place: Place =
                    serde_dynamo::from_item(place.clone()).map_err(|e| Error::corrupt(&self.table, e))?;
                return Ok((found, Some(place.event)));
            }
        }
    }

    /// How many deliveries of a target, created then, stand so, counted up to about `most`.
    pub async fn count(&self, target: &str, since: Timestamp, status: Status, most: usize) -> Result<usize, Error> {
        let (low, high, since) = (EventId::MIN, EventId::MAX, Some(since));
        let listing = Listing { target, since, status: Some(status), low, high, ascending: true, limit: most };
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
        let mut filters = Vec::new();
        if let (Some(status), None) = (listing.status, own) {
            filters.push("#status = :status");
            query = query
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", AttributeValue::S(status.name().to_owned()));
        }
        if let Some(since) = listing.since.map(created) {
            filters.push("(#last.#at >= :since OR held_at >= :since OR run >= :run)");
            query = query
                .expression_attribute_names("#last", "last")
                .expression_attribute_names("#at", "at")
                .expression_attribute_values(":since", AttributeValue::S(since.to_string()))
                .expression_attribute_values(":run", AttributeValue::S(run_time(since)));
        }
        let filter = (!filters.is_empty()).then(|| filters.join(" AND "));
        query.set_filter_expression(filter)
    }
}
