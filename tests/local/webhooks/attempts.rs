//! Delivery attempts: requests, signatures, records and reports.

use std::time::Duration;

use e2e::{MAX_WAIT, Receiver, within};
use serde_json::{Value, json};
use sha2::Digest;

use super::{delivery, post};
use crate::start;

/// Time for which a function may use a cached target, with a margin.
const TARGET_CACHED_FOR: Duration = Duration::from_millis(1100);

#[tokio::test]
async fn attempts_are_recorded_in_full() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    let ids = post(&stack, 0..1).await;
    let delivered = delivery(&stack, ids[0], "audit", "delivered").await;
    let attempt = &delivered["attempts"][0];
    let body = &receiver.received()[0].body;
    assert_eq!(attempt["body_sha256"], hex::encode(sha2::Sha256::digest(body)));
    assert!(attempt["address"].as_str().is_some_and(|address| receiver.url().contains(address)), "{attempt}");
    assert_eq!((&attempt["status"], &attempt["http"]), (&json!(204), &json!("HTTP/1.1")));
    for phase in ["dns_ms", "connect_ms", "first_byte_ms"] {
        assert!(attempt["phases"][phase].is_number(), "{phase} in {attempt}");
    }
    assert_eq!(attempt["class"], Value::Null);
    let sha256 = hex::encode(sha2::Sha256::digest(receiver.url()));
    let origin = receiver.url().trim_end_matches("hook");
    assert_eq!(attempt["url"], format!("{origin}*** (sha256 {})", &sha256[..12]));
    let sent = &receiver.received()[0].headers;
    for name in ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "tidings-hops"] {
        assert_eq!(attempt["headers"][name], sent[name].to_str().expect("ASCII"), "{name} in {attempt}");
    }
    assert_eq!(attempt["headers"]["webhook-signature"], "***");
}

#[tokio::test]
async fn a_recovery_is_reported_once() {
    let stack = start().await;
    let (receiver, ops) = (Receiver::start().await, Receiver::start().await);
    receiver.respond_next(&[500]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_count": 1, "sources": ["unleash"] })).await;
    let events = ["target-failed", "target-recovered"];
    stack.create_target("ops", ops.url(), &json!({ "events": events, "sources": ["tidings"] })).await;
    let ids = post(&stack, 0..1).await;
    delivery(&stack, ids[0], "audit", "failed").await;
    let failed: Value = serde_json::from_slice(&ops.wait_for(1).await[0].body).expect("JSON");
    assert_eq!((&failed["type"], &failed["data"]["type"]), (&json!("target-failed"), &json!("feature-created")));
    for id in post(&stack, 1..4).await {
        delivery(&stack, id, "audit", "delivered").await;
    }
    let recovered: Value = serde_json::from_slice(&ops.wait_for(2).await[1].body).expect("JSON");
    assert_eq!((&recovered["type"], &recovered["subject"]), (&json!("target-recovered"), &json!("audit")));
    assert!(recovered["data"]["failing_since"].is_string(), "{recovered}");
    stack.wait_until_idle().await;
    assert_eq!(ops.count(), 2);
}

#[tokio::test]
async fn requests_use_the_targets_headers_credentials_and_template() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let fields = json!({
        "username": "mm", "password": "p:w", "headers": { "X-Team": "platform" },
        "content_type": "application/json; charset=utf-8",
        "body_template": "{\"text\": \"{{eventMarkdown}}\", \"was\": {{{eventJson}}}, \"flag\": \"{{event.featureName}}\"}",
    });
    let secret = stack.create_target("chat", receiver.url(), &fields).await;
    post(&stack, 7..8).await;
    let received = &receiver.wait_for(1).await[0];
    received.verify(&secret);
    assert_eq!(received.headers["authorization"], "Basic bW06cDp3");
    assert_eq!(received.headers["x-team"], "platform");
    assert_eq!(received.headers["content-type"], "application/json; charset=utf-8");
    let body: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!((&body["flag"], &body["was"]["id"]), (&json!("flag-7"), &json!(7)));
    assert!(body["text"].as_str().is_some_and(|text| text.contains("flag-7")), "{body}");
}

#[tokio::test]
async fn a_template_error_fails_the_delivery_without_a_request() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let fields = json!({ "body_template": "{\n  \"flag\": {{event.featureName}}\n}" });
    stack.create_target("chat", receiver.url(), &fields).await;
    let ids = post(&stack, 0..1).await;
    let failed = delivery(&stack, ids[0], "chat", "failed").await;
    let attempts = failed["attempts"].as_array().expect("attempts");
    assert_eq!((attempts.len(), &attempts[0]["class"]), (1, &json!("template")), "template errors are not retried");
    assert!(attempts[0]["error"].as_str().is_some_and(|error| error.contains("line 2, column 12")), "{failed}");
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn both_secrets_verify_during_the_rotation_overlap() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let old = stack.create_target("audit", receiver.url(), &json!({})).await;
    let rotated = stack.manage().post("/v1/targets/audit/rotate", &json!({ "overlap": "1h" })).await.expect(200);
    let new = rotated["signing_secret"].as_str().expect("a secret").to_owned();
    assert!(rotated["rotating_until"].is_string() && new != old);
    // This time must pass: after a second no process has the previous secrets cached.
    tokio::time::sleep(TARGET_CACHED_FOR).await;
    post(&stack, 0..1).await;
    let both = &receiver.wait_for(1).await[0];
    both.verify(&old);
    both.verify(&new);

    let last = stack.manage().post("/v1/targets/audit/rotate", &json!({ "overlap": "0s" })).await.expect(200);
    tokio::time::sleep(TARGET_CACHED_FOR).await;
    post(&stack, 1..2).await;
    let one = &receiver.wait_for(2).await[1];
    one.verify(last["signing_secret"].as_str().expect("a secret"));
    let signatures = one.headers["webhook-signature"].to_str().expect("ASCII").split(' ').count();
    assert_eq!(signatures, 1);
}

