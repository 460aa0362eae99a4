//! The functions as on AWS, each as a new process behind the metering proxy. They have their own tables in the database
//! of a local stack and share its config table.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lambda_events::event::dynamodb::Event as StreamBatch;
use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, BillingMode, GlobalSecondaryIndex};
use e2e::{Api, Receiver, Stack};
use jiff::Timestamp;
use model::Retention;
use runtime::Env;
use search::{EventLog, Segments};
use serde_json::{Value, json};
use store::{ConfigTable, DeploymentCheck, EventTable, SlotKey};

use super::metering_proxy::MeteringProxy;

/// Bytes of storage that DynamoDB counts for each item in addition to its contents.
const ITEM_OVERHEAD_BYTES: usize = 100;

/// The retention in days; it makes items and index entries contain their expiry.
const RETENTION_DAYS: u32 = 365;

/// The functions' clock, in milliseconds since 1970.
static NOW: AtomicI64 = AtomicI64::new(0);

/// Returns the functions' time.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW.load(Ordering::Relaxed)).expect("a time")
}

/// Advances the functions' clock.
pub(super) fn advance_clock(seconds: i64) {
    NOW.fetch_add(seconds * 1000, Ordering::Relaxed);
}

/// A local stack, a webhook receiver and a metering proxy.
pub(super) struct MeasuredStack {
    pub(super) local: Stack,
    pub(super) receiver: Receiver,
    pub(super) meter: MeteringProxy,
    dev: Value,
    /// A queue from which the stack itself receives no messages.
    queue: String,
}

impl MeasuredStack {
    pub(super) async fn start() -> Self {
        // Later than every time that the stack itself records.
        let start = Timestamp::now().as_millisecond() + 3_600_000;
        NOW.store(start, Ordering::Relaxed);
        let local = crate::start().await;
        let dev = std::fs::read_to_string(local.data_dir().join("dev.json")).expect("dev.json");
        let dev: Value = serde_json::from_str(&dev).expect("JSON");
        let text = |name: &str| dev["aws"][name].as_str().expect("an address").to_owned();
        // A known slot key distributes the events over the shards in the same way in every run.
        let config = ConfigTable::new(local.database(), "config".to_owned());
        config.put(&SlotKey::from_bytes([7; 32])).await.expect("the slot key written");
        let meter = MeteringProxy::start(&text("dynamodb"), &text("sqs")).await;
        let delivery = text("delivery_queue");
        let (account, _) = delivery.rsplit_once('/').expect("a queue's address");
        let queue = format!("{account}/delivery-dead-letters");
        Self { local, receiver: Receiver::start().await, meter, dev, queue }
    }

    /// Creates functions with their own tables.
    pub(super) async fn functions(&self, name: &str) -> Functions<'_> {
        let database = self.local.database();
        for table in ["events", "segments", "deliveries", "quarantine"] {
            copy_table(&database, table, &format!("{name}-{table}")).await;
        }
        Functions { stack: self, name: name.to_owned(), database }
    }

    fn token(&self, key: &str) -> &str {
        self.dev.pointer(key).and_then(Value::as_str).expect("a token")
    }
}

/// Functions with their own log. Every call runs in a new process.
pub(super) struct Functions<'a> {
    stack: &'a MeasuredStack,
    name: String,
    database: Client,
}

