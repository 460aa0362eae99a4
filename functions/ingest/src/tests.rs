//! Tests of the whole function with a fake DynamoDB, which responds immediately and throttles on request.

mod fuzz;
mod identity;
mod nudge;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use e2e::{FakeDynamoDb, unleash_event};
use jiff::Timestamp;
use model::Retention;
use serde_json::{Value, json};
use store::{CachedRecords, ConfigTable, EventTable, Quarantine};
use tower::ServiceExt;
use web::Keys;

use super::*;

const TOKEN: &str = "tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn state(dynamodb: &FakeDynamoDb, write_timeout: Duration) -> State {
    let client = dynamodb.client();
    let retention = Retention::new(None, now);
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    State {
        events: EventTable::new(client.clone(), "events".to_owned(), 4, retention).with_slot_key(config.clone()),
        quarantine: Quarantine::new(client, "quarantine".to_owned(), retention),
        keys: Keys::new(config.clone(), None, now),
        sources: Arc::new(CachedRecords::new(config)),
        quarantine_alerts: Arc::default(),
        nudger: None,
        write_timeout,
        tracer: runtime::Tracer::default(),
        clock: now,
    }
}

/// Posts JSON with the ingest key.
async fn post(state: &State, body: &Value) -> Response {
    post_as(TOKEN, state, body).await
}

async fn post_as(token: &str, state: &State, body: &Value) -> Response {
    let request = Request::post("/v1/events").header("authorization", format!("Bearer {token}"));
    let request = request.header("content-length", "1").body(Body::from(body.to_string())).unwrap();
    web::with_common_layers(router(state.clone())).oneshot(request).await.unwrap()
}

async fn json(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn batch(events: u64) -> Value {
    (1..=events).map(|id| unleash_event(id, now(), "flag", "web", "ada")).collect()
}

#[tokio::test]
async fn large_requests_do_not_delay_a_small_one() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash");
    let state = state(&dynamodb, Duration::from_secs(20));
    let (large, small) = (batch(1000), batch(1));
    let posts = [&large, &large, &large, &large, &small].map(|body| {
        let state = &state;
        Box::pin(async move {
            assert!(post(state, body).await.status().is_success());
            body.as_array().unwrap().len()
        })
    });
    let (first, _, _) = futures::future::select_all(posts).await;
    assert_eq!(first, 1, "the small request came last and is answered first");
}

#[tokio::test]
async fn unknown_tokens_cause_at_most_one_read_of_the_keys_a_second() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash");
    let state = state(&dynamodb, Duration::from_secs(20));
    let started = std::time::Instant::now();
    for _ in 0..200 {
        let token = web::token::generate().unwrap();
        assert_eq!(post_as(&token, &state, &batch(1)[0]).await.status(), StatusCode::UNAUTHORIZED);
    }
    let (reads, seconds) = (dynamodb.key_reads(), started.elapsed().as_secs());
    assert!((1..=seconds + 1).contains(&(reads as u64)), "{reads} reads in {seconds} s");
}

#[tokio::test]
async fn events_of_an_unknown_catalog_are_quarantined() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "of-a-later-version").with_storage();
    let state = state(&dynamodb, Duration::from_secs(20));
    let response = post(&state, &batch(1)[0]).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(response).await["violations"][0]["keyword"], "catalog");
    let response = post(&state, &batch(3)).await;
    assert_eq!(response.status(), StatusCode::MULTI_STATUS);
    assert_eq!(dynamodb.items("quarantine").len(), 4, "each receipt is stored");
}

#[tokio::test(start_paused = true)]
async fn throttled_writes_are_retried() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_next(200);
    let response = post(&state(&dynamodb, Duration::from_secs(20)), &batch(30)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(dynamodb.items("events").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn response_reports_stored_events_after_the_write_timeout() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_after(10);
    let started = tokio::time::Instant::now();
    let response = post(&state(&dynamodb, Duration::from_secs(5)), &batch(30)).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let problem = json(response).await;
    let results = problem["results"].as_array().unwrap();
    let stored = results.iter().filter(|result| result["status"] == "stored").count();
    let not_kept = results.iter().filter(|result| result["problem"]["status"] == 503).count();
    assert_eq!((stored, not_kept, dynamodb.items("events").len()), (10, 20, 10));
}

#[tokio::test(start_paused = true)]
async fn failed_quarantine_write_is_answered_with_unavailable() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_after(0);
    let response = post(&state(&dynamodb, Duration::from_secs(2)), &json!({ "type": "feature-created" })).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
}

/// An event with the given number of invalid entities, each with its own violation.
fn event_with_invalid_entities(entities: usize) -> Value {
    json!({
        "time": "2026-05-01T00:00:00Z", "type": "lifecycle",
        "metadata": { "action": "something-new", "entities": vec![1_234_567_890_u64; entities] },
    })
}