#[tokio::test]
async fn failed_deliveries_are_reported_once_an_hour() {
    let stack = start().await;
    let (receiver, ops) = (Receiver::start().await, Receiver::start().await);
    receiver.respond_next(&[500, 500]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_count": 1, "sources": ["unleash"] })).await;
    stack.create_target("ops", ops.url(), &json!({ "events": ["target-failed"], "sources": ["tidings"] })).await;
    let ids = post(&stack, 0..1).await;
    delivery(&stack, ids[0], "audit", "failed").await;
    let body: Value = serde_json::from_slice(&ops.wait_for(1).await[0].body).expect("JSON");
    assert_eq!((&body["actor"], &body["subject"]), (&json!("tidings"), &json!("audit")));
    assert_eq!((&body["data"]["event"], &body["data"]["attempts"]), (&json!(ids[0]), &json!(1)));
    assert!(body["data"]["reason"].as_str().is_some_and(|reason| reason.contains("500")), "{body}");

    let ids = post(&stack, 1..2).await;
    delivery(&stack, ids[0], "audit", "failed").await;
    // A failure after a success is reported again.
    let ids = post(&stack, 2..3).await;
    delivery(&stack, ids[0], "audit", "delivered").await;
    receiver.respond_next(&[503]);
    let ids = post(&stack, 3..4).await;
    delivery(&stack, ids[0], "audit", "failed").await;
    let body: Value = serde_json::from_slice(&ops.wait_for(2).await[1].body).expect("JSON");
    assert_eq!(body["data"]["event"], json!(ids[0]));
    stack.wait_until_idle().await;
    assert_eq!(ops.count(), 2);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let stack = start().await;
    let url = e2e::raw_receiver("HTTP/1.1 429 Too Many\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n").await;
    stack.create_target("busy", &url, &json!({ "retry_timeout": "1s" })).await;
    let ids = post(&stack, 0..1).await;
    let waiting = within(MAX_WAIT, "an attempt", || async {
        let waiting = delivery(&stack, ids[0], "busy", "waiting").await;
        waiting["next_attempt_at"].is_string().then_some(waiting)
    })
    .await;
    let next: jiff::Timestamp = waiting["next_attempt_at"].as_str().expect("a time").parse().expect("a time");
    let wait = next.duration_since(jiff::Timestamp::now());
    assert!(wait > jiff::SignedDuration::from_mins(59), "{wait}");
}

#[tokio::test]
async fn test_events_are_sent_once_and_only_to_their_target() {
    let stack = start().await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let secret = stack.create_target("audit", receiver.url(), &json!({ "events": ["feature-archived"] })).await;
    stack.create_target("other", other.url(), &json!({})).await;
    stack.manage().post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let tested = stack.manage().post("/v1/targets/audit/test", &Value::Null).await.expect(200);
    assert_eq!((&tested["status"], &tested["attempt"]["status"]), (&json!("delivered"), &json!(204)));
    let received = &receiver.received()[0];
    received.verify(&secret);
    let body: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!((&body["type"], &body["subject"]), (&json!("target-tested"), &json!("audit")));

    receiver.respond_next(&[500; 3]);
    let failed = stack.manage().post("/v1/targets/audit/test", &Value::Null).await.expect(200);
    assert_eq!((&failed["status"], &failed["attempt"]["status"]), (&json!("failed"), &json!(500)));
    stack.wait_until_idle().await;
    assert_eq!((receiver.received().len(), other.received().len()), (2, 0));
}

#[tokio::test]
async fn past_events_are_explained_by_the_filter_of_their_time() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "projects": ["odd"] })).await;
    let before = post(&stack, 0..2).await;
    delivery(&stack, before[1], "audit", "delivered").await;
    stack.manage().patch("/v1/targets/audit", &json!({ "projects": null })).await.expect(200);
    let after = post(&stack, 2..3).await;
    delivery(&stack, after[0], "audit", "delivered").await;
    let not_wanted = delivery(&stack, before[0], "audit", "not_wanted").await;
    assert_eq!(not_wanted["filter"], "projects");
    let preview = stack.manage().post("/v1/targets/audit/preview", &Value::Null).await.expect(200);
    assert_eq!(preview["events"], 0, "all of these events are older than the preview's range");
}

#[tokio::test]
async fn health_reports_rates_latencies_and_backlog() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "sources": ["tidings"] })).await;
    for number in 0..4 {
        let source = json!({ "name": format!("s{number}"), "catalog": "signal" });
        stack.manage().post("/v1/sources", &source).await.expect(201);
    }
    // The creation of the target is an event as well.
    receiver.wait_for(5).await;
    let health = within(MAX_WAIT, "5 delivered", || async {
        let health = stack.manage().get("/v1/targets/audit/health").await.expect(200);
        (health["settled"] == 5 && health["backlog"] == 0).then_some(health)
    })
    .await;
    assert_eq!((&health["success_rate"], &health["failed"]), (&json!(1.0), &json!(0)));
    assert!(health["p50_ms"].is_number() && health["p95_ms"].is_number(), "{health}");
    assert_eq!(health["oldest_undelivered_at"], Value::Null);
}
