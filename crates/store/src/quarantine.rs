//! The `quarantine` table, which holds rejected events of authenticated producers with their violations.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnConsumedCapacity, ReturnValue, TransactWriteItem};
use events::{Attributes, Fingerprint, Form, RawEvent, Rejection, Violation};
use futures::future::try_join_all;
use jiff::{Timestamp, ToSpan};
use model::Retention;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::audited_write::ConfigWrite;
use crate::batch_get::{Item, consumed_units};
use crate::compression::{checksum, compress, decompress};
use crate::config_table::table::is_valid_key;
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// Maximum size of a body and its violations: DynamoDB limits items to 400 KB, and the other attributes take up to 6 KB.
const MAX_BODY_AND_VIOLATIONS_BYTES: usize = 394 * 1024;

/// A rejected event and its violations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedEvent {
    /// Source that sent the event.
    pub source: String,
    /// Id, which sorts by time of receipt: `<received_at>~<fingerprint>`.
    pub id: String,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Type of the event, if it could be read.
    pub event_type: Option<String>,
    /// Violations of the schema and rules of the catalog.
    pub violations: Vec<Violation>,
    /// Body of the event as it was sent; empty in lists.
    pub bytes: Vec<u8>,
    /// Form of the body.
    pub form: Form,
    /// Attributes of the event from the headers of the request.
    pub attributes: Attributes,
}

impl QuarantinedEvent {
    /// Returns the event as it was received, to be ingested again.
    pub fn arrival(&self) -> RawEvent<'_> {
        RawEvent {
            source: &self.source,
            bytes: Cow::Borrowed(&self.bytes),
            form: self.form,
            attributes: self.attributes.clone(),
            received_at: self.received_at,
        }
    }
}

/// A filter of quarantined events. An event must match every part.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Type of the event.
    pub event_type: Option<String>,
    /// Keyword of one of the violations.
    pub reason: Option<String>,
    /// Start of the time range of receipt, inclusive.
    pub from: Option<Timestamp>,
    /// End of the time range of receipt, exclusive.
    pub until: Option<Timestamp>,
    /// Id at which the previous page ended.
    pub before: Option<String>,
}

/// A page of quarantined events, newest first.
#[derive(Debug)]
pub struct QuarantinePage {
    /// The events.
    pub quarantined: Vec<QuarantinedEvent>,
    /// `before` of the next page; `None` on the last page.
    pub next: Option<String>,
}

/// The item of a quarantined event.
#[derive(Serialize, Deserialize)]
struct QuarantineItem {
    pk: String,
    sk: String,
    received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    violations: Vec<Violation>,
    /// Distinct keywords of the violations, for filters.
    #[serde(default)]
    reasons: BTreeSet<String>,
    #[serde(default)]
    form: Form,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
    #[serde(default, with = "serde_bytes")]
    body: Vec<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    z: Option<String>,
    /// CRC-32 of the stored bytes of `body`; absent in items of earlier versions and in lists, which have no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ck: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

/// Quarantined events of one source, newest first.
struct SourcePage {
    quarantined: Vec<QuarantinedEvent>,
    /// Id of the oldest examined event, if there may be older ones.
    reached: Option<String>,
}

/// The `quarantine` table of a deployment.
#[derive(Debug, Clone)]
pub struct Quarantine {
    client: Client,
    table: String,
    retention: Retention,
}

impl Quarantine {
    /// Creates a handle for the table `table`.
    pub fn new(client: Client, table: String, retention: Retention) -> Self {
        Self { client, table, retention }
    }