#[tokio::test]
async fn violations_in_a_response_are_limited() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "migration-manager").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    let response = post(&state, &event_with_invalid_entities(900)).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(response).await["violations"].as_array().map(Vec::len), Some(100));
    // A Lambda response is limited to 6 MB.
    let batch: Vec<Value> = (0..1000).map(|_| event_with_invalid_entities(60)).collect();
    let response = post(&state, &json!(batch)).await;
    assert_eq!(response.status(), StatusCode::MULTI_STATUS);
    assert!(json(response).await.to_string().len() < 2_000_000);
}

#[tokio::test]
async fn long_headers_and_attributes_are_accepted_or_rejected() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    let long = "x".repeat(500_000);
    let send = |headers: &[(&str, &str)], body: String| {
        let request = Request::post("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        web::with_common_layers(router(state.clone())).oneshot(request.body(Body::from(body)).unwrap())
    };
    let stored = send(&[("idempotency-key", &long)], "{}".into()).await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    let refused = send(&[("idempotency-key", &long)], "[1]".into()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::MULTI_STATUS);
    let binary = [("ce-id", "1"), ("ce-source", "/"), ("ce-specversion", "1.0"), ("ce-type", &long)];
    assert_eq!(send(&binary, "{}".into()).await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    let envelope = json!({ "specversion": "1.0", "id": long, "source": "/", "type": long, "subject": long });
    let structured = [("content-type", "application/cloudevents+json")];
    let response = send(&structured, envelope.to_string()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn body_with_a_wrong_method_is_quarantined() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    let send = async |method: &str, token: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(PATH).header("authorization", format!("Bearer {token}"));
        let app = web::with_common_layers(router(state.clone()));
        app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    };
    for (method, quarantined) in [("PUT", 1), ("PATCH", 2)] {
        let body = if method == "PUT" { r#"{"type": "a"}"# } else { r#"{"type": "b"}"# };
        let response = send(method, TOKEN, body).await;
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
        let problem = json(response).await;
        assert_eq!(problem["violations"][0]["keyword"], "method");
        assert!(problem["quarantine"].is_string(), "{problem}");
        assert_eq!(dynamodb.items("quarantine").len(), quarantined);
    }
    let unknown = web::token::generate().unwrap();
    for (method, token, body) in [("PUT", unknown.as_str(), "{}"), ("PUT", TOKEN, ""), ("DELETE", TOKEN, "{}")] {
        let response = send(method, token, body).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(json(response).await["quarantine"].is_null(), "{method}");
    }
    assert_eq!(dynamodb.items("quarantine").len(), 2);
}

#[tokio::test]
async fn compressed_body_that_arrived_as_text_is_rejected_and_not_kept() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    for (coding, status, stored) in [("gzip", 415, 0), ("br", 415, 0), ("identity", 201, 1)] {
        let request = Request::post(PATH).header("authorization", format!("Bearer {TOKEN}"));
        let request = request.header("content-encoding", coding).extension(ReceivedAsText);
        let app = web::with_common_layers(router(state.clone()));
        let response = app.oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{coding}");
        assert_eq!((dynamodb.items("events").len(), dynamodb.items("quarantine").len()), (stored, 0), "{coding}");
    }
}

#[tokio::test]
async fn use_of_a_key_is_recorded_before_the_response() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    let recorded = || dynamodb.items("config").iter().filter(|item| item["pk"]["S"] == "uses").count();
    assert_eq!(recorded(), 0);
    post(&state, &json!({})).await;
    assert_eq!(recorded(), 1, "Lambda freezes the process after the response");
}

#[tokio::test]
async fn event_with_many_entities_is_processed_in_linear_time() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "migration-manager").with_storage();
    let entities: Vec<String> = (0..190_000).map(|n| format!("/1.0/instances/{n}")).collect();
    let event = json!({
        "time": "2026-05-01T00:00:00Z", "type": "lifecycle",
        "metadata": { "action": "something-new", "entities": entities },
    });
    // Comparing every pair of entities would take minutes.
    let state = state(&dynamodb, Duration::from_secs(2));
    let response = post(&state, &event);
    let response = tokio::time::timeout(Duration::from_mins(1), response).await.unwrap();
    assert!(matches!(response.status().as_u16(), 413 | 422), "{}", response.status());
}

#[tokio::test]
async fn event_that_is_too_large_is_reported_with_its_sizes() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    // Hexadecimal digits of hashes: compression saves at most half of their bytes.
    let noise: Vec<String> = (0..15_000).map(|n| web::token::sha256(&format!("{n}"))).collect();
    let noise = noise.concat();
    let response = post(&state(&dynamodb, Duration::from_secs(2)), &json!([{ "noise": noise }, {}])).await;
    assert_eq!(response.status(), StatusCode::MULTI_STATUS);
    let results = json(response).await["results"].clone();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("not_kept"), &json!("stored")));
    let detail = results[0]["problem"]["detail"].as_str().unwrap();
    assert!(detail.contains("393216") && detail.contains(&(noise.len() + 12).to_string()), "{detail}");
}
