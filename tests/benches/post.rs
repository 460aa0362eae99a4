//! What the function's own work costs for each event, against the bare `PutItem` calls that it makes.
//! `DynamoDB` answers at once, in the same process: what is left is processor time.
//!
//! `cargo bench -p e2e --bench post --profile lambda`: as it is deployed.

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

const BATCH: u64 = 100;
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
    let batch: Value = (1..=BATCH).map(|id| unleash_event(id, now(), "dark-mode", "web", "ada@example.org")).collect();
    let batch = batch.to_string();
    let keeper = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    post(&function(&keeper.client()), &batch).await;
    let items = keeper.sdk_items("events");
    assert_eq!(items.len() as u64, BATCH);

    let client = FakeDynamoDb::new(TOKEN, "unleash").client();
    let function = function(&client);
    let (mut ours, mut bare) = (Duration::MAX, Duration::MAX);
    // In turn, so that whatever else the machine does falls on both; the fastest is the undisturbed one.
    for _ in 0..ROUNDS {
        let started = Instant::now();
        post(&function, &batch).await;
        ours = ours.min(started.elapsed());
        let started = Instant::now();
        put_all(&client, &items).await;
        bare = bare.min(started.elapsed());
    }
    let each = |all: Duration| all / u32::try_from(BATCH).unwrap_or(1);
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("a batch of {BATCH} events of {} bytes, for each event:", batch.len() as u64 / BATCH);
    println!("  POST /v1/events {:?}, bare PutItem {:?}, ratio {ratio:.2}  (at most 3)", each(ours), each(bare));
}

fn function(client: &Client) -> Router {
    let retention = Retention::new(None, now);
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    let state = State {
        events: EventTable::new(client.clone(), "events".to_owned(), 4, retention),
        quarantine: Quarantine::new(client.clone(), "quarantine".to_owned(), retention),
        keys: Keys::new(config.clone(), None, now),
        sources: CachedRecords::new(config).into(),
        told: std::sync::Arc::default(),
        patience: Duration::from_secs(20),
        tracer: runtime::Tracer::default(),
        clock: now,
    };
    web::with_common_layers(ingest::router(state))
}

async fn post(function: &Router, batch: &str) {
    let request = Request::post("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
    let request = request.header("content-type", "application/json").body(Body::from(batch.to_owned()));
    let response = function.clone().oneshot(request.expect("a request")).await.expect("an answer");
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
            .expect("an answer");
    }
}
