//! A fake DynamoDB that responds immediately, to test and measure a function's own work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use base64::Engine;
use serde_json::{Value, json};

/// The maximum size of a DynamoDB item, in bytes.
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// An item in the SDK's types.
pub type Item = HashMap<String, AttributeValue>;

/// The stored items, counters and settings.
#[derive(Debug, Default)]
struct State {
    /// Items by table, partition key and sort key; `None` if writes are not stored.
    items: Option<HashMap<(String, String, String), Value>>,
    /// True if every slot of the log is taken by an event that no test sends.
    is_log_full: bool,
    /// Number of writes to accept before all further ones are throttled.
    accepted_writes: Option<usize>,
    /// Number of the next writes to throttle.
    throttled_writes: usize,
    /// Number of reads of the keys.
    key_reads: usize,
    /// Number of items that were requested by their keys.
    read_keys: usize,
    /// Number of puts that were rejected because of their condition.
    rejected_puts: usize,
}

/// Returns the client configuration for a DynamoDB outside AWS.
pub(crate) fn config() -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
}

/// An in-memory DynamoDB that has one ingest key and its source, and supports conditional puts.
#[derive(Debug, Clone)]
pub struct FakeDynamoDb {
    sha256: String,
    catalog: String,
    state: Arc<Mutex<State>>,
}

impl FakeDynamoDb {
    /// Creates a fake whose key has this token and whose source has this catalog. It does not store writes.
    pub fn new(token: &str, catalog: &str) -> Self {
        Self { sha256: web::token::sha256(token), catalog: catalog.to_owned(), state: Arc::default() }
    }

    /// Returns a fake that stores writes.
    #[must_use]
    pub fn with_storage(self) -> Self {
        self.lock().items = Some(HashMap::new());
        self
    }

    /// Takes every slot of the log.
    pub fn fill_log(&self) {
        self.lock().is_log_full = true;
    }

    /// Accepts this many more writes and throttles all further ones.
    pub fn throttle_after(&self, writes: usize) {
        self.lock().accepted_writes = Some(writes);
    }

    /// Throttles this many of the next writes.
    pub fn throttle_next(&self, writes: usize) {
        self.lock().throttled_writes = writes;
    }

    /// Returns how often the keys have been read.
    pub fn key_reads(&self) -> usize {
        self.lock().key_reads
    }

    /// Returns the number of items that were requested by their keys, and the number of rejected puts.
    pub fn cost_of_collisions(&self) -> (usize, usize) {
        let state = self.lock();
        (state.read_keys, state.rejected_puts)
    }

    /// Removes an item, as DynamoDB does after its expiry.
    pub fn remove_item(&self, table: &str, item: &Value) {
        let key = (table.to_owned(), item["pk"].to_string(), item["sk"].to_string());
        self.lock().items.as_mut().and_then(|items| items.remove(&key));
    }

