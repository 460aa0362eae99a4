//! A proxy between the functions and the local DynamoDB and SQS that records the consumed units.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::Value;

/// Operations that consume write units; all others consume read units.
const WRITE_OPERATIONS: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// The usage since the last measurement.
#[derive(Debug, Default, Clone)]
pub(super) struct Usage {
    /// Number of calls by operation.
    calls_by_operation: BTreeMap<String, u64>,
    /// Read units by table.
    reads: BTreeMap<String, f64>,
    /// Write units by table; those of a table's indexes under `table/indexes`.
    writes: BTreeMap<String, f64>,
    /// The items written to the log, as in its stream.
    pub(super) events: Vec<Value>,
}

impl Usage {
    /// Returns the read units of these tables.
    pub(super) fn read(&self, tables: &[&str]) -> f64 {
        tables.iter().filter_map(|table| self.reads.get(*table)).sum()
    }

    /// Returns the write units of a table, without and with its indexes.
    pub(super) fn written(&self, table: &str) -> (f64, f64) {
        let of = |name: &str| self.writes.get(name).copied().unwrap_or(0.0);
        let (alone, indexes) = (of(table), of(&format!("{table}/indexes")));
        (alone, alone + indexes)
    }

    /// Returns the number of calls of an operation.
    pub(super) fn calls(&self, operation: &str) -> u64 {
        self.calls_by_operation.get(operation).copied().unwrap_or(0)
    }
}

/// The proxy; it has one address for each service.
#[derive(Debug, Clone)]
pub(super) struct MeteringProxy {
    pub(super) dynamodb: String,
    pub(super) sqs: String,
    usage: Arc<Mutex<Usage>>,
}

#[derive(Clone)]
struct Upstream {
    http: reqwest::Client,
    url: String,
    usage: Arc<Mutex<Usage>>,
}

impl MeteringProxy {
    /// Starts a proxy for this DynamoDB and this SQS.
    pub(super) async fn start(dynamodb: &str, sqs: &str) -> Self {
        let usage = Arc::<Mutex<Usage>>::default();
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let upstream = |url: &str| Upstream { http: http.clone(), url: url.to_owned(), usage: Arc::clone(&usage) };
        let serve_one = |url: &str| super::serve(Router::new().fallback(forward).with_state(upstream(url)));
        Self { dynamodb: serve_one(dynamodb).await, sqs: serve_one(sqs).await, usage }
    }

    /// Returns and resets the usage.
    pub(super) fn take(&self) -> Usage {
        std::mem::take(&mut *lock(&self.usage))
    }
}

fn lock(usage: &Mutex<Usage>) -> MutexGuard<'_, Usage> {
    usage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forwards a request and asks for its consumed capacity.
async fn forward(State(upstream): State<Upstream>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers["x-amz-target"].to_str().expect("an operation");
    let (service, operation) = target.split_once('.').expect("an operation of a service");
    let mut request: Value = serde_json::from_slice(&body).expect("JSON");
    if service.starts_with("DynamoDB") {
        request["ReturnConsumedCapacity"] = "INDEXES".into();
    }
    let mut forwarded = upstream.http.post(&upstream.url).body(request.to_string());
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            forwarded = forwarded.header(name, value);
        }
    }
    let response = forwarded.send().await.expect("a response");
    let status = StatusCode::from_u16(response.status().as_u16()).expect("a status");
    let body = response.bytes().await.expect("a body");
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    record(&mut lock(&upstream.usage), operation, &request, &parsed);
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body)
}

fn record(usage: &mut Usage, operation: &str, request: &Value, response: &Value) {
    // A process records a key's day of use once a day in the background, so the time of this write varies.
    if operation == "PutItem" && request["TableName"] == "config" {
        return;
    }
    *usage.calls_by_operation.entry(operation.to_owned()).or_default() += 1;
    let consumed = &response["ConsumedCapacity"];
    let consumed = consumed.as_array().cloned().unwrap_or_else(|| vec![consumed.clone()]);
    for table_units in consumed.iter().filter(|table_units| table_units.is_object()) {
        let table = base_name(table_units["TableName"].as_str().expect("a table"));
        let all = table_units["CapacityUnits"].as_f64().expect("units");
        if WRITE_OPERATIONS.contains(&operation) {
            let alone = table_units["Table"]["CapacityUnits"].as_f64().expect("the table's own units");
            *usage.writes.entry(table.to_owned()).or_default() += alone;
            *usage.writes.entry(format!("{table}/indexes")).or_default() += all - alone;
        } else {
            *usage.reads.entry(table.to_owned()).or_default() += all;
        }
    }
    let stored = response.get("__type").is_none() && operation == "PutItem";
    if stored && request["TableName"].as_str().is_some_and(|table| base_name(table) == "events") {
        usage.events.push(request["Item"].clone());
    }
}

/// Returns the name of a table without its prefix: `events` for `1000-events`.
fn base_name(table: &str) -> &str {
    table.split_once('-').map_or(table, |(_, base_name)| base_name)
}
