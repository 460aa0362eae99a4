//! Outcomes of deliveries: retries, failures and unwanted events.

use std::time::Duration;

use e2e::{MAX_WAIT, Receiver, Stack, example, examples, within};
use serde_json::{Value, json};

use crate::start;

/// Posts the example of a type and returns its id.
async fn post(stack: &Stack, event_type: &str) -> u64 {
    let example = example(event_type);
    let stored = stack.ingest(example.catalog).post_bytes("/v1/events", example.payload).await.expect(201);
    stored["id"].as_u64().expect("an id")
}

/// Waits until the delivery to the only target has this status, and returns the delivery.
async fn delivery(stack: &Stack, event: u64, status: &str) -> Value {
    within(MAX_WAIT, status, || async {
        let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
        Some(explained["deliveries"][0].clone()).filter(|delivery| delivery["status"] == status)
    })
    .await
}

#[tokio::test]
async fn failed_attempts_are_retried() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500, 302]);
    let secret = stack.create_target("audit", receiver.url(), &json!({ "retry_timeout": "1s" })).await;
    let event = post(&stack, "feature-created").await;

    let delivered = delivery(&stack, event, "delivered").await;
    let statuses: Vec<&Value> =
        delivered["attempts"].as_array().expect("attempts").iter().map(|a| &a["status"]).collect();
    assert_eq!(statuses, [500, 302, 204]);
    let received = receiver.received();
    assert!(received.iter().all(|webhook| webhook.id() == received[0].id()), "all attempts have one id");
    for webhook in &received {
        webhook.verify(&secret);
    }
    for pair in received.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(900), "the retry interval is kept");
    }
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn a_delivery_fails_after_its_last_attempt() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[503; 5]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_timeout": "1s", "retry_count": 2 })).await;
    let event = post(&stack, "logging").await;
    let failed = delivery(&stack, event, "failed").await;
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(2));
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("503")), "{failed}");
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn connection_failures_state_their_reason() {
    let stack = start().await;
    let cases = [
        ("metadata", "http://169.254.169.254/latest", "is not a public address"),
        ("private", "http://[fd00::1]/", "is not a public address"),
        ("closed", "http://127.0.0.1:1/", "failed to connect"),
        ("nowhere", "http://nowhere.invalid/", "failed to resolve"),
    ];
    for (name, address, _) in cases {
        stack.create_target(name, address, &json!({ "retry_count": 1 })).await;
    }
    let event = post(&stack, "feature-created").await;
    for (name, _, reason) in cases {
        let failed = within(MAX_WAIT, name, || async {
            let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
            let mut deliveries = explained["deliveries"].as_array().expect("deliveries").iter();
            deliveries.find(|d| d["target"] == name && d["status"] == "failed").cloned()
        })
        .await;
        assert!(failed["reason"].as_str().is_some_and(|text| text.contains(reason)), "{failed}");
    }
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn unwanted_events_name_the_filter_that_excluded_them() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let before = post(&stack, "feature-tagged").await;
    let fields = json!({ "level": "ERROR", "events": ["logging", "feature-created"] });
    stack.create_target("narrow", receiver.url(), &fields).await;
    let log_line = post(&stack, "logging").await;
    let other_type = post(&stack, "segment-created").await;
    let wanted = post(&stack, "feature-created").await;

    delivery(&stack, wanted, "delivered").await;
    for (event, filter) in [(before, "created_at"), (log_line, "level"), (other_type, "events")] {
        let not_wanted = delivery(&stack, event, "not_wanted").await;
        assert_eq!(not_wanted["filter"], filter, "{not_wanted}");
        assert!(not_wanted["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_target_that_hangs_does_not_delay_the_others() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    // A listener that accepts connections and never responds.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/", hanging.local_addr().expect("its address"));
    stack.create_target("a-hanging", &address, &json!({ "retry_count": 1, "timeout": "30s" })).await;
    stack.create_target("b-healthy", receiver.url(), &json!({})).await;
    let some: Vec<_> = examples().into_iter().step_by(10).collect();
    for example in &some {
        stack.ingest(example.catalog).post_bytes("/v1/events", example.payload).await.expect(201);
    }
    receiver.wait_for(some.len()).await;
    let hanging = stack.read().get("/v1/deliveries?target=a-hanging").await.expect(200);
    let attempted = hanging["deliveries"].as_array().expect("deliveries").len();
    assert!(attempted < some.len(), "the healthy target waited for the other's timeout: {hanging}");
}

#[tokio::test]
async fn a_burst_reaches_each_target_with_bounded_concurrency() {
    const EVENTS: usize = 100;
    /// Maximum number of concurrent attempts of a process to one target, which SECURITY.md documents.
    const MAX_CONCURRENT: usize = 10;
    let stack = start().await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    for (name, receiver) in ["a", "b", "c"].into_iter().zip(&receivers) {
        receiver.set_delay(Duration::from_millis(50));
        stack.create_target(name, receiver.url(), &json!({ "scopes": ["signal"] })).await;
    }
    // One small request, and 300 webhooks.
    let events: Vec<Value> = (0..EVENTS).map(|id| json!({ "type": "burst", "id": id.to_string() })).collect();
    stack.ingest("signal").post("/v1/events", &json!(events)).await.expect(200);
    for receiver in &receivers {
        let received = receiver.wait_for(EVENTS).await;
        let ids: std::collections::HashSet<String> = received.iter().map(e2e::Received::id).collect();
        assert_eq!(ids.len(), EVENTS);
        let concurrent = receiver.max_concurrent();
        assert!(concurrent <= MAX_CONCURRENT, "{concurrent} webhooks at the same time");
    }
}

#[tokio::test]
async fn secrets_are_shown_once_and_removed_targets_get_nothing() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let secret = stack.create_target("audit", receiver.url(), &json!({})).await;
    for path in ["/v1/targets", "/v1/targets/audit"] {
        let response = stack.manage().get(path).await;
        response.expect(200);
        assert!(!response.text.contains(&secret) && !response.text.contains("whsec"), "{}", response.text);
    }
    stack.manage().delete("/v1/targets/audit").await.expect(204);
    stack.manage().get("/v1/targets/audit").await.expect_problem(404);
    let event = post(&stack, "feature-created").await;
    let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
    assert_eq!(explained["deliveries"], json!([]));
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 0);
}