    /// Stores a rejected event. Returns its id and the consumed write units. Throttled writes are retried until the
    /// deadline.
    ///
    /// An event that is quarantined again, because it was reingested, replaces itself.
    pub async fn put(
        &self,
        arrival: &RawEvent<'_>,
        refused: &Rejection,
        deadline: Instant,
    ) -> Result<(String, f64), Error> {
        let fingerprint = match &arrival.attributes.receipt {
            Some(receipt) => Fingerprint::of_receipt(arrival.source, receipt),
            None => Fingerprint::of_bytes(arrival.source, &arrival.bytes),
        };
        let id = format!("{:.3}~{}", arrival.received_at, hex::encode(&fingerprint.as_bytes()[..8]));
        let (body, z) = compress(&arrival.bytes)?;
        let violations =
            fitting_violations(&refused.violations, MAX_BODY_AND_VIOLATIONS_BYTES.saturating_sub(body.len()));
        let item = QuarantineItem {
            pk: arrival.source.to_owned(),
            sk: id.clone(),
            received_at: arrival.received_at,
            event_type: refused.event_type.clone(),
            violations: violations.to_vec(),
            reasons: refused.violations.iter().map(|violation| violation.keyword.clone()).collect(),
            form: arrival.form,
            attributes: arrival.attributes.clone(),
            ck: Some(checksum(&body)),
            body,
            z,
            expires: self.retention.expires(arrival.received_at),
        };
        let item: Item = serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        let put = || async {
            let sent = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|e| Error::sdk("PutItem", e))?;
            Ok(consumed_units(sent.consumed_capacity()))
        };
        Ok((id, retry_throttled(deadline, "PutItem", put).await?))
    }

    /// Lists at most `limit` quarantined events of these sources, newest first, without their bodies. Returns the events
    /// found so far if the deadline passes.
    pub async fn list(
        &self,
        sources: &[String],
        filter: &QuarantineFilter,
        limit: usize,
        deadline: Instant,
    ) -> Result<QuarantinePage, Error> {
        let valid = sources.iter().filter(|source| is_valid_key(source));
        let pages = try_join_all(valid.map(|source| self.list_source(source, filter, limit, deadline))).await?;
        // Events below this id have not been examined for every source.
        let floor = pages.iter().filter_map(|page| page.reached.clone()).max();
        let mut quarantined: Vec<QuarantinedEvent> = pages.into_iter().flat_map(|page| page.quarantined).collect();
        quarantined.retain(|event| floor.as_ref().is_none_or(|floor| event.id >= *floor));
        quarantined.sort_by(|a, b| b.id.cmp(&a.id));
        let more = quarantined.len() > limit;
        quarantined.truncate(limit);
        let next = if more { quarantined.last().map(|last| last.id.clone()) } else { floor };
        Ok(QuarantinePage { quarantined, next })
    }

    /// Lists up to `limit` + 1 quarantined events of one source.
    async fn list_source(
        &self,
        source: &str,
        filter: &QuarantineFilter,
        limit: usize,
        deadline: Instant,
    ) -> Result<SourcePage, Error> {
        let mut page = SourcePage { quarantined: Vec::new(), reached: None };
        let mut start = None;
        loop {
            let (items, last) = self.query(source, filter, start).await?;
            for item in items {
                let item: QuarantineItem = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
                page.quarantined.extend(self.decode(item)?);
                if page.quarantined.len() > limit {
                    page.reached = page.quarantined.last().map(|last| last.id.clone());
                    return Ok(page);
                }
            }
            let Some(last) = last else { return Ok(page) };
            if Instant::now() >= deadline {
                page.reached = last.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
                return Ok(page);
            }
            start = Some(last);
        }
    }

