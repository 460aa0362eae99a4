//! Listing deliveries of a target.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use events::EventId;
use jiff::Timestamp;
use model::{DeliveryQuery, DeliverySummary, RecordedStatus, known_since, run_name_prefix};
use serde::Deserialize;

use super::item_update::status_key;
use super::table::DeliveryTable;
use crate::batch_get::Item;
use crate::error::Error;

/// Number of deliveries that one `Query` examines if a filter excludes some of them.
const FILTERED_PAGE_DELIVERIES: usize = 1000;

/// Maximum number of deliveries that one list examines.
const MAX_EXAMINED_DELIVERIES: usize = 20_000;

/// The position in an index at which a `Query` ended.
#[derive(Deserialize)]
struct ListPosition {
    #[serde(rename = "pk")]
    event: EventId,
}

impl DeliveryTable {
    /// Lists deliveries. Also returns the event at which the list ended if there may be more deliveries after it. The
    /// indexes are eventually consistent.
    pub async fn list(&self, query: DeliveryQuery<'_>) -> Result<(Vec<DeliverySummary>, Option<EventId>), Error> {
        let mut found: Vec<DeliverySummary> = Vec::new();
        let mut start: Option<Item> = None;
        if query.low > query.high {
            return Ok((found, None));
        }
        let mut examined = 0;
        loop {
            // Filtered deliveries count as examined: after the first page, larger pages find rare matches sooner.
            let missing = query.limit - found.len() + 1;
            let limit = if examined > 0 { missing.max(FILTERED_PAGE_DELIVERIES) } else { missing };
            let request = self.list_request(&query).limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let response =
                request.set_exclusive_start_key(start.take()).send().await.map_err(|e| Error::sdk("Query", e))?;
            examined += usize::try_from(response.scanned_count).unwrap_or(0);
            for item in response.items.unwrap_or_default() {
                let summary: DeliverySummary =
                    serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
                if !self.retention.is_over(summary.expires) {
                    found.push(summary);
                }
            }
            start = response.last_evaluated_key;
            if found.len() > query.limit {
                found.truncate(query.limit);
                let last = found.last().map(|summary| summary.event);
                return Ok((found, last));
            }
            let Some(position) = &start else { return Ok((found, None)) };
            if examined >= MAX_EXAMINED_DELIVERIES.max(2 * query.limit) {
                let position: ListPosition =
                    serde_dynamo::from_item(position.clone()).map_err(|e| Error::corrupt(&self.table, e))?;
                return Ok((found, Some(position.event)));
            }
        }
    }

    /// Counts the deliveries with a status of a target that was created at `since`, up to about `most`.
    pub async fn count(
        &self,
        target: &str,
        since: Timestamp,
        status: RecordedStatus,
        most: usize,
    ) -> Result<usize, Error> {
        let (low, high, since) = (EventId::MIN, EventId::MAX, Some(since));
        let query = DeliveryQuery { target, since, status: Some(status), low, high, ascending: true, limit: most };
        let mut count = 0;
        let mut pages = self.list_request(&query).select(Select::Count).into_paginator().send();
        while let Some(page) = pages.next().await {
            count += usize::try_from(page.map_err(|e| Error::sdk("Query", e))?.count()).unwrap_or(0);
            if count >= most {
                break;
            }
        }
        Ok(count)
    }

    fn list_request(&self, query: &DeliveryQuery<'_>) -> QueryFluentBuilder {
        // Most deliveries are delivered: they are not in the index by status.
        let indexed = query.status.filter(|status| *status != RecordedStatus::Delivered);
        let (index, hash, value) = match indexed {
            Some(status) => ("by_status", "ts", status_key(query.target, status)),
            None => ("by_target", "sk", query.target.to_owned()),
        };
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression(format!("{hash} = :key AND pk BETWEEN :low AND :high"))
            .expression_attribute_values(":key", AttributeValue::S(value))
            .expression_attribute_values(":low", AttributeValue::N(query.low.to_string()))
            .expression_attribute_values(":high", AttributeValue::N(query.high.to_string()))
            .scan_index_forward(query.ascending);
        let mut filters = Vec::new();
        if let (Some(status), None) = (query.status, indexed) {
            filters.push("#status = :status");
            request = request
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", AttributeValue::S(status.name().to_owned()));
        }
        if let Some(created_at) = query.since {
            let since = known_since(created_at);
            filters.push(
                "(target_created_at = :created OR attribute_not_exists(target_created_at) \
                 AND (#last.#at >= :since OR held_at >= :since OR run >= :run))",
            );
            request = request
                .expression_attribute_values(":created", AttributeValue::S(created_at.to_string()))
                .expression_attribute_names("#last", "last")
                .expression_attribute_names("#at", "at")
                .expression_attribute_values(":since", AttributeValue::S(since.to_string()))
                .expression_attribute_values(":run", AttributeValue::S(run_name_prefix(since)));
        }
        let filter = (!filters.is_empty()).then(|| filters.join(" AND "));
        request.set_filter_expression(filter)
    }
}
