//! Pausing, resuming and removing a target while deliveries are in progress.

use std::time::Duration;

use e2e::{MAX_WAIT, Receiver, Stack, within};
use serde_json::{Value, json};

use super::{delivery, numbers, post};
use crate::start;

/// Starts a stack whose target `audit` has `count` held events, and returns their ids.
async fn start_with_held_events(count: u64) -> (Stack, Receiver, Vec<u64>) {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    run_action(&stack, "pause").await;
    let ids = post(&stack, 0..count).await;
    wait_until_held(&stack, count).await;
    (stack, receiver, ids)
}

async fn run_action(stack: &Stack, action: &str) -> Value {
    stack.manage().post(&format!("/v1/targets/audit/{action}"), &Value::Null).await.expect(200)
}

async fn wait_until_held(stack: &Stack, count: u64) {
    within(MAX_WAIT, format!("{count} held"), || async {
        (stack.read().get("/v1/targets/audit/health").await.expect(200)["held"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pause_stops_a_replay_in_the_middle_of_a_page() {
    let (stack, receiver, ids) = start_with_held_events(50).await;
    // The page takes 50 s: long enough for a pause in the middle, also on a busy machine.
    receiver.set_delay(Duration::from_secs(1));
    run_action(&stack, "resume").await;
    receiver.wait_for(3).await;
    run_action(&stack, "pause").await;
    delivery(&stack, ids[49], "audit", "held").await;
    stack.wait_until_idle().await;
    let sent = receiver.count();
    assert!(sent < 45, "{sent} events were sent; a pause takes effect within about a second");
    receiver.set_delay(Duration::ZERO);
    run_action(&stack, "resume").await;
    delivery(&stack, ids[49], "audit", "delivered").await;
    assert_eq!(numbers(&receiver.wait_for(50).await), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_410_stops_a_replay_in_the_middle_of_a_page() {
    let (stack, receiver, ids) = start_with_held_events(30).await;
    receiver.respond_next(&[410]);
    run_action(&stack, "resume").await;
    receiver.wait_for(1).await;
    wait_until_held(&stack, 30).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.count(), 1);
    delivery(&stack, ids[0], "audit", "held").await;
}

#[tokio::test]
async fn repeated_resumes_send_each_event_once_and_in_order() {
    let (stack, receiver, ids) = start_with_held_events(250).await;
    receiver.set_delay(Duration::from_millis(5));
    for seen in [10, 30, 60, 90] {
        run_action(&stack, "resume").await;
        receiver.wait_for(seen).await;
        run_action(&stack, "pause").await;
    }
    run_action(&stack, "resume").await;
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }
    stack.wait_until_idle().await;
    assert_eq!(numbers(&receiver.received()), (0..250).collect::<Vec<_>>());
}

#[tokio::test]
async fn slow_receivers_get_held_events_in_order() {
    // One receiver is slow enough for the slow queue; the other is too slow to finish a page in one invocation.
    let ((slow, receiver, _), (long, other, _)) = tokio::join!(start_with_held_events(12), start_with_held_events(54));
    receiver.set_delay(Duration::from_millis(2200));
    other.set_delay(Duration::from_millis(700));
    run_action(&slow, "resume").await;
    run_action(&long, "resume").await;
    let all = async |receiver: &Receiver, count: usize| {
        let received = receiver.wait_for(count).await;
        assert_eq!(numbers(&received), (0..count as u64).collect::<Vec<_>>());
    };
    tokio::join!(all(&receiver, 12), all(&other, 54));
    for stack in [slow, long] {
        stack.wait_until_idle().await;
    }
    assert_eq!((receiver.count(), other.count()), (12, 54));
}

#[tokio::test]
async fn an_immediately_recreated_target_leaves_no_delivery_waiting() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500]);
    let fields = json!({ "retry_schedule": ["2s", "2s"] });
    stack.create_target("audit", receiver.url(), &fields).await;
    let id = post(&stack, 0..1).await[0];
    receiver.wait_for(1).await;
    stack.manage().delete("/v1/targets/audit").await.expect(204);
    stack.create_target("audit", receiver.url(), &fields).await;
    // The delivery either succeeds or fails with the removed target; its record must show which.
    within(MAX_WAIT, "the end of the delivery", || async {
        let explained = stack.read().get(&format!("/v1/events/{id}/deliveries")).await.expect(200);
        (explained["deliveries"][0]["status"] != "waiting").then_some(())
    })
    .await;
    stack.wait_until_idle().await;
    let health = stack.read().get("/v1/targets/audit/health").await.expect(200);
    assert_eq!((&health["backlog"], &health["oldest_undelivered_at"]), (&json!(0), &Value::Null), "{health}");
}

#[tokio::test]
async fn a_recreated_target_inherits_no_deliveries() {
    let stack = start().await;
    let (previous, receiver) = (Receiver::start().await, Receiver::start().await);
    previous.respond_next(&[500, 500]);
    let targets = [("once", json!({ "retry_count": 1 })), ("later", json!({ "retry_timeout": "1h" }))];
    for (name, fields) in &targets {
        stack.create_target(name, previous.url(), fields).await;
    }
    let id = post(&stack, 0..1).await[0];
    delivery(&stack, id, "once", "failed").await;
    within(MAX_WAIT, "a recorded attempt", || async {
        let waiting = delivery(&stack, id, "later", "waiting").await;
        waiting["next_attempt_at"].is_string().then_some(())
    })
    .await;
    for (name, _) in &targets {
        stack.manage().delete(&format!("/v1/targets/{name}")).await.expect(204);
    }
    // This time must pass: clocks differ by up to a second, so a target created earlier could be mistaken for the removed one.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for (name, fields) in &targets {
        stack.create_target(name, receiver.url(), fields).await;
        let explained = delivery(&stack, id, name, "failed").await;
        assert_eq!(explained["attempts"].as_array().map(Vec::len), Some(1), "{explained}");
        assert_eq!(explained["next_attempt_at"], Value::Null);
        let health = stack.read().get(&format!("/v1/targets/{name}/health")).await.expect(200);
        assert_eq!((&health["backlog"], &health["failed"]), (&json!(0), &json!(0)), "{health}");
        assert_eq!(health["oldest_undelivered_at"], Value::Null);
        let retry = format!("/v1/deliveries/retry?target={name}&dry_run=true");
        assert_eq!(stack.manage().post(&retry, &Value::Null).await.expect(200)["failed"], 0);
        stack.manage().post(&format!("/v1/deliveries/{id}/{name}/retry"), &Value::Null).await.expect(409);
    }
    let explained = delivery(&stack, id, "later", "failed").await;
    assert!(explained["reason"].as_str().is_some_and(|reason| reason.contains("removed")), "{explained}");
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_waiting_retry_is_not_started_twice() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "retry_timeout": "1h" })).await;
    let id = post(&stack, 0..1).await[0];
    delivery(&stack, id, "audit", "delivered").await;
    receiver.set_delay(Duration::from_secs(2));
    let retry = format!("/v1/deliveries/{id}/audit/retry");
    let retried = stack.manage().post(&retry, &Value::Null).await.expect(202);
    stack.manage().post(&retry, &Value::Null).await.expect(409);
    let explained = delivery(&stack, id, "audit", "waiting").await;
    let run = retried["run"].as_str().expect("a run");
    assert!(explained["reason"].as_str().is_some_and(|reason| reason.contains(run)), "{explained}");
    delivery(&stack, id, "audit", "delivered").await;
    assert_eq!(receiver.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_an_attempt_keeps_the_order_of_held_events() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "timeout": "10s" })).await;
    run_action(&stack, "pause").await;
    let ids = post(&stack, 0..10).await;
    wait_until_held(&stack, 10).await;
    // The attempt is still under way when the process is killed, and its claim is left behind.
    receiver.set_delay(Duration::from_mins(1));
    run_action(&stack, "resume").await;
    receiver.wait_for(1).await;
    stack.kill().await;
    receiver.set_delay(Duration::ZERO);
    stack.restart().await;
    delivery(&stack, ids[9], "audit", "delivered").await;
    let received = numbers(&receiver.received());
    assert_eq!(received, std::iter::once(0).chain(0..10).collect::<Vec<_>>(), "the first event was sent again, first");
}
