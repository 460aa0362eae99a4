//! Targets whose address leads back into a log.

use e2e::{MAX_WAIT, Stack, within};
use serde_json::{Value, json};

use super::delivery;
use crate::start;

/// Number of webhooks that may forward an event from log to log.
const MAX_HOPS: u64 = 5;

/// Creates an ingest key of the source `signal`.
async fn signal_key(stack: &Stack) -> String {
    let key = json!({ "name": "loop", "scope": "ingest", "source": "signal" });
    let created = stack.manage().post("/v1/keys", &key).await.expect(201);
    created["token"].as_str().expect("a token").to_owned()
}

/// Creates a target of `from` that posts signals to `to`.
async fn forward(from: &Stack, to: &Stack, fields: Value) {
    let mut target = json!({ "authorization": format!("Bearer {}", signal_key(to).await), "scopes": ["signal"] });
    target.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    from.create_target("loop", &format!("{}/v1/events", to.url()), &target).await;
}

async fn post_signal(stack: &Stack) -> u64 {
    let stored = stack.ingest("signal").post("/v1/events", &json!({ "type": "loop" })).await.expect(201);
    stored["id"].as_u64().expect("an id")
}

/// Returns the ids of the signals in a log, newest first.
async fn signals(stack: &Stack) -> Vec<u64> {
    let found = stack.read().get("/v1/events?source=signal&limit=100").await.expect(200);
    found["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_u64()).collect()
}

/// Waits until a log has an event that has reached the limit, and returns the delivery that was not made.
async fn wait_for_last_hop(stacks: &[&Stack]) -> Value {
    within(MAX_WAIT, "an event that is not delivered further", || async {
        for stack in stacks {
            for event in signals(stack).await {
                let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
                let delivery = explained["deliveries"][0].clone();
                if delivery["filter"] == "hops" {
                    return Some(delivery);
                }
            }
        }
        None
    })
    .await
}

#[tokio::test]
async fn an_event_that_is_sent_back_is_recognised() {
    let stack = start().await;
    forward(&stack, &stack, json!({})).await;
    let event = post_signal(&stack).await;
    let delivered = delivery(&stack, event, "loop", "delivered").await;
    let answer: Value = serde_json::from_str(delivered["attempts"][0]["answer"].as_str().expect("text")).expect("JSON");
    assert_eq!((&answer["id"], &delivered["attempts"][0]["status"]), (&json!(event), &json!(200)), "{delivered}");
    stack.wait_until_idle().await;
    assert_eq!(signals(&stack).await, [event]);
}

#[tokio::test]
async fn a_loop_that_changes_its_events_ends() {
    let stack = start().await;
    let template = r#"{"type": "loop", "copy": {{{eventJson}}}}"#;
    forward(&stack, &stack, json!({ "body_template": template })).await;
    post_signal(&stack).await;
    let last = wait_for_last_hop(&[&stack]).await;
    assert_eq!(last["status"], "not_wanted", "{last}");
    assert!(last["reason"].as_str().is_some_and(|reason| reason.contains("leads back")), "{last}");
    stack.wait_until_idle().await;
    assert_eq!(signals(&stack).await.len() as u64, 1 + MAX_HOPS);
}

#[tokio::test]
async fn a_loop_through_another_log_ends() {
    let (stack, other) = tokio::join!(start(), start());
    forward(&stack, &other, json!({})).await;
    forward(&other, &stack, json!({})).await;
    post_signal(&stack).await;
    wait_for_last_hop(&[&stack, &other]).await;
    stack.wait_until_idle().await;
    other.wait_until_idle().await;
    let events = signals(&stack).await.len() + signals(&other).await.len();
    assert_eq!(events as u64, 1 + MAX_HOPS);
}
