//! Pausing and resuming targets loses no events.

use e2e::{MAX_WAIT, Receiver, within};
use serde_json::{Value, json};

use super::{delivery, numbers, post};
use crate::start;

#[tokio::test]
async fn held_events_are_delivered_in_order_after_a_resume() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let secret = stack.create_target("audit", receiver.url(), &json!({})).await;
    let paused = stack.manage().post("/v1/targets/audit/pause", &json!({ "reason": "maintenance" })).await.expect(200);
    assert_eq!((&paused["enabled"], &paused["paused"]["reason"]), (&json!(false), &json!("maintenance")));
    let ids = post(&stack, 0..150).await;
    let held = delivery(&stack, ids[149], "audit", "held").await;
    assert!(held["reason"].as_str().is_some_and(|reason| reason.contains("maintenance")), "{held}");
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 0);
    within(MAX_WAIT, "150 held", || async {
        let health = stack.read().get("/v1/targets/audit/health").await.expect(200);
        (health["held"] == 150 && health["backlog"] == 150).then_some(())
    })
    .await;

    let resumed = stack.manage().post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    assert_eq!(resumed["paused"], Value::Null);
    let new = post(&stack, 1000..1003).await;
    let received = receiver.wait_for(153).await;
    delivery(&stack, new[2], "audit", "delivered").await;
    let replayed: Vec<u64> = numbers(&received).into_iter().filter(|number| *number < 1000).collect();
    assert_eq!(replayed, (0..150).collect::<Vec<_>>(), "held events arrive in order");
    for webhook in &received {
        webhook.verify(&secret);
    }

    let name = resumed["replay"].as_str().expect("a replay");
    let replay = within(MAX_WAIT, "the end of the replay", || async {
        let replay = stack.manage().get(&format!("/v1/replays/{name}")).await.expect(200);
        (replay["state"] == "done").then_some(replay)
    })
    .await;
    assert_eq!((&replay["of"], &replay["total"], &replay["sent"]), (&json!("held"), &json!(150), &json!(150)));
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 153, "no event arrives twice");
}

#[tokio::test]
async fn a_target_created_disabled_holds_its_events() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "enabled": false })).await;
    let ids = post(&stack, 0..3).await;
    delivery(&stack, ids[2], "audit", "held").await;
    let changed = stack.manage().patch("/v1/targets/audit", &json!({ "enabled": true })).await.expect(200);
    assert_eq!(changed["enabled"], true);
    receiver.wait_for(3).await;
    for id in ids {
        delivery(&stack, id, "audit", "delivered").await;
    }
}

#[tokio::test]
async fn a_pause_also_holds_waiting_retries() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_timeout": "15s" })).await;
    let ids = post(&stack, 0..1).await;
    delivery(&stack, ids[0], "audit", "waiting").await;
    receiver.wait_for(1).await;
    stack.manage().post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let held = delivery(&stack, ids[0], "audit", "held").await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 1, "{held}");
    stack.manage().post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    let delivered = delivery(&stack, ids[0], "audit", "delivered").await;
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(2), "{delivered}");
}

#[tokio::test]
async fn a_410_pauses_the_target_and_holds_its_delivery() {
    let stack = start().await;
    let (receiver, auditor) = (Receiver::start().await, Receiver::start().await);
    stack.create_target("alerts", auditor.url(), &json!({ "sources": ["tidings"] })).await;
    stack.create_target("gone", receiver.url(), &json!({})).await;
    receiver.respond_next(&[410]);
    let ids = post(&stack, 0..1).await;
    // The delivery is held as soon as the target is paused. The attempt is recorded a moment later.
    within(MAX_WAIT, "the attempt", || async {
        let held = delivery(&stack, ids[0], "gone", "held").await;
        (held["attempts"][0]["status"] == 410).then_some(())
    })
    .await;
    let target = stack.manage().get("/v1/targets/gone").await.expect(200);
    assert_eq!(target["paused"]["by"], "tidings");
    assert!(target["paused"]["reason"].as_str().is_some_and(|reason| reason.contains("410")), "{target}");
    within(MAX_WAIT, "the event of the pause", || async {
        let types: Vec<Value> = auditor
            .received()
            .iter()
            .filter_map(|webhook| serde_json::from_slice::<Value>(&webhook.body).ok())
            .map(|event| event["type"].clone())
            .collect();
        types.contains(&json!("target-paused")).then_some(())
    })
    .await;
    stack.manage().post("/v1/targets/gone/resume", &Value::Null).await.expect(200);
    delivery(&stack, ids[0], "gone", "delivered").await;
}

#[tokio::test]
async fn a_constantly_failing_target_is_paused() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500; 20]);
    let fields = json!({ "retry_schedule": vec!["1s"; 10], "disable_after": "2s" });
    stack.create_target("failing", receiver.url(), &fields).await;
    let ids = post(&stack, 0..1).await;
    delivery(&stack, ids[0], "failing", "held").await;
    let target = stack.manage().get("/v1/targets/failing").await.expect(200);
    assert!(target["paused"]["reason"].as_str().is_some_and(|reason| reason.contains("2s")), "{target}");
    assert!(target["failing_since"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_is_lost_when_the_process_is_killed_during_pauses() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    let secret = stack.create_target("audit", receiver.url(), &json!({})).await;
    let mut ids = Vec::new();
    for round in 0..4 {
        stack.manage().post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
        ids.extend(post(&stack, round * 100..round * 100 + 60).await);
        if round % 2 == 1 {
            stack.kill().await;
            stack.restart().await;
        }
        stack.manage().post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
        ids.extend(post(&stack, round * 100 + 60..round * 100 + 100).await);
        // Kill the process in the middle of the replay.
        receiver.wait_for(usize::try_from(round).expect("few") * 100 + 10).await;
        stack.kill().await;
        stack.restart().await;
    }
    for id in ids {
        delivery(&stack, id, "audit", "delivered").await;
    }
    stack.wait_until_idle().await;
    let received = receiver.received();
    for webhook in &received {
        webhook.verify(&secret);
    }
    let mut arrived = numbers(&received);
    let all = arrived.len();
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived, (0..400).collect::<Vec<_>>());
    // Attempts in progress at a kill were not recorded and are repeated: a few for each kill.
    assert!(all <= 400 + 6 * 20, "{all} deliveries of 400 events");
}
