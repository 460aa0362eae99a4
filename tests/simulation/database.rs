//! A simulated DynamoDB: dynoxide in memory behind the SDK's HTTP interface.
//!
//! Eventually consistent reads and all reads of indexes are served by a replica, which applies the writes later.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::faults::{CallFault, Faults, retry_partition};
use crate::trace;

/// Maximum latency of a request, in each direction.
const MAX_LATENCY: Duration = Duration::from_millis(40);

/// Maximum lag of the replica behind the writes, with and without faults.
const MAX_LAG: Duration = Duration::from_secs(3);
const MAX_LAG_WITHOUT_FAULTS: Duration = Duration::from_millis(200);

/// A write that the replica has not applied yet.
struct PendingWrite {
    due: Instant,
    operation: String,
    body: String,
}

/// A simulated DynamoDB.
#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    primary: dynoxide::Database,
    replica: dynoxide::Database,
    faults: Arc<Faults>,
    pending: Mutex<VecDeque<PendingWrite>>,
    /// Records of the events table's stream, by partition key.
    stream: Mutex<BTreeMap<String, Vec<Value>>>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    /// Creates a database without tables.
    pub(crate) fn new(faults: Arc<Faults>) -> Self {
        let memory = || dynoxide::Database::memory().expect("a database in memory");
        let (pending, stream) = Default::default();
        Self(Arc::new(Inner { primary: memory(), replica: memory(), faults, pending, stream }))
    }

    /// Returns a new client.
    pub(crate) fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(5)).build();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "simulation"))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .retry_partition(retry_partition())
            .timeout_config(timeouts)
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// Returns up to `count` records of a partition from `position` on.
    pub(crate) fn stream_records(&self, partition: &str, position: usize, count: usize) -> Vec<Value> {
        let stream = lock(&self.0.stream);
        let records = stream.get(partition).map(Vec::as_slice).unwrap_or_default();
        records.iter().skip(position).take(count).cloned().collect()
    }

    async fn respond(&self, operation: &str, body: String) -> (u16, String) {
        let Inner { primary, replica, faults, .. } = &*self.0;
        sleep(faults.duration(MAX_LATENCY)).await;
        let fault = faults.of_call();
        match fault {
            Some(CallFault::Throttled) => return error(400, "ProvisionedThroughputExceededException"),
            Some(CallFault::Failed) => return error(500, "InternalServerError"),
            _ if faults.is_disk_full() && is_write(operation) => return error(500, "InternalServerError"),
            Some(CallFault::ResponseLost) | None => {}
        }
        self.replicate();
        let database = if is_stale_read(operation, &body) { replica } else { primary };
        let (status, response) = execute(database, operation, &body);
        if status == 200 && is_write(operation) {
            self.record_write(operation, body);
        }
        sleep(faults.duration(MAX_LATENCY)).await;
        if fault.is_some() { error(500, "InternalServerError") } else { (status, response) }
    }

    /// Applies the writes that are due to the replica.
    fn replicate(&self) {
        let mut pending = lock(&self.0.pending);
        while pending.front().is_some_and(|write| write.due <= Instant::now()) {
            if let Some(write) = pending.pop_front() {
                let (status, response) = execute(&self.0.replica, &write.operation, &write.body);
                assert_eq!(status, 200, "the replica cannot apply a write: {response}");
            }
        }
    }

    fn record_write(&self, operation: &str, body: String) {
        let request: Value = serde_json::from_str(&body).expect("JSON");
        let transaction = request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]);
        for put in transaction.chain((operation == "PutItem").then_some(&request)) {
            let partition = put["Item"]["pk"]["S"].as_str().unwrap_or_default();
            if put["TableName"] == "events" && partition.starts_with("E#") {
                let mut stream = lock(&self.0.stream);
                let records = stream.entry(partition.to_owned()).or_default();
                records.push(stream_record(&put["Item"], records.len()));
            }
        }
        let faults = &self.0.faults;
        let lag = faults.duration(if faults.is_active() { MAX_LAG } else { MAX_LAG_WITHOUT_FAULTS });
        let mut pending = lock(&self.0.pending);
        // Writes are applied in their order.
        let due = pending.back().map_or(Instant::now(), |write| write.due).max(Instant::now() + lag);
        pending.push_back(PendingWrite { due, operation: operation.to_owned(), body });
    }
}

impl HttpConnector for Database {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.clone();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).expect("JSON is UTF-8");
        HttpConnectorFuture::new(async move {
            let bytes = body.len();
            let (status, body) = database.respond(&operation, body).await;
            trace::record(format_args!("{operation} of {bytes} bytes: {status} with {} bytes", body.len()));
            let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stream_record(item: &Value, number: usize) -> Value {
    json!({
        "eventID": number.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb", "awsRegion": "local",
        "dynamodb": {
            "ApproximateCreationDateTime": 0, "SequenceNumber": number.to_string(), "SizeBytes": 1,
            "Keys": { "pk": item["pk"], "sk": item["sk"] }, "NewImage": item,
        },
    })
}

fn is_write(operation: &str) -> bool {
    !matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem" | "ListTables" | "DescribeTimeToLive")
}

/// Returns whether a request reads an index, or a table without asking for a consistent read.
fn is_stale_read(operation: &str, body: &str) -> bool {
    let request: Value = serde_json::from_str(body).unwrap_or_default();
    let is_consistent = |read: &Value| read["ConsistentRead"] == true;
    match operation {
        "GetItem" | "Query" | "Scan" => request["IndexName"].is_string() || !is_consistent(&request),
        "BatchGetItem" => {
            !request["RequestItems"].as_object().into_iter().flatten().all(|(_, read)| is_consistent(read))
        }
        _ => false,
    }
}

fn error(status: u16, kind: &str) -> (u16, String) {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    (status, json!({ "__type": kind, "message": "simulated" }).to_string())
}

/// Executes a request and returns the response's status and body.
fn execute(database: &dynoxide::Database, operation: &str, body: &str) -> (u16, String) {
    macro_rules! run {
        ($method:ident) => {{
            let request = serde_json::from_str(body).unwrap_or_else(|error| panic!("{operation}: {error}: {body}"));
            database.$method(request).map(|response| serde_json::to_string(&response).expect("JSON"))
        }};
    }
    let result = match operation {
        "CreateTable" => run!(create_table),
        "ListTables" => run!(list_tables),
        "DescribeTimeToLive" => run!(describe_time_to_live),
        "UpdateTimeToLive" => run!(update_time_to_live),
        "PutItem" => run!(put_item),
        "GetItem" => run!(get_item),
        "UpdateItem" => run!(update_item),
        "DeleteItem" => run!(delete_item),
        "Query" => run!(query),
        "Scan" => run!(scan),
        "BatchGetItem" => run!(batch_get_item),
        "BatchWriteItem" => run!(batch_write_item),
        "TransactWriteItems" => run!(transact_write_items),
        other => panic!("the simulation does not support {other}"),
    };
    result.map_or_else(|error| (error.status_code(), error.to_json()), |response| (200, response))
}
