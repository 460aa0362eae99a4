//! Measures ingest's processor time per event and compares it with the bare `PutItem` calls that it makes. The fake
//! `DynamoDB` responds immediately in the same process.
//!
//! `cargo bench -p e2e --bench post --profile lambda` measures the code as deployed.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use e2e::{FakeDynamoDb, Item, unleash_event};
use ingest::State;
use jiff::Timestamp;
use model::Retention;
use serde_json::Value;
use store::{CachedRecords, ConfigTable, EventTable, Quarantine};
use tower::ServiceExt;
use web::Keys;

const BATCH_EVENTS: u64 = 100;
const ROUNDS: usize = 60;
const TOKEN: &str = "tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let batch: Value =
        (1..=BATCH_EVENTS).map(|id| unleash_event(id, now(), "dark-mode", "web", "ada@example.org")).collect();
    let batch = batch.to_string();
    let recorder = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    post(&function(&recorder.client()), &batch).await;
    let items = recorder.sdk_items("events");
    assert_eq!(items.len() as u64, BATCH_EVENTS);

    let client = FakeDynamoDb::new(TOKEN, "unleash").client();
    let function = function(&client);
    let (mut ingest_time, mut bare_time) = (Duration::MAX, Duration::MAX);
    // Alternate, so that other load on the machine affects both. The fastest round is the least disturbed one.
    for _ in 0..ROUNDS {
        let started = Instant::now();
        post(&function, &batch).await;
        ingest_time = ingest_time.min(started.elapsed());
        let started = Instant::now();
        put_all(&client, &items).await;
        bare_time = bare_time.min(started.elapsed());
    }
    let each = |all: Duration| all / u32::try_from(BATCH_EVENTS).unwrap_or(1);
    let ratio = ingest_time.as_secs_f64() / bare_time.as_secs_f64();
    println!("a batch of {BATCH_EVENTS} events of {} bytes, for each event:", batch.len() as u64 / BATCH_EVENTS);
    println!(
        "  POST /v1/events {:?}, bare PutItem {:?}, ratio {ratio:.2}  (at most 3)",
        each(ingest_time),
        each(bare_time)
    );
}

fn function(client: &Client) -> Router {
    let retention = Retention::new(None, now);
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    let state = State {
        events: EventTable::new(client.clone(), "events".to_owned(), 4, retention).with_slot_key(config.clone()),
        quarantine: Quarantine::new(client.clone(), "quarantine".to_owned(), retention),
        keys: Keys::new(config.clone(), None, now),
        sources: CachedRecords::new(config).into(),
        quarantine_alerts: std::sync::Arc::default(),
        nudger: None,
        write_timeout: Duration::from_secs(20),
        tracer: runtime::Tracer::default(),
        clock: now,
    };
    web::with_common_layers(ingest::router(state))
}

async fn post(function: &Router, batch: &str) {
    let request = Request::post("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
    let request = request.header("content-type", "application/json").body(Body::from(batch.to_owned()));
    let response = function.clone().oneshot(request.expect("a request")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
}

async fn put_all(client: &Client, items: &[Item]) {
    for item in items {
        client
            .put_item()
            .table_name("events")
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .expect("a response");
    }
}
