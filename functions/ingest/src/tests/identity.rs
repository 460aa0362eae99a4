//! The identity of events, and events that are not stored because of another event.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::*;

fn batch_of(events: &[&str]) -> Value {
    events.iter().map(|event| serde_json::from_str::<Value>(event).unwrap()).collect()
}

fn signals() -> (FakeDynamoDb, State) {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let state = state(&dynamodb, Duration::from_secs(20));
    (dynamodb, state)
}

/// Posts a body with headers.
async fn send(state: &State, headers: &[(&str, &str)], body: &str) -> Response {
    let request = Request::post("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Body::from(body.to_owned())).unwrap();
    web::with_common_layers(router(state.clone())).oneshot(request).await.unwrap()
}

/// Posts a batch and returns the statuses and ids of its events.
async fn post_batch(state: &State, batch: &Value) -> Vec<(String, u64)> {
    let results = json(post(state, batch).await).await["results"].clone();
    let results = results.as_array().unwrap_or_else(|| panic!("{results}")).clone();
    let result = |result: &Value| (result["status"].as_str().unwrap().to_owned(), result["id"].as_u64().unwrap_or(0));
    results.iter().map(result).collect()
}

fn statuses(results: &[(String, u64)]) -> Vec<&str> {
    results.iter().map(|(status, _)| status.as_str()).collect()
}

#[tokio::test]
async fn equal_events_without_an_id_and_a_time_are_distinct() {
    let (dynamodb, state) = signals();
    let batch = batch_of(&[r#"{"text": "same"}"#, r#"{"text": "same"}"#, r#"{"text": "other"}"#]);
    assert_eq!(statuses(&post_batch(&state, &batch).await), ["stored"; 3]);
    let lines = "{\"text\": \"same\"}\n".repeat(3);
    let response = send(&state, &[("content-type", "application/x-ndjson")], &lines).await;
    assert_eq!(response.status(), StatusCode::OK);
    // The clock of the test does not advance: these requests arrive in the same millisecond.
    for _ in 0..16 {
        assert_eq!(post(&state, &json!({ "text": "same" })).await.status(), StatusCode::CREATED);
    }
    assert_eq!(dynamodb.items("events").len(), 3 + 3 + 16);

    // The request's key identifies them.
    for status in [StatusCode::CREATED, StatusCode::OK] {
        assert_eq!(send(&state, &[("idempotency-key", "k")], "{\"text\": \"same\"}").await.status(), status);
    }
    // A time and the bytes identify an event.
    let timed = r#"{"text": "same", "time": "2026-05-01T00:00:00Z"}"#;
    let results = post_batch(&state, &batch_of(&[timed, timed])).await;
    assert_eq!(statuses(&results).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["duplicate", "stored"]));
}

#[tokio::test]
async fn equal_invalid_events_are_quarantined_separately() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    let state = state(&dynamodb, Duration::from_secs(20));
    let results = json(post(&state, &batch_of(&[r#"{"type": "x"}"#; 3])).await).await["results"].clone();
    let ids: BTreeSet<String> =
        results.as_array().unwrap().iter().map(|result| result["quarantine"].to_string()).collect();
    assert_eq!((ids.len(), dynamodb.items("quarantine").len()), (3, 3));
}

#[tokio::test]
async fn an_id_with_another_payload_is_a_conflict() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    let state = state(&dynamodb, Duration::from_secs(20));
    let event = |id: u64, by: &str| {
        let time = r#""createdAt": "2026-05-01T00:00:00Z""#;
        format!(r#"{{"id": {id}, {time}, "type": "custom-thing", "createdBy": "{by}", "data": {{"n": [1.0]}}}}"#)
    };
    let stored = send(&state, &[], &event(7, "ada")).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
    let stored = json(stored).await;
    let respelled = r#"{"data":{"n":[ 1.0 ]}, "createdBy": "\u0061da", "type": "custom-thing", "id":7,
        "createdAt": "2026-05-01T00:00:00Z"}"#;
    for same in [&event(7, "ada"), respelled] {
        let response = send(&state, &[], same).await;
        assert_eq!(response.status(), StatusCode::OK, "{same}");
        assert_eq!(json(response).await, stored);
    }
    for other in [event(7, "mallory"), event(7, "ada").replace("1.0", "1")] {
        let response = send(&state, &[], &other).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{other}");
        let problem = json(response).await;
        assert_eq!(problem["violations"][0]["keyword"], "id", "{problem}");
        assert!(problem["violations"][0]["message"].to_string().contains(&stored["id"].to_string()), "{problem}");
    }
    // In one request, one of the payloads is stored.
    let results = post_batch(&state, &batch_of(&[&event(8, "ada"), &event(8, "mallory"), &event(8, "ada")])).await;
    let count = |status: &str| results.iter().filter(|(found, _)| found == status).count();
    assert!(count("stored") == 1 && count("quarantined") > 0, "{results:?}");
    assert_eq!(dynamodb.items("events").iter().filter(|item| item["s"]["S"] == "test").count(), 2);
}

#[tokio::test]
async fn a_request_id_with_another_payload_is_a_conflict() {
    let (dynamodb, state) = signals();
    for (key, time) in [("a", ""), ("b", r#""time": "2026-05-01T00:00:00Z", "#)] {
        let event = |n: &str| format!(r#"{{{time}"type": "deployed", "n": {n}}}"#);
        let headers = [("idempotency-key", key)];
        for (body, status) in [
            (event("1"), StatusCode::CREATED),
            (event(" 1 "), StatusCode::OK),
            (event("2"), StatusCode::UNPROCESSABLE_ENTITY),
            (event("1.0"), StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let response = send(&state, &headers, &body).await;
            assert_eq!(response.status(), status, "{body}");
            if status == StatusCode::UNPROCESSABLE_ENTITY {
                assert_eq!(json(response).await["violations"][0]["keyword"], "idempotency-key");
            }
        }
    }
    assert_eq!(dynamodb.items("quarantine").len(), 4);
}

static CLOCK: AtomicI64 = AtomicI64::new(1_780_000_000);

fn clock() -> Timestamp {
    Timestamp::from_second(CLOCK.load(Ordering::Relaxed)).unwrap()
}

#[tokio::test]
async fn expired_events_are_not_duplicates() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "signal").with_storage();
    let config = ConfigTable::new(dynamodb.client(), "config".to_owned());
    let retention = Retention::new(Some(30), clock);
    let events = EventTable::new(dynamodb.client(), "events".to_owned(), 4, retention).with_slot_key(config);
    let state = State { events, clock, ..state(&dynamodb, Duration::from_secs(20)) };
    let timed = r#"{"time": "2026-05-01T00:00:00Z", "n": 1}"#;
    let by_key = [("idempotency-key", "k")];
    let requests: [(&[(&str, &str)], &str); 3] = [(&[], timed), (&by_key, "{}"), (&by_key, timed)];
    for (headers, body) in requests {
        assert_eq!(send(&state, headers, body).await.status(), StatusCode::CREATED);
        assert_eq!(send(&state, headers, body).await.status(), StatusCode::OK);
    }
    let expired = dynamodb.items("events");
    CLOCK.fetch_add(31 * 86_400, Ordering::Relaxed);
    for (headers, body) in requests {
        let response = send(&state, headers, body).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let problem = json(response).await;
        assert_eq!(problem["violations"][0]["keyword"], "retention", "{problem}");
    }
    assert_eq!(dynamodb.items("quarantine").len(), 3);
    // After DynamoDB has deleted them, they are new.
    for item in expired {
        dynamodb.remove_item("events", &item);
    }
    for (headers, body) in requests {
        assert_eq!(send(&state, headers, body).await.status(), StatusCode::CREATED, "{body}");
    }
}

#[tokio::test]
async fn an_event_without_a_free_slot_is_quarantined() {
    let (dynamodb, state) = signals();
    dynamodb.fill_log();
    let event = r#"{"time": "2026-05-01T00:00:00Z", "n": 1}"#;
    let response = send(&state, &[], event).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = json(response).await;
    assert_eq!(problem["violations"][0]["keyword"], "slot", "{problem}");
    assert!(problem["violations"][0]["message"].to_string().contains("2026-05-01T00:00:00Z"), "{problem}");
    let results = post_batch(&state, &batch_of(&[event, "{}"])).await;
    assert_eq!(statuses(&results), ["quarantined"; 2]);
    assert_eq!(dynamodb.items("quarantine").iter().filter(|item| item["pk"]["S"] == "test").count(), 3);
}

#[tokio::test]
async fn the_cost_of_an_event_does_not_grow_with_the_events_of_its_instant() {
    const EVENTS: usize = 6_000;
    let (dynamodb, state) = signals();
    let event = |number: usize| json!({ "type": "import", "time": "2025-01-01T00:00:00Z", "n": number });
    let batches: Vec<Value> =
        (0..EVENTS / 1000).map(|batch| (batch * 1000..(batch + 1) * 1000).map(event).collect()).collect();
    let mut ids = BTreeSet::new();
    for (round, status) in ["stored", "duplicate"].into_iter().enumerate() {
        let mut costs = Vec::new();
        for batch in &batches {
            let (read, rejected) = dynamodb.cost_of_collisions();
            let results = post_batch(&state, batch).await;
            assert_eq!(statuses(&results), vec![status; 1000]);
            ids.extend(results.into_iter().map(|(_, id)| id));
            let (read_after, rejected_after) = dynamodb.cost_of_collisions();
            costs.push(read_after + rejected_after - read - rejected);
        }
        let last: usize = costs.iter().rev().take(2).sum();
        assert!(last <= 2 * 3 * 1000, "round {round}: at most three reads and rejected puts for each event: {costs:?}");
    }
    assert_eq!((ids.len(), dynamodb.items("events").len()), (EVENTS, EVENTS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Requests with events of a few milliseconds, some of them crowded, in any interleaving.
    #[test]
    fn any_interleaving_stores_each_event_once(
        requests in prop::collection::vec(prop::collection::vec((0..3_u64, 0..600_u64), 1..60), 1..8),
        crowd in 0..2_u64,
    ) {
        let event = |(millisecond, number): (u64, u64)| {
            let time = format!("2025-01-01T00:00:00.{millisecond:03}Z");
            let data = json!({ "n": number });
            // Fifty numbers share the first slots of their sequences.
            let id = number % 50 * 1024 + number / 50;
            json!({ "type": "import", "createdAt": time, "createdBy": "ada", "data": data, "id": id })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
            let state = state(&dynamodb, Duration::from_secs(20));
            let mut known = std::collections::BTreeMap::new();
            // A crowded millisecond.
            for _ in 0..crowd {
                let events: Value = (0..200).map(|number| event((0, 600 + number))).collect();
                assert_eq!(statuses(&post_batch(&state, &events).await), vec!["stored"; 200]);
            }
            let posts = requests.iter().map(|request| {
                let (state, batch) = (&state, request.iter().map(|one| event(*one)).collect::<Value>());
                async move { (request, post_batch(state, &batch).await) }
            });
            let mut stored = 0;
            for (request, results) in futures::future::join_all(posts).await {
                for (event, (status, id)) in request.iter().zip(results) {
                    assert!(["stored", "duplicate"].contains(&status.as_str()), "{event:?}: {status}");
                    stored += usize::from(status == "stored");
                    assert_eq!(*known.entry(*event).or_insert(id), id, "{event:?}");
                }
            }
            let distinct: BTreeSet<u64> = known.values().copied().collect();
            assert_eq!((stored, distinct.len()), (known.len(), known.len()));
            let crowd = usize::try_from(crowd * 200).unwrap();
            assert_eq!(dynamodb.items("events").len(), known.len() + crowd);
        });
    }
}
