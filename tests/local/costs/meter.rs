//! Stands between the functions and the local DynamoDB and SQS, and notes what they use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::Value;

/// Operations whose units are write units; those of others are read units.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// What was used since the last look.
#[derive(Debug, Default, Clone)]
pub(super) struct Used {
    /// How often each operation was called.
    pub(super) calls: BTreeMap<String, u64>,
    /// Read units by table.
    reads: BTreeMap<String, f64>,
    /// Write units by table; those of its indexes by `table/indexes`.
    writes: BTreeMap<String, f64>,
    /// The items that were put into the log, as the stream shows them.
    pub(super) events: Vec<Value>,
}

impl Used {
    /// The read units of these tables.
    pub(super) fn read(&self, tables: &[&str]) -> f64 {
        tables.iter().filter_map(|table| self.reads.get(*table)).sum()
    }

    /// The write units of a table, without and with those of its indexes.
    pub(super) fn written(&self, table: &str) -> (f64, f64) {
        let of = |name: &str| self.writes.get(name).copied().unwrap_or(0.0);
        let (alone, indexes) = (of(table), of(&format!("{table}/indexes")));
        (alone, alone + indexes)
    }

    /// How often an operation was called.
    pub(super) fn called(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or(0)
    }
}

/// The meter, at two addresses.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    pub(super) dynamodb: String,
    pub(super) sqs: String,
    used: Arc<Mutex<Used>>,
}

#[derive(Clone)]
struct Passage {
    http: reqwest::Client,
    to: String,
    used: Arc<Mutex<Used>>,
}

impl Meter {
    /// One before this DynamoDB and this SQS.
    pub(super) async fn start(dynamodb: &str, sqs: &str) -> Self {
        let used = Arc::<Mutex<Used>>::default();
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let passage = |to: &str| Passage { http: http.clone(), to: to.to_owned(), used: Arc::clone(&used) };
        let serve_one = |to: &str| super::serve(Router::new().fallback(pass).with_state(passage(to)));
        Self { dynamodb: serve_one(dynamodb).await, sqs: serve_one(sqs).await, used }
    }

    /// What was used since the last call.
    pub(super) fn take(&self) -> Used {
        std::mem::take(&mut *lock(&self.used))
    }
}

fn lock(used: &Mutex<Used>) -> MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a request on, asking for what it consumes.
async fn pass(State(passage): State<Passage>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers["x-amz-target"].to_str().expect("an operation");
    let (service, operation) = target.split_once('.').expect("an operation of a service");
    let mut request: Value = serde_json::from_slice(&body).expect("JSON");
    if service.starts_with("DynamoDB") {
        request["ReturnConsumedCapacity"] = "INDEXES".into();
    }
    let mut handed = passage.http.post(&passage.to).body(request.to_string());
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            handed = handed.header(name, value);
        }
    }
    let response = handed.send().await.expect("an answer");
    let status = StatusCode::from_u16(response.status().as_u16()).expect("a status");
    let body = response.bytes().await.expect("a body");
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    note(&mut lock(&passage.used), operation, &request, &told);
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body)
}

fn note(used: &mut Used, operation: &str, request: &Value, response: &Value) {
    // The day on which a key was used: noted once a day and process, whenever there is time for it.
    if operation == "PutItem" && request["TableName"] == "config" {
        return;
    }
    *used.calls.entry(operation.to_owned()).or_default() += 1;
    let consumed = &response["ConsumedCapacity"];
    let consumed = consumed.as_array().cloned().unwrap_or_else(|| vec![consumed.clone()]);
    for of_table in consumed.iter().filter(|of_table| of_table.is_object()) {
        let table = kind(of_table["TableName"].as_str().expect("a table"));
        let all = of_table["CapacityUnits"].as_f64().expect("units");
        if WRITES.contains(&operation) {
            let alone = of_table["Table"]["CapacityUnits"].as_f64().expect("the table's own units");
            *used.writes.entry(table.to_owned()).or_default() += alone;
            *used.writes.entry(format!("{table}/indexes")).or_default() += all - alone;
        } else {
            *used.reads.entry(table.to_owned()).or_default() += all;
        }
    }
    let stored = response.get("__type").is_none() && operation == "PutItem";
    if stored && request["TableName"].as_str().is_some_and(|table| kind(table) == "events") {
        used.events.push(request["Item"].clone());
    }
}

/// Which of the tables it is: `1000-events` is one of the tables `events`.
fn kind(table: &str) -> &str {
    table.split_once('-').map_or(table, |(_, kind)| kind)
}
