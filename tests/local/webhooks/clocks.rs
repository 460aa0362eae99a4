//! Deliveries after the clock was set back: the stored times are in the future.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Receiver, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{delivery, numbers, post};
use crate::start;

fn in_an_hour() -> AttributeValue {
    AttributeValue::S((Timestamp::now() + SignedDuration::from_hours(1)).to_string())
}

/// Sets attributes of an item.
async fn set(stack: &Stack, table: &str, key: [(&str, AttributeValue); 2], expression: &str) {
    let key: HashMap<String, AttributeValue> = key.map(|(name, value)| (name.to_owned(), value)).into();
    let mut update = stack.database().update_item().table_name(table).set_key(Some(key)).update_expression(expression);
    if expression.contains("#at") {
        update = update.expression_attribute_names("#at", "at");
    }
    update.expression_attribute_values(":time", in_an_hour()).send().await.expect("an update");
}

/// Creates the target `audit` an hour in the future.
async fn start_with_future_target(fields: &Value) -> (Stack, Receiver) {
    let (stack, receiver) = (start().await, Receiver::start().await);
    stack.create_target("audit", receiver.url(), fields).await;
    let key = [("pk", AttributeValue::S("targets".to_owned())), ("sk", AttributeValue::S("audit".to_owned()))];
    set(&stack, "config", key, "SET created_at = :time, wanted_since = :time").await;
    (stack, receiver)
}

#[tokio::test]
async fn a_target_created_before_the_clock_was_set_back_receives_events() {
    let (stack, receiver) = start_with_future_target(&json!({})).await;
    let ids = post(&stack, 0..3).await;
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }
    assert_eq!(receiver.wait_for(3).await.len(), 3);
}

#[tokio::test]
async fn events_held_after_the_clock_was_set_back_are_delivered_by_a_resume() {
    let (stack, receiver) = start_with_future_target(&json!({})).await;
    stack.manage().post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let ids = post(&stack, 0..5).await;
    for id in &ids {
        delivery(&stack, *id, "audit", "held").await;
    }
    stack.manage().post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }
    assert_eq!(numbers(&receiver.received()), (0..5).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_retry_does_not_wait_for_a_clock_that_was_set_back() {
    let (stack, receiver) = (start().await, Receiver::start().await);
    receiver.respond_next(&[500]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_timeout": "10s" })).await;
    let ids = post(&stack, 0..1).await;
    delivery(&stack, ids[0], "audit", "waiting").await;
    receiver.wait_for(1).await;
    let key = [("pk", AttributeValue::N(ids[0].to_string())), ("sk", AttributeValue::S("audit".to_owned()))];
    set(&stack, "deliveries", key, "SET attempts[0].#at = :time, next_attempt_at = :time").await;
    delivery(&stack, ids[0], "audit", "delivered").await;
}
