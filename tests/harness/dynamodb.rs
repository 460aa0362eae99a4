//! A DynamoDB that answers at once: what a function's own work is measured and tested against.

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

/// The largest item that DynamoDB takes, in bytes.
const MAX_ITEM: usize = 400 * 1024;

/// An item as the SDK takes it.
pub type Item = HashMap<String, AttributeValue>;

/// What a test or a benchmark may find in it, and what it is to do.
#[derive(Debug, Default)]
struct State {
    /// Items by table, partition key and sort key; `None` where none are kept.
    items: Option<HashMap<(String, String, String), Value>>,
    /// How many more writes are taken before all are throttled.
    writes: Option<usize>,
    /// How many of the next writes are throttled.
    throttled: usize,
    /// How often keys were read.
    reads_of_keys: usize,
}

/// What a client of a DynamoDB that is not AWS's has to say.
pub(crate) fn config() -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
}

/// A DynamoDB in memory that knows one ingest key and its source, and takes conditional puts.
#[derive(Debug, Clone)]
pub struct FakeDynamoDb {
    sha256: String,
    catalog: String,
    state: Arc<Mutex<State>>,
}

impl FakeDynamoDb {
    /// One whose key has this token, and whose source is of this catalog. It forgets what it is given.
    pub fn new(token: &str, catalog: &str) -> Self {
        Self { sha256: web::token::sha256(token), catalog: catalog.to_owned(), state: Arc::default() }
    }

    /// The same, keeping what it is given.
    #[must_use]
    pub fn that_keeps(self) -> Self {
        self.lock().items = Some(HashMap::new());
        self
    }

    /// Takes this many writes more, and throttles all after them.
    pub fn take_writes(&self, writes: usize) {
        self.lock().writes = Some(writes);
    }

    /// Throttles this many of the next writes.
    pub fn throttle_next(&self, writes: usize) {
        self.lock().throttled = writes;
    }

    /// How often the keys were read so far.
    pub fn reads_of_keys(&self) -> usize {
        self.lock().reads_of_keys
    }

    /// The items of a table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let state = self.lock();
        let of_table = state.items.iter().flatten().filter(|((name, _, _), _)| name == table);
        of_table.map(|(_, item)| item.clone()).collect()
    }

    /// The same, as the SDK takes them.
    pub fn sdk_items(&self, table: &str) -> Vec<Item> {
        let attributes = |item: &Value| item.as_object().into_iter().flatten().map(attribute).collect();
        self.items(table).iter().map(attributes).collect()
    }

    /// A client of it, without a network in between.
    pub fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = config().http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// The answer to a request: its status and body.
    pub fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match operation.rsplit('.').next() {
            Some("Query") => (200, self.query(body)),
            Some("PutItem") => self.put(&serde_json::from_slice(body).unwrap_or_default()),
            Some("TransactWriteItems") => self.transact(&serde_json::from_slice(body).unwrap_or_default()),
            _ => (200, "{}".to_owned()),
        }
    }

    /// The key or the source.
    fn query(&self, body: &[u8]) -> String {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let created_at = json!({ "S": "2026-01-01T00:00:00Z" });
        let item = match request["ExpressionAttributeValues"][":kind"]["S"].as_str() {
            Some("keys") => {
                self.lock().reads_of_keys += 1;
                json!({
                    "name": { "S": "test" }, "scope": { "S": "ingest" }, "source": { "S": "test" },
                    "sha256": { "S": self.sha256 }, "created_at": created_at,
                })
            }
            _ => json!({ "name": { "S": "test" }, "catalog": { "S": self.catalog }, "created_at": created_at }),
        };
        json!({ "Items": [item], "Count": 1, "ScannedCount": 1 }).to_string()
    }

    fn put(&self, request: &Value) -> (u16, String) {
        let mut state = self.lock();
        if state.throttles(request) {
            return failed("ProvisionedThroughputExceededException", &json!({}));
        }
        if size(&request["Item"]) > MAX_ITEM {
            return failed("ValidationException", &json!({}));
        }
        if let Some(taken) = state.taken(request) {
            return failed("ConditionalCheckFailedException", &json!({ "Item": taken }));
        }
        state.keep(request);
        (200, json!({ "ConsumedCapacity": { "TableName": "t", "CapacityUnits": 1.0 } }).to_string())
    }

    fn transact(&self, request: &Value) -> (u16, String) {
        let mut state = self.lock();
        let puts: Vec<&Value> =
            request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]).collect();
        let taken: Vec<Option<Value>> = puts.iter().map(|put| state.taken(put)).collect();
        if taken.iter().any(Option::is_some) {
            let reason = |taken: Option<Value>| match taken {
                Some(item) => json!({ "Code": "ConditionalCheckFailed", "Item": item }),
                None => json!({ "Code": "None" }),
            };
            let reasons: Vec<Value> = taken.into_iter().map(reason).collect();
            return failed("TransactionCanceledException", &json!({ "CancellationReasons": reasons }));
        }
        for put in puts {
            state.keep(put);
        }
        (200, "{}".to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a write is throttled. Notes of uses do not count.
    fn throttles(&mut self, request: &Value) -> bool {
        if request["TableName"] == "config" {
            return false;
        }
        if self.throttled > 0 {
            self.throttled -= 1;
            return true;
        }
        match &mut self.writes {
            Some(0) => true,
            Some(writes) => {
                *writes -= 1;
                false
            }
            None => false,
        }
    }

    fn taken(&self, put: &Value) -> Option<Value> {
        put.get("ConditionExpression")?;
        self.items.as_ref()?.get(&key(put)).cloned()
    }

    fn keep(&mut self, put: &Value) {
        if let Some(items) = &mut self.items {
            items.insert(key(put), put["Item"].clone());
        }
    }
}

/// An attribute of an item that events consist of.
fn attribute((name, value): (&String, &Value)) -> (String, AttributeValue) {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).expect("one kind of value");
    let text = || value.as_str().expect("text").to_owned();
    let value = match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "B" => AttributeValue::B(base64::engine::general_purpose::STANDARD.decode(text()).expect("base64").into()),
        other => panic!("an event has no attributes of kind {other}"),
    };
    (name.clone(), value)
}

/// About what DynamoDB counts: the bytes of names and values.
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

fn failed(kind: &str, also: &Value) -> (u16, String) {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": kind });
    if let (Some(body), Some(also)) = (body.as_object_mut(), also.as_object()) {
        body.extend(also.clone());
    }
    (400, body.to_string())
}

impl HttpConnector for FakeDynamoDb {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let (status, body) = self.answer(operation, request.body().bytes().unwrap_or_default());
        let status = status.try_into().expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}