    /// Returns the items of a table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let state = self.lock();
        let items = state.items.iter().flatten().filter(|((name, _, _), _)| name == table);
        items.map(|(_, item)| item.clone()).collect()
    }

    /// Returns the items of a table in the SDK's types.
    pub fn sdk_items(&self, table: &str) -> Vec<Item> {
        let attributes = |item: &Value| item.as_object().into_iter().flatten().map(attribute).collect();
        self.items(table).iter().map(attributes).collect()
    }

    /// Returns a client that calls the fake directly, without a network.
    pub fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = config().http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// Handles a request and returns the response's status and body.
    pub fn respond(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match operation.rsplit('.').next() {
            Some("Query") => (200, self.query(body)),
            Some("BatchGetItem") => (200, self.batch_get(&serde_json::from_slice(body).unwrap_or_default())),
            Some("PutItem") => self.put(&serde_json::from_slice(body).unwrap_or_default()),
            Some("TransactWriteItems") => self.transact(&serde_json::from_slice(body).unwrap_or_default()),
            _ => (200, "{}".to_owned()),
        }
    }

    /// Returns the key or the source, depending on the requested kind.
    fn query(&self, body: &[u8]) -> String {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let created_at = json!({ "S": "2026-01-01T00:00:00Z" });
        let item = match request["ExpressionAttributeValues"][":kind"]["S"].as_str() {
            Some("keys") => {
                self.lock().key_reads += 1;
                json!({
                    "name": { "S": "test" }, "scope": { "S": "ingest" }, "source": { "S": "test" },
                    "sha256": { "S": self.sha256 }, "created_at": created_at,
                })
            }
            Some("slots") => {
                let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
                json!({ "name": { "S": "slots" }, "key": { "B": key }, "created_at": created_at })
            }
            _ => json!({ "name": { "S": "test" }, "catalog": { "S": self.catalog }, "created_at": created_at }),
        };
        json!({ "Items": [item], "Count": 1, "ScannedCount": 1 }).to_string()
    }

    /// Returns the stored items with the requested keys.
    fn batch_get(&self, request: &Value) -> String {
        let mut state = self.lock();
        let (mut responses, mut read) = (serde_json::Map::new(), 0);
        for (table, wanted) in request["RequestItems"].as_object().into_iter().flatten() {
            let keys = wanted["Keys"].as_array().into_iter().flatten();
            let keys = keys.map(|wanted| (table.clone(), wanted["pk"].to_string(), wanted["sk"].to_string()));
            let items = keys.inspect(|_| read += 1).filter_map(|key| state.items.as_ref()?.get(&key).cloned());
            responses.insert(table.clone(), items.collect());
        }
        state.read_keys += read;
        json!({ "Responses": responses }).to_string()
    }

    fn put(&self, request: &Value) -> (u16, String) {
        let mut state = self.lock();
        if state.should_throttle(request) {
            return error("ProvisionedThroughputExceededException", &json!({}));
        }
        if size(&request["Item"]) > MAX_ITEM_BYTES {
            return error("ValidationException", &json!({}));
        }
        if let Some(existing) = state.conflicting_item(request) {
            state.rejected_puts += 1;
            return error("ConditionalCheckFailedException", &json!({ "Item": existing }));
        }
        state.store(request);
        (200, json!({ "ConsumedCapacity": { "TableName": "t", "CapacityUnits": 1.0 } }).to_string())
    }

    fn transact(&self, request: &Value) -> (u16, String) {
        let mut state = self.lock();
        let puts: Vec<&Value> =
            request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]).collect();
        let existing: Vec<Option<Value>> = puts.iter().map(|put| state.conflicting_item(put)).collect();
        if existing.iter().any(Option::is_some) {
            let reason = |existing: Option<Value>| match existing {
                Some(item) => json!({ "Code": "ConditionalCheckFailed", "Item": item }),
                None => json!({ "Code": "None" }),
            };
            let reasons: Vec<Value> = existing.into_iter().map(reason).collect();
            return error("TransactionCanceledException", &json!({ "CancellationReasons": reasons }));
        }
        for put in puts {
            state.store(put);
        }
        (200, "{}".to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Decides if a write is throttled. Records of key use do not count.
    fn should_throttle(&mut self, request: &Value) -> bool {
        if request["TableName"] == "config" {
            return false;
        }
        if self.throttled_writes > 0 {
            self.throttled_writes -= 1;
            return true;
        }
        match &mut self.accepted_writes {
            Some(0) => true,
            Some(writes) => {
                *writes -= 1;
                false
            }
            None => false,
        }
    }

    /// Returns the stored item that makes the condition of a put fail.
    fn conflicting_item(&self, put: &Value) -> Option<Value> {
        put.get("ConditionExpression")?;
        if self.is_log_full && put["TableName"] == "events" {
            return Some(json!({ "pk": put["Item"]["pk"], "sk": put["Item"]["sk"], "fp": { "B": "AAAA" } }));
        }
        self.items.as_ref()?.get(&key(put)).cloned()
    }

    fn store(&mut self, put: &Value) {
        if let Some(items) = &mut self.items {
            items.insert(key(put), put["Item"].clone());
        }
    }
}

/// Converts an attribute of an event's item.
fn attribute((name, value): (&String, &Value)) -> (String, AttributeValue) {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).expect("one kind of value");
    let text = || value.as_str().expect("text").to_owned();
    let value = match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "B" => AttributeValue::B(base64::engine::general_purpose::STANDARD.decode(text()).expect("base64").into()),
        other => panic!("unsupported attribute type {other}"),
    };
    (name.clone(), value)
}

/// Returns approximately the size that DynamoDB counts: the bytes of names and values.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::String(text) => text.len(),
        _ => 1,
    }
}

fn key(put: &Value) -> (String, String, String) {
    (put["TableName"].to_string().replace('"', ""), put["Item"]["pk"].to_string(), put["Item"]["sk"].to_string())
}

fn error(kind: &str, details: &Value) -> (u16, String) {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": kind });
    if let (Some(body), Some(details)) = (body.as_object_mut(), details.as_object()) {
        body.extend(details.clone());
    }
    (400, body.to_string())
}

impl HttpConnector for FakeDynamoDb {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let (status, body) = self.respond(operation, request.body().bytes().unwrap_or_default());
        let status = status.try_into().expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}