impl Functions<'_> {
    /// Creates a function's state from its environment.
    fn create_state<T>(&self, create: impl FnOnce(&Env<'_>) -> T) -> T {
        let stack = self.stack;
        let key_file = stack.local.data_dir().join("secrets.key").display().to_string();
        let table = |table: &str| format!("{}-{table}", self.name);
        let variables: HashMap<&str, String> = HashMap::from([
            ("EVENTS_TABLE", table("events")),
            ("SEGMENTS_TABLE", table("segments")),
            ("DELIVERIES_TABLE", table("deliveries")),
            ("QUARANTINE_TABLE", table("quarantine")),
            ("CONFIG_TABLE", "config".to_owned()),
            ("RETENTION_DAYS", RETENTION_DAYS.to_string()),
            ("DELIVERY_QUEUE_URL", stack.queue.clone()),
            ("SLOW_QUEUE_URL", stack.queue.clone()),
            ("REPLAY_QUEUE_URL", stack.queue.clone()),
            ("STREAM_DEAD_LETTERS_URL", stack.queue.clone()),
            ("SECRETS_KEY_FILE", key_file),
            ("ALLOWED_CIDRS", "127.0.0.0/8".to_owned()),
            ("AWS_REGION", "local".to_owned()),
            ("AWS_ACCESS_KEY_ID", stack.token("/aws/access_key_id").to_owned()),
            ("AWS_SECRET_ACCESS_KEY", stack.token("/aws/secret_access_key").to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", stack.meter.dynamodb.clone()),
            ("AWS_ENDPOINT_URL_SQS", stack.meter.sqs.clone()),
        ]);
        create(&Env::new(&|name: &str| variables.get(name).cloned()))
    }

    /// Returns the log with the functions' clock.
    fn log(&self) -> EventLog {
        let client = self.create_state(|env| Client::new(&env.aws("DYNAMODB").expect("DynamoDB")));
        let retention = Retention::new(Some(RETENTION_DAYS), now);
        let events = EventTable::new(client.clone(), format!("{}-events", self.name), 4, retention)
            .with_slot_key(ConfigTable::new(client.clone(), "config".to_owned()));
        EventLog { events, segments: Segments::new(client, format!("{}-segments", self.name)).with_immediate_packing() }
    }

    /// Starts a new ingest process and returns a client with the source's ingest key.
    pub(super) async fn ingest(&self, source: &str) -> Api {
        let mut state = self.create_state(ingest::from_env).expect("ingest");
        (state.events, state.clock) = (self.log().events, now);
        let api = Api::new(&super::serve(web::with_common_layers(ingest::router(state))).await);
        api.with_token(self.stack.token(&format!("/keys/ingest/{source}")))
    }

    /// Starts a new query process and returns a client with a read key, and the process's segment cache.
    pub(super) async fn query(&self) -> (Api, Segments) {
        let mut state = self.create_state(query::from_env).expect("query");
        state.log = self.log();
        let segments = state.log.segments.clone();
        let api = Api::new(&super::serve(web::with_common_layers(query::router(state))).await);
        (api.with_token(self.stack.token("/keys/read")), segments)
    }

    /// Handles these items of the log in a new fanout process.
    pub(super) async fn fan_out(&self, items: &[Value]) {
        let mut state = self.create_state(fanout::from_env).expect("fanout");
        state.clock = now;
        let record = |(number, item): (usize, &Value)| {
            json!({
                "eventID": number.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
                "awsRegion": "local",
                "dynamodb": {
                    "ApproximateCreationDateTime": now().as_second(), "SequenceNumber": number.to_string(),
                    "Keys": { "pk": item["pk"], "sk": item["sk"] }, "NewImage": item, "SizeBytes": 1,
                },
            })
        };
        let records: Vec<Value> = items.iter().enumerate().map(record).collect();
        let batch: StreamBatch = serde_json::from_value(json!({ "Records": records })).expect("a batch");
        let failed = fanout::handle(&state, batch).await.batch_item_failures;
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// Handles these messages in a new deliver process and returns the number that must be received again.
    pub(super) async fn deliver(&self, messages: &[Value]) -> usize {
        let mut state = self.create_state(deliver::from_env).expect("deliver");
        state.clock = now;
        let record = |message: &Value| {
            json!({
                "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"], "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
            })
        };
        let records: Vec<Value> = messages.iter().map(record).collect();
        let batch: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("a batch");
        deliver::handle(&state, batch).await.batch_item_failures.len()
    }

    /// Receives and deletes the messages that fanout has sent.
    pub(super) async fn receive_messages(&self) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let request = json!({ "QueueUrl": self.stack.queue, "MaxNumberOfMessages": 10 });
            let response = self.sqs("ReceiveMessage", &request).await;
            let some = response["Messages"].as_array().cloned().unwrap_or_default();
            if some.is_empty() {
                return messages;
            }
            for message in &some {
                let request = json!({ "QueueUrl": self.stack.queue, "ReceiptHandle": message["ReceiptHandle"] });
                self.sqs("DeleteMessage", &request).await;
            }
            messages.extend(some);
        }
    }

    async fn sqs(&self, operation: &str, body: &Value) -> Value {
        let response = self.stack.local.sqs(operation, &body.to_string()).await;
        assert_eq!(response.status, 200, "{}", response.text);
        serde_json::from_str(&response.text).unwrap_or_default()
    }

    /// Packs all events that can be packed.
    pub(super) async fn pack(&self) {
        // Not measured: a process of pack compares its settings once, and then runs every minute.
        let config = ConfigTable::new(self.database.clone(), "config".to_owned());
        let state = pack::State { log: self.log(), deployment: DeploymentCheck::new(config, 4, None) };
        pack::handle(&state).await.expect("packed");
    }

    /// Returns the number of items in a table or index and their storage in bytes.
    pub(super) async fn stored(&self, table: &str, index: Option<&str>) -> (usize, usize) {
        let scan = self.database.scan().table_name(format!("{}-{table}", self.name));
        let mut pages = scan.set_index_name(index.map(str::to_owned)).into_paginator().items().send();
        let (mut count, mut bytes) = (0, 0);
        while let Some(item) = pages.next().await {
            count += 1;
            bytes += ITEM_OVERHEAD_BYTES + size(&item.expect("an item"));
        }
        (count, bytes)
    }

    /// Returns the partition and size in bytes of each item in the segments table.
    pub(super) async fn segment_items(&self) -> Vec<(String, usize)> {
        let scan = self.database.scan().table_name(format!("{}-segments", self.name));
        let items = scan.into_paginator().items().send().try_collect().await.expect("items");
        items.iter().map(|item| (item["pk"].as_s().expect("a text").clone(), size(item))).collect()
    }
}

/// Creates a table with the schema of another.
pub(crate) async fn copy_table(database: &Client, from: &str, to: &str) {
    let described = database.describe_table().table_name(from).send().await.expect("a table");
    let table = described.table.expect("its description");
    let indexes = table.global_secondary_indexes.unwrap_or_default().into_iter().map(|index| {
        GlobalSecondaryIndex::builder()
            .set_index_name(index.index_name)
            .set_key_schema(index.key_schema)
            .set_projection(index.projection)
            .build()
            .expect("an index")
    });
    let indexes: Vec<_> = indexes.collect();
    let create = database.create_table().table_name(to).billing_mode(BillingMode::PayPerRequest);
    let create = create.set_attribute_definitions(table.attribute_definitions).set_key_schema(table.key_schema);
    create.set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes)).send().await.expect("a new table");
}

/// Returns the size of an item as DynamoDB counts it, in bytes.
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::M(values) => 3 + size(values) + values.len(),
        _ => 1,
    }
}
