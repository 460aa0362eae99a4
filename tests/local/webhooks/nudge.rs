//! Nudges: webhooks do not wait for the stream, and are not sent twice because of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Receiver, Stack};
use serde_json::{Value, json};

use super::{delivery, numbers, post};
use crate::start_with;

/// Delay of each stream record: longer than a busy machine takes to deliver a few webhooks.
const STREAM_DELAY: Duration = Duration::from_secs(5);

async fn start(nudge_deliveries: &str, stream_delay: Duration) -> (Stack, Receiver) {
    let delay = stream_delay.as_millis().to_string();
    let stack = start_with(&["--stream-delay-ms", &delay, "--nudge-deliveries", nudge_deliveries]).await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    (stack, receiver)
}

/// Waits until the stream has announced all events so far. Only the stream announces the event of a test, after the
/// records before it in its shard.
async fn wait_for_stream(stack: &Stack, receiver: &Receiver) {
    let before = receiver.count();
    stack.manage().post("/v1/targets/audit/test", &Value::Null).await.expect(200);
    receiver.wait_for(before + 1).await;
    stack.wait_until_idle().await;
}

/// Returns the number of the nudge that an event stores.
async fn nudge_of(stack: &Stack, event: u64) -> Option<String> {
    let events = stack.database().scan().table_name("events").consistent_read(true).send().await.expect("a scan");
    let id = AttributeValue::N(event.to_string());
    let item = events.items().iter().find(|item| item["sk"] == id).expect("the event").clone();
    item.get("n").map(|nudge| nudge.as_n().expect("a number").clone())
}

#[tokio::test]
async fn nudged_webhooks_arrive_once_and_before_their_stream_records() {
    let (stack, receiver) = start("true", STREAM_DELAY).await;
    let began = Instant::now();
    let mut ids = post(&stack, 0..1).await;
    ids.extend(post(&stack, 1..21).await);
    let received = receiver.wait_for(21).await;
    let slowest = received.iter().map(|webhook| webhook.at.duration_since(began)).max().expect("webhooks");
    assert!(slowest < STREAM_DELAY, "the last webhook arrived after {slowest:?}");
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }

    // Neither the stream nor a repeated nudge sends the events again.
    wait_for_stream(&stack, &receiver).await;
    let nudge: u64 = nudge_of(&stack, ids[1]).await.expect("a nudge").parse().expect("a number");
    let body = json!({ "nudge": nudge, "events": ids }).to_string();
    let message = json!({ "QueueUrl": stack.queue_url("nudge_queue"), "MessageBody": body }).to_string();
    stack.sqs("SendMessage", &message).await.expect(200);
    stack.wait_until_idle().await;
    let sent = numbers(&receiver.received());
    let distinct: BTreeSet<u64> = sent.iter().copied().collect();
    assert_eq!((sent.len(), distinct.len()), (21, 21), "no event arrives twice");
}

#[tokio::test]
async fn a_stream_record_during_an_attempt_causes_no_second_one() {
    let (stack, receiver) = start("true", Duration::from_millis(200)).await;
    // No delivery is recorded before its attempt ends, long after the stream record has arrived.
    receiver.set_delay(Duration::from_millis(1500));
    let ids = post(&stack, 0..5).await;
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }
    wait_for_stream(&stack, &receiver).await;
    let mut sent = numbers(&receiver.received());
    sent.sort_unstable();
    assert_eq!(sent, [0, 1, 2, 3, 4], "each event arrives once");
}

#[tokio::test]
async fn without_nudges_the_stream_sends_webhooks() {
    let (stack, receiver) = start("false", STREAM_DELAY).await;
    let began = Instant::now();
    let ids = post(&stack, 0..2).await;
    let received = receiver.wait_for(2).await;
    assert!(received[0].at.duration_since(began) >= STREAM_DELAY, "the stream is delayed");
    assert_eq!(nudge_of(&stack, ids[0]).await, None, "events without a nudge store none");
}

#[tokio::test]
async fn a_log_without_targets_sends_no_nudges() {
    let stack = start_with(&[]).await;
    let ids = post(&stack, 0..2).await;
    assert_eq!(nudge_of(&stack, ids[0]).await, None);
}

#[tokio::test]
async fn an_invalid_nudge_delays_no_webhook_and_sends_none() {
    let stack = start_with(&[]).await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "events": ["feature-archived"] })).await;
    let ids = post(&stack, 0..1).await;
    stack.manage().patch("/v1/targets/audit", &json!({ "events": [] })).await.expect(200);
    // No JSON, and a nudge that the event does not store.
    for body in ["{".to_owned(), json!({ "nudge": 1, "events": ids }).to_string()] {
        let message = json!({ "QueueUrl": stack.queue_url("nudge_queue"), "MessageBody": body }).to_string();
        stack.sqs("SendMessage", &message).await.expect(200);
    }
    let new = post(&stack, 5..6).await;
    delivery(&stack, new[0], "audit", "delivered").await;
    assert_eq!(numbers(&receiver.received()), [5]);
}
