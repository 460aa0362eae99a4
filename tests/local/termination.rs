//! The end of the process: signals let attempts in progress be recorded, and a kill delays nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{MAX_WAIT, Receiver, sample_event, within};
use jiff::Timestamp;
use serde_json::json;

use crate::start;

#[tokio::test]
async fn attempts_in_progress_are_recorded_before_the_process_ends() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("slow", receiver.url(), &json!({ "timeout": "30s" })).await;
    receiver.set_delay(Duration::from_secs(3));
    let mut expected = 0;
    for signal in ["TERM", "INT"] {
        let events: Vec<_> = (expected..expected + 10).map(|id| sample_event(1000 + id)).collect();
        stack.ingest("unleash").post("/v1/events", &json!(events)).await.expect(200);
        expected += 10;
        // Every attempt of this round has begun, and the receiver has not answered the last ones yet.
        let count = usize::try_from(expected).expect("a small number");
        receiver.wait_for(count).await;
        assert!(stack.stop(signal).await, "{signal}");
        stack.restart().await;
        stack.wait_until_idle().await;
        assert_eq!(receiver.count(), count, "{signal}: recorded attempts are not repeated");
    }
}

#[tokio::test]
async fn the_lease_of_a_killed_packer_is_released_at_the_start() {
    let mut stack = start().await;
    let number = |number: i64| AttributeValue::N(number.to_string());
    let lease = Timestamp::now().as_millisecond() + 15 * 60 * 1000;
    // The item that packing writes, with the lease of a process that was killed meanwhile.
    let put = stack.database().put_item().table_name("segments").item("pk", AttributeValue::S("marks".to_owned()));
    let put = put.item("sk", number(0)).item("upto", number(0)).item("late_upto", number(0));
    put.item("next", number(0)).item("lease", number(lease)).send().await.expect("written");
    stack.kill().await;
    stack.restart().await;
    let read = stack.database().get_item().table_name("segments");
    let read = read.key("pk", AttributeValue::S("marks".to_owned())).key("sk", number(0)).send().await.expect("read");
    assert_eq!(read.item().expect("the item")["lease"], number(0));
}

#[tokio::test]
async fn expired_items_are_deleted() {
    let mut stack = start().await;
    let item = |expires: i64| {
        let put = stack.database().put_item().table_name("quarantine").item("pk", AttributeValue::S("old".to_owned()));
        let put = put.item("sk", AttributeValue::S(expires.to_string()));
        put.item("expires", AttributeValue::N(expires.to_string())).send()
    };
    let now = Timestamp::now().as_second();
    for expires in [now - 100, now + 1000] {
        item(expires).await.expect("written");
    }
    stack.kill().await;
    stack.restart().await;
    within(MAX_WAIT, "the deletion", || async {
        let left = stack.database().scan().table_name("quarantine").send().await.expect("read");
        let left: Vec<_> = left.items().iter().map(|item| item["sk"].as_s().expect("text").clone()).collect();
        (left == [(now + 1000).to_string()]).then_some(())
    })
    .await;
}
