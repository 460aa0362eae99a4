//! The whole function, on a DynamoDB that answers at once and throttles when it is told to.

mod fuzz;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use e2e::{FakeDynamoDb, unleash_event};
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

fn state(dynamodb: &FakeDynamoDb, patience: Duration) -> State {
    let client = dynamodb.client();
    let retention = Retention::new(None, now);
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    State {
        events: EventTable::new(client.clone(), "events".to_owned(), 4, retention),
        quarantine: Quarantine::new(client, "quarantine".to_owned(), retention),
        keys: Keys::new(config.clone(), None, now),
        sources: Arc::new(CachedRecords::new(config)),
        told: Arc::default(),
        patience,
        tracer: runtime::Tracer::default(),
        clock: now,
    }
}

/// Posts JSON with the key.
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
async fn large_requests_do_not_hold_up_a_small_one() {
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
    assert_eq!(first, 1, "the small one came last and is answered first");
}

#[tokio::test]
async fn a_flood_of_unknown_tokens_reads_the_keys_once_a_second() {
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
async fn events_of_a_catalog_that_this_version_does_not_have_are_kept() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "of-a-later-version").with_storage();
    let state = state(&dynamodb, Duration::from_secs(20));
    let answer = post(&state, &batch(1)[0]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(answer).await["violations"][0]["keyword"], "catalog");
    let answer = post(&state, &batch(3)).await;
    assert_eq!(answer.status(), StatusCode::MULTI_STATUS);
    assert_eq!(dynamodb.items("quarantine").len(), 3, "the first of both is the same");
}

#[tokio::test(start_paused = true)]
async fn throttled_writes_are_tried_again() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_next(200);
    let answer = post(&state(&dynamodb, Duration::from_secs(20)), &batch(30)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(dynamodb.items("events").len(), 30);
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_the_answer_says_what_is_stored() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_after(10);
    let started = tokio::time::Instant::now();
    let answer = post(&state(&dynamodb, Duration::from_secs(5)), &batch(30)).await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let problem = json(answer).await;
    let results = problem["results"].as_array().unwrap();
    let stored = results.iter().filter(|result| result["status"] == "stored").count();
    let not_kept = results.iter().filter(|result| result["problem"]["status"] == 503).count();
    assert_eq!((stored, not_kept, dynamodb.items("events").len()), (10, 20, 10));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_dropped_when_the_quarantine_cannot_be_written() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    dynamodb.throttle_after(0);
    let answer = post(&state(&dynamodb, Duration::from_secs(2)), &json!({ "type": "feature-created" })).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
}

/// An event with so many wrong entities, each shown in its violation.
fn wrong(entities: usize) -> Value {
    json!({
        "time": "2026-05-01T00:00:00Z", "type": "lifecycle",
        "metadata": { "action": "something-new", "entities": vec![1_234_567_890_u64; entities] },
    })
}

#[tokio::test]
async fn what_is_told_of_events_is_bounded() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "migration-manager").with_storage();
    let state = state(&dynamodb, Duration::from_secs(2));
    let answer = post(&state, &wrong(900)).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(answer).await["violations"].as_array().map(Vec::len), Some(100));
    // A Lambda answers with at most 6 MB.
    let batch: Vec<Value> = (0..1000).map(|_| wrong(60)).collect();
    let answer = post(&state, &json!(batch)).await;
    assert_eq!(answer.status(), StatusCode::MULTI_STATUS);
    assert!(json(answer).await.to_string().len() < 2_000_000);
}

#[tokio::test]
async fn what_a_request_says_of_itself_is_bounded() {
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
    let answer = send(&structured, envelope.to_string()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn many_entities_are_counted_in_good_time() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "migration-manager").with_storage();
    let entities: Vec<String> = (0..190_000).map(|n| format!("/1.0/instances/{n}")).collect();
    let event = json!({
        "time": "2026-05-01T00:00:00Z", "type": "lifecycle",
        "metadata": { "action": "something-new", "entities": entities },
    });
    // Counted by comparing each with each, this would take minutes.
    let state = state(&dynamodb, Duration::from_secs(2));
    let answer = post(&state, &event);
    let answer = tokio::time::timeout(Duration::from_mins(1), answer).await.unwrap();
    assert!(matches!(answer.status().as_u16(), 413 | 422), "{}", answer.status());
}

#[tokio::test]
async fn an_event_that_nothing_holds_names_its_sizes() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    // Hexadecimal digits of hashes: at best half of them compress away.
    let noise: Vec<String> = (0..15_000).map(|n| web::token::sha256(&format!("{n}"))).collect();
    let noise = noise.concat();
    let answer = post(&state(&dynamodb, Duration::from_secs(2)), &json!([{ "noise": noise }, {}])).await;
    assert_eq!(answer.status(), StatusCode::MULTI_STATUS);
    let results = json(answer).await["results"].clone();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("not_kept"), &json!("stored")));
    let detail = results[0]["problem"]["detail"].as_str().unwrap();
    assert!(detail.contains("393216") && detail.contains(&(noise.len() + 12).to_string()), "{detail}");
}
