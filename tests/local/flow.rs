//! The path of an event: posted, stored, found, delivered and explained.

use std::collections::HashMap;

use e2e::{Example, MAX_WAIT, Receiver, Stack, example, examples, within};
use serde_json::{Value, json};

use crate::{start, start_with};

#[tokio::test]
async fn every_example_is_stored_found_and_delivered() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let secret =
        stack.create_target("audit", receiver.url(), &json!({ "scopes": ["lifecycle", "logging", "signal"] })).await;
    let mut ids: HashMap<u64, Example> = HashMap::new();
    for example in examples() {
        let stored = stack.ingest(example.catalog).post_bytes("/v1/events", example.payload).await.expect(201);
        ids.insert(stored["id"].as_u64().expect("an id"), example);
    }

    for (id, example) in &ids {
        let event = stack.read().get(&format!("/v1/events/{id}")).await.expect(200);
        assert_eq!(event["type"], example.event_type);
        assert_eq!(event["source"], example.catalog);
        assert_eq!(event["payload"], serde_json::from_str::<Value>(example.payload).expect("JSON"));
        let found = stack.read().get(&format!("/v1/events?type={}", example.event_type)).await.expect(200);
        let found: Vec<u64> =
            found["events"].as_array().expect("events").iter().filter_map(|e| e["id"].as_u64()).collect();
        assert!(found.contains(id), "{} is not found by its type", example.event_type);
    }

    let received = receiver.wait_for(ids.len()).await;
    let mut bodies: Vec<String> = Vec::new();
    for webhook in &received {
        webhook.verify(&secret);
        bodies.push(String::from_utf8(webhook.body.clone()).expect("text"));
    }
    let mut payloads: Vec<&str> = ids.values().map(|example| example.payload).collect();
    bodies.sort_unstable();
    payloads.sort_unstable();
    assert_eq!(bodies, payloads, "each event is delivered once and unchanged");

    for id in ids.keys() {
        let delivery = delivered(&stack, *id, "audit").await;
        assert_eq!(delivery["attempts"][0]["status"], 204, "{delivery}");
    }
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn events_sent_twice_are_stored_and_delivered_once() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    let example = example("feature-created");
    let unleash = stack.ingest("unleash");
    let posts = (0..8).map(|_| unleash.post_bytes("/v1/events", example.payload));
    let responses = futures::future::join_all(posts).await;
    let ids: Vec<u64> = responses.iter().map(|response| response.json()["id"].as_u64().expect("an id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(responses.iter().filter(|response| response.status == 201).count(), 1);
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 7);
    receiver.wait_for(1).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_batch_reports_a_result_for_each_event_in_order() {
    let stack = start().await;
    let payloads: Vec<Value> = examples()
        .iter()
        .filter(|e| e.catalog == "unleash")
        .map(|e| serde_json::from_str(e.payload).expect("JSON"))
        .collect();
    let all = stack.ingest("unleash").post("/v1/events", &json!(payloads)).await.expect(200);
    let results = all["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["status"] == "stored"), "{all}");

    let mixed = json!([payloads[0], { "type": "feature-created", "id": "seven" }, 5, payloads[1]]);
    let mixed = stack.ingest("unleash").post("/v1/events", &mixed).await.expect(207);
    let statuses: Vec<&str> =
        mixed["results"].as_array().expect("results").iter().filter_map(|r| r["status"].as_str()).collect();
    assert_eq!(statuses, ["duplicate", "quarantined", "quarantined", "duplicate"]);
    assert_eq!(mixed["results"][0]["id"], results[0]["id"]);
    assert_eq!(mixed["results"][3]["id"], results[1]["id"]);
    assert!(mixed["results"][1]["violations"].as_array().is_some_and(|v| !v.is_empty()), "{mixed}");
}

#[tokio::test]
async fn invalid_events_are_quarantined_with_their_violations() {
    let stack = start().await;
    let sent = r#"{"type":"feature-created", "id":  7}"#;
    let refused = stack.ingest("unleash").post_bytes("/v1/events", sent).await.expect_problem(422);
    let id = refused["quarantine"].as_str().expect("a quarantine id");
    let listed = stack.manage().get("/v1/quarantine?source=unleash").await.expect(200);
    assert_eq!(listed["quarantined"][0]["id"], id);
    assert_eq!(listed["quarantined"][0]["type"], "feature-created");
    assert_eq!(listed["quarantined"][0]["violations"], refused["violations"]);
    let quarantined = stack.manage().get(&format!("/v1/quarantine/unleash/{id}")).await.expect(200);
    assert_eq!(quarantined["body"], sent, "the body is stored byte for byte");

    let not_json = stack.ingest("unleash").post_bytes("/v1/events", "{\"type\": ").await.expect_problem(400);
    let id = not_json["quarantine"].as_str().expect("a quarantine id");
    let quarantined = stack.manage().get(&format!("/v1/quarantine/unleash/{id}")).await.expect(200);
    assert_eq!(quarantined["body"], "{\"type\": ");
}

#[tokio::test]
async fn events_of_unknown_types_are_stored_under_the_base_schema() {
    let stack = start().await;
    let event =
        json!({ "id": 9, "type": "feature-teleported", "createdBy": "ada", "createdAt": "2026-01-01T00:00:00.000Z" });
    let stored = stack.ingest("unleash").post("/v1/events", &event).await.expect(201);
    let read = stack.read().get(&format!("/v1/events/{}", stored["id"])).await.expect(200);
    assert_eq!((&read["type"], &read["sv"]), (&json!("feature-teleported"), &Value::Null));
    assert!(read["summary"].as_str().is_some_and(|text| text.contains("feature-teleported")), "{read}");
}

#[tokio::test]
async fn the_demo_loads_its_seeds_and_delivers_them() {
    let stack = start_with(&["--demo"]).await;
    // The creation of the demo target is an event as well.
    let count = examples().len() + 1;
    let find = || async {
        let page = stack.read().get("/v1/events?limit=1000").await.expect(200);
        let events = page["events"].as_array().expect("events").clone();
        (events.len() == count).then_some(events)
    };
    let events = within(MAX_WAIT, "the seeds' events", find).await;
    for event in events {
        delivered(&stack, event["id"].as_u64().expect("an id"), "demo").await;
    }
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn keys_are_created_used_and_shown_once() {
    let stack = start().await;
    stack.manage().post("/v1/sources", &json!({ "name": "unleash-prod", "catalog": "unleash" })).await.expect(201);
    let new = json!({ "name": "prod", "scope": "ingest", "source": "unleash-prod" });
    let created = stack.manage().post("/v1/keys", &new).await.expect(201);
    let token = created["token"].as_str().expect("a token");
    assert!(token.starts_with("tdg_"));

    // A new key works immediately although the functions cache keys.
    let example = examples().into_iter().find(|e| e.catalog == "unleash").expect("an example");
    let key = stack.anonymous().with_token(token);
    let stored = key.post_bytes("/v1/events", example.payload).await.expect(201);
    let event = stack.read().get(&format!("/v1/events/{}", stored["id"])).await.expect(200);
    assert_eq!(event["source"], "unleash-prod");

    let basic = stack.anonymous();
    let request = basic.request(reqwest::Method::POST, "/v1/events").basic_auth("anybody", Some(token));
    basic.send(request.body(example.payload)).await.expect(200);

    let listed = stack.manage().get("/v1/keys").await;
    assert!(!listed.text.contains(token) && !listed.text.contains("sha256"), "{}", listed.text);
    stack.manage().post("/v1/keys", &new).await.expect_problem(409);
    stack.manage().delete("/v1/keys/prod").await.expect(204);
    stack.manage().delete("/v1/keys/prod").await.expect_problem(404);
}

/// Waits until an event is delivered to a target, and returns the delivery.
async fn delivered(stack: &Stack, event: u64, target: &str) -> Value {
    within(MAX_WAIT, "a recorded delivery", || async {
        let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
        let mut deliveries = explained["deliveries"].as_array().expect("deliveries").iter();
        deliveries.find(|d| d["target"] == target && d["status"] == "delivered").cloned()
    })
    .await
}
