//! The `quarantine` table: what came in authenticated but cannot be stored as an event, with the reasons.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use ::events::{Arrival, Attributes, Fingerprint, Form, Refused, Violation};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, Delete, ReturnConsumedCapacity, TransactWriteItem};
use futures::future::try_join_all;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::change::Change;
use crate::config::can_be_key;
use crate::error::Error;
use crate::item::compress;
use crate::retention::Retention;
use crate::retry;

/// The most bytes of a body and its violations: DynamoDB ends items at 400 KB, and the rest of one takes up
/// to 6 KB.
const MAX_ITEM: usize = 394 * 1024;

/// What was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The source that sent it.
    pub source: String,
    /// Its id: where it stands among what its source sent, `<received_at>~<fingerprint>`.
    pub id: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The type it says it is, as far as that could be read.
    pub event_type: Option<String>,
    /// Every reason.
    pub violations: Vec<Violation>,
    /// The bytes, as they were sent; left out of lists.
    pub bytes: Vec<u8>,
    /// What the bytes are.
    pub form: Form,
    /// What the request said of them.
    pub attributes: Attributes,
}

impl Quarantined {
    /// As it came in: to be read again.
    pub fn arrival(&self) -> Arrival<'_> {
        Arrival {
            source: &self.source,
            bytes: Cow::Borrowed(&self.bytes),
            form: self.form,
            attributes: self.attributes.clone(),
            received_at: self.received_at,
        }
    }
}

/// Which of the refused events are meant: those that everything here is true of.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// The type that they say they are.
    pub event_type: Option<String>,
    /// The keyword of one of their violations.
    pub reason: Option<String>,
    /// Received at this time or later.
    pub from: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Older than the one with this id: where the page before ended.
    pub before: Option<String>,
}

/// Some of the refused events, newest first.
#[derive(Debug)]
pub struct QuarantinePage {
    /// The events.
    pub quarantined: Vec<Quarantined>,
    /// `before` of the next page; `None` where there is nothing further.
    pub next: Option<String>,
}

/// One as it lies in the table.
#[derive(Serialize, Deserialize)]
struct Item {
    pk: String,
    sk: String,
    received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    violations: Vec<Violation>,
    /// The violations' keywords, each once: to be filtered by.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

/// What was found of one source: its newest, and how far that goes.
struct Found {
    quarantined: Vec<Quarantined>,
    /// The id of the oldest that was looked at, where there may be older ones.
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
    /// The table `table`.
    pub fn new(client: Client, table: String, retention: Retention) -> Self {
        Self { client, table, retention }
    }