    /// Sends one `Query`, which returns up to 1 MB.
    async fn query(
        &self,
        source: &str,
        filter: &QuarantineFilter,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), Error> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        // Ids begin with the time, and `~` sorts after every character of a time.
        let oldest = filter.from.map_or_else(|| "0".to_owned(), |from| format!("{from:.3}"));
        let last = filter.until.map(|until| until.checked_sub(1.nanosecond()).unwrap_or(until));
        let newest = [last.map(|last| format!("{last:.3}~~")), filter.before.clone()];
        let newest = newest.into_iter().flatten().min().unwrap_or_else(|| "~".to_owned());
        // DynamoDB rejects an empty range.
        if oldest > newest {
            return Ok((Vec::new(), None));
        }
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :source AND sk BETWEEN :oldest AND :newest")
            .expression_attribute_values(":source", text(source))
            .expression_attribute_values(":oldest", text(&oldest))
            .expression_attribute_values(":newest", text(&newest))
            // The body is omitted, because it can be large.
            .projection_expression("pk, sk, received_at, event_type, violations, expires")
            .scan_index_forward(false)
            .set_exclusive_start_key(start);
        let mut conditions = Vec::new();
        if let Some(event_type) = &filter.event_type {
            conditions.push("event_type = :type");
            query = query.expression_attribute_values(":type", text(event_type));
        }
        if let Some(reason) = &filter.reason {
            conditions.push("contains(reasons, :reason)");
            query = query.expression_attribute_values(":reason", text(reason));
        }
        if !conditions.is_empty() {
            query = query.filter_expression(conditions.join(" AND "));
        }
        let response = query.send().await.map_err(|e| Error::sdk("Query", e))?;
        let mut items = response.items.unwrap_or_default();
        // BETWEEN includes both ends, but the upper end is exclusive here.
        items.retain(|item| item.get("sk").and_then(|sk| sk.as_s().ok()) != Some(&newest));
        Ok((items, response.last_evaluated_key))
    }

    /// Reads the quarantined event with this id.
    pub async fn get(&self, source: &str, id: &str) -> Result<Option<QuarantinedEvent>, Error> {
        let Some(key) = key(source, id) else { return Ok(None) };
        let response = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let Some(item) = response.item else { return Ok(None) };
        self.decode(serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?)
    }

    /// Returns a write that removes the quarantined event with this id; its condition fails if there is no such event.
    /// `None` if the id is invalid.
    pub fn remove_write(&self, source: &str, id: &str) -> Result<Option<ConfigWrite>, Error> {
        let Some(key) = key(source, id) else { return Ok(None) };
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key));
        let delete = delete.condition_expression("attribute_exists(pk)").build();
        let delete = delete.map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(Some(ConfigWrite(TransactWriteItem::builder().delete(delete).build())))
    }

    /// Removes the quarantined event with this id. Returns whether it existed.
    pub async fn remove(&self, source: &str, id: &str) -> Result<bool, Error> {
        let Some(key) = key(source, id) else { return Ok(false) };
        let response = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| Error::sdk("DeleteItem", e))?;
        Ok(response.attributes.is_some())
    }

    /// Decodes an item; `None` if it has expired.
    fn decode(&self, item: QuarantineItem) -> Result<Option<QuarantinedEvent>, Error> {
        if self.retention.is_over(item.expires) {
            return Ok(None);
        }
        let bytes = decompress(item.body, item.z.as_deref(), item.ck).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(Some(QuarantinedEvent {
            source: item.pk,
            id: item.sk,
            received_at: item.received_at,
            event_type: item.event_type,
            violations: item.violations,
            bytes,
            form: item.form,
            attributes: item.attributes,
        }))
    }
}

/// Returns the first violations that fit into `bytes` bytes.
fn fitting_violations(violations: &[Violation], mut bytes: usize) -> &[Violation] {
    // Overhead of each violation in an item.
    const VIOLATION_OVERHEAD_BYTES: usize = 48;
    let fitting = violations.iter().take_while(|violation| {
        let size =
            violation.pointer.len() + violation.keyword.len() + violation.message.len() + VIOLATION_OVERHEAD_BYTES;
        bytes.checked_sub(size).inspect(|rest| bytes = *rest).is_some()
    });
    &violations[..fitting.count()]
}

/// Returns the key of a quarantined event; `None` if it is invalid.
fn key(source: &str, id: &str) -> Option<Item> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    (is_valid_key(source) && is_valid_key(id))
        .then(|| Item::from([("pk".to_owned(), text(source)), ("sk".to_owned(), text(id))]))
}
