//! The `quarantine` table: what came in authenticated but fits no schema, with the reasons.

use std::collections::HashMap;

use ::events::{Fingerprint, Violation};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::can_be_key;
use crate::error::Error;
use crate::item::compress;

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
    /// The bytes, as they were sent.
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    pk: String,
    sk: String,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    violations: Vec<Violation>,
    #[serde(with = "serde_bytes")]
    body: Vec<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<String>,
}

/// The `quarantine` table of a deployment.
#[derive(Debug, Clone)]
pub struct Quarantine {
    client: Client,
    table: String,
}

impl Quarantine {
    /// The table `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Keeps what `source` sent; its id in the quarantine.
    ///
    /// A body that is sent again within the same millisecond replaces itself.
    pub async fn put(
        &self,
        source: &str,
        received_at: Timestamp,
        event_type: Option<&str>,
        violations: &[Violation],
        body: &[u8],
    ) -> Result<String, Error> {
        let fingerprint = Fingerprint::of_bytes(source, body);
        let id = format!("{received_at:.3}~{}", hex::encode(&fingerprint.as_bytes()[..8]));
        let (stored, z) = compress(body)?;
        let item = Item {
            pk: source.to_owned(),
            sk: id.clone(),
            received_at,
            event_type: event_type.map(str::to_owned),
            violations: violations.to_vec(),
            body: stored,
            z,
        };
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))?))
            .send()
            .await
            .map_err(|e| Error::sdk("PutItem", e))?;
        Ok(id)
    }

    /// At most `limit` of what a source sent, newest first, older than `before`.
    pub async fn list(&self, source: &str, before: Option<&str>, limit: i32) -> Result<Vec<Quarantined>, Error> {
        if !can_be_key(source) {
            return Ok(Vec::new());
        }
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_values(":source", AttributeValue::S(source.to_owned()))
            .scan_index_forward(false)
            .limit(limit);
        let query = match before {
            None => query.key_condition_expression("pk = :source"),
            Some(before) => query
                .key_condition_expression("pk = :source AND sk < :before")
                .expression_attribute_values(":before", AttributeValue::S(before.to_owned())),
        };
        let answer = query.send().await.map_err(|e| Error::sdk("Query", e))?;
        answer.items.unwrap_or_default().into_iter().map(|item| self.read(item)).collect()
    }

    /// The one with this id.
    pub async fn get(&self, source: &str, id: &str) -> Result<Option<Quarantined>, Error> {
        if !can_be_key(source) || !can_be_key(id) {
            return Ok(None);
        }
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(source.to_owned()))
            .key("sk", AttributeValue::S(id.to_owned()))
            .send()
            .await
            .map_err(|e| Error::sdk("GetItem", e))?;
        answer.item.map(|item| self.read(item)).transpose()
    }

    fn read(&self, item: HashMap<String, AttributeValue>) -> Result<Quarantined, Error> {
        let item: Item = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        let body = crate::item::inflate(item.body, item.z.as_deref()).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(Quarantined {
            source: item.pk,
            id: item.sk,
            received_at: item.received_at,
            event_type: item.event_type,
            violations: item.violations,
            body,
        })
    }
}