    /// Keeps what came in; its id in the quarantine, and the write units that it took. What DynamoDB is
    /// too busy for is tried again until the deadline.
    ///
    /// What is sent again within the same millisecond replaces itself.
    pub async fn put(
        &self,
        arrival: &Arrival<'_>,
        refused: &Refused,
        deadline: Instant,
    ) -> Result<(String, f64), Error> {
        let fingerprint = Fingerprint::of_bytes(arrival.source, &arrival.bytes);
        let id = format!("{:.3}~{}", arrival.received_at, hex::encode(&fingerprint.as_bytes()[..8]));
        let (body, z) = compress(&arrival.bytes)?;
        let violations = as_many_as_fit(&refused.violations, MAX_ITEM.saturating_sub(body.len()));
        let item = Item {
            pk: arrival.source.to_owned(),
            sk: id.clone(),
            received_at: arrival.received_at,
            event_type: refused.event_type.clone(),
            violations: violations.to_vec(),
            reasons: refused.violations.iter().map(|violation| violation.keyword.clone()).collect(),
            form: arrival.form,
            attributes: arrival.attributes.clone(),
            body,
            z,
            expires: self.retention.expires(arrival.received_at),
        };
        let item: HashMap<_, _> = serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
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
            Ok(sent.consumed_capacity().and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0))
        };
        Ok((id, retry::until(deadline, "PutItem", put).await?))
    }

    /// At most `limit` of what these sources sent, newest first, without the bytes. Where the deadline
    /// comes first, as much as was found.
    pub async fn list(
        &self,
        sources: &[String],
        filter: &QuarantineFilter,
        limit: usize,
        deadline: Instant,
    ) -> Result<QuarantinePage, Error> {
        let of_source = sources.iter().filter(|source| can_be_key(source));
        let found = try_join_all(of_source.map(|source| self.of_source(source, filter, limit, deadline))).await?;
        // Older than this, one of the sources has not been looked at.
        let floor = found.iter().filter_map(|found| found.reached.clone()).max();
        let mut quarantined: Vec<Quarantined> = found.into_iter().flat_map(|found| found.quarantined).collect();
        quarantined.retain(|one| floor.as_ref().is_none_or(|floor| one.id >= *floor));
        quarantined.sort_by(|a, b| b.id.cmp(&a.id));
        let more = quarantined.len() > limit;
        quarantined.truncate(limit);
        let next = if more { quarantined.last().map(|last| last.id.clone()) } else { floor };
        Ok(QuarantinePage { quarantined, next })
    }

    /// One more than `limit` of what one source sent, if there are so many.
    async fn of_source(
        &self,
        source: &str,
        filter: &QuarantineFilter,
        limit: usize,
        deadline: Instant,
    ) -> Result<Found, Error> {
        let mut found = Found { quarantined: Vec::new(), reached: None };
        let mut start = None;
        loop {
            let (items, last) = self.query(source, filter, start).await?;
            for item in items {
                let item: Item = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
                found.quarantined.extend(self.read(item)?);
                if found.quarantined.len() > limit {
                    found.reached = found.quarantined.last().map(|last| last.id.clone());
                    return Ok(found);
                }
            }
            let Some(last) = last else { return Ok(found) };
            if Instant::now() >= deadline {
                found.reached = last.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
                return Ok(found);
            }
            start = Some(last);
        }
    }

    /// One page of DynamoDB's, up to 1 MB.
    async fn query(
        &self,
        source: &str,
        filter: &QuarantineFilter,
        start: Option<HashMap<String, AttributeValue>>,
    ) -> Result<(Vec<HashMap<String, AttributeValue>>, Option<HashMap<String, AttributeValue>>), Error> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        // Ids begin with the time, and `~` is larger than what times consist of.
        let oldest = filter.from.map_or_else(|| "0".to_owned(), |from| format!("{from:.3}"));
        let last = filter.until.map(|until| until.checked_sub(1.nanosecond()).unwrap_or(until));
        let newest = [last.map(|last| format!("{last:.3}~~")), filter.before.clone()];
        let newest = newest.into_iter().flatten().min().unwrap_or_else(|| "~".to_owned());
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :source AND sk BETWEEN :oldest AND :newest")
            .expression_attribute_values(":source", text(source))
            .expression_attribute_values(":oldest", text(&oldest))
            .expression_attribute_values(":newest", text(&newest))
            // Not the bytes, which can be many.
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
        let answer = query.send().await.map_err(|e| Error::sdk("Query", e))?;
        let mut items = answer.items.unwrap_or_default();
        // BETWEEN includes its ends; the newest one does not belong to it.
        items.retain(|item| item.get("sk").and_then(|sk| sk.as_s().ok()) != Some(&newest));
        Ok((items, answer.last_evaluated_key))
    }

    /// The one with this id.
    pub async fn get(&self, source: &str, id: &str) -> Result<Option<Quarantined>, Error> {
        let Some(key) = key(source, id) else { return Ok(None) };
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        let Some(item) = answer.item else { return Ok(None) };
        self.read(serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?)
    }

    /// Forgets the one with this id; refused where there is none. `None` where there cannot be one.
    pub fn discarding(&self, source: &str, id: &str) -> Result<Option<Change>, Error> {
        let Some(key) = key(source, id) else { return Ok(None) };
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key));
        let delete = delete.condition_expression("attribute_exists(pk)").build();
        let delete = delete.map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(Some(Change(TransactWriteItem::builder().delete(delete).build())))
    }

    /// Forgets the one with this id; whether there was one.
    pub async fn remove(&self, source: &str, id: &str) -> Result<bool, Error> {
        let Some(key) = key(source, id) else { return Ok(false) };
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| Error::sdk("DeleteItem", e))?;
        Ok(answer.attributes.is_some())
    }

    /// What an item holds; `None` where its time is over.
    fn read(&self, item: Item) -> Result<Option<Quarantined>, Error> {
        if self.retention.is_over(item.expires) {
            return Ok(None);
        }
        let bytes = crate::item::inflate(item.body, item.z.as_deref()).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(Some(Quarantined {
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

/// The first of these violations that take no more than so many bytes.
fn as_many_as_fit(violations: &[Violation], mut room: usize) -> &[Violation] {
    // What an item takes for each besides its texts.
    const ENTRY: usize = 48;
    let fitting = violations.iter().take_while(|violation| {
        let size = violation.pointer.len() + violation.keyword.len() + violation.message.len() + ENTRY;
        room.checked_sub(size).inspect(|rest| room = *rest).is_some()
    });
    &violations[..fitting.count()]
}

/// The key of one, if there can be one.
fn key(source: &str, id: &str) -> Option<HashMap<String, AttributeValue>> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    (can_be_key(source) && can_be_key(id))
        .then(|| HashMap::from([("pk".to_owned(), text(source)), ("sk".to_owned(), text(id))]))
}
