//! Replays of ranges of the log, and retries of failed deliveries.

use std::time::Duration;

use e2e::{MAX_WAIT, Receiver, Stack, within};
use events::EventId;
use model::Retention;
use serde_json::{Value, json};
use store::DeliveryTable;

use super::{delivery, numbers, post};
use crate::start;

async fn wait_until_ended(stack: &Stack, replay: &Value) -> Value {
    let path = format!("/v1/replays/{}", replay["name"].as_str().expect("a name"));
    within(MAX_WAIT, "the end of the replay", || async {
        let replay = stack.manage().get(&path).await.expect(200);
        (replay["state"] != "running").then_some(replay)
    })
    .await
}

#[tokio::test]
async fn a_replay_sends_events_older_than_the_target() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    post(&stack, 0..120).await;
    let secret = stack.create_target("new", receiver.url(), &json!({ "projects": ["even"] })).await;
    let range = "from=2026-05-01T00:00:10Z&to=2026-05-01T00:01:39Z";
    let path = format!("/v1/targets/new/replay?{range}");
    let counted = stack.manage().post(&format!("{path}&dry_run=true"), &Value::Null).await.expect(200);
    assert_eq!(counted["events"], 45, "{counted}");
    assert_eq!(counted["sample"].as_array().map(Vec::len), Some(10));
    assert_eq!(receiver.received().len(), 0);

    let response = stack.manage().post(&path, &Value::Null).await;
    let replay = response.expect(202);
    let location = response.headers["location"].to_str().expect("a path").to_owned();
    assert_eq!(stack.manage().get(&location).await.expect(200)["target"], "new");
    let ended = wait_until_ended(&stack, &replay).await;
    assert_eq!((&ended["state"], &ended["total"], &ended["sent"]), (&json!("done"), &json!(45), &json!(45)));
    let received = receiver.wait_for(45).await;
    stack.wait_until_idle().await;
    assert_eq!(numbers(&received), (10..100).filter(|number: &u64| number.is_multiple_of(2)).collect::<Vec<_>>());
    for webhook in &received {
        webhook.verify(&secret);
    }

    // A second replay sends every event again, under the same id.
    let again = stack.manage().post(&path, &Value::Null).await.expect(202);
    wait_until_ended(&stack, &again).await;
    let received = receiver.wait_for(90).await;
    assert_eq!(received[0].id(), received[45].id());
}

#[tokio::test]
async fn a_replay_can_be_cancelled_and_waits_for_a_paused_target() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    post(&stack, 0..100).await;
    stack.create_target("slow", receiver.url(), &json!({})).await;
    let path = "/v1/targets/slow/replay?from=2026-05-01&rate=5";
    let replay = stack.manage().post(path, &Value::Null).await.expect(202);
    receiver.wait_for(5).await;
    let cancel = format!("/v1/replays/{}/cancel", replay["name"].as_str().expect("a name"));
    assert_eq!(stack.manage().post(&cancel, &Value::Null).await.expect(200)["state"], "cancelled");
    stack.wait_until_idle().await;
    let sent = receiver.received().len();
    assert!(sent < 60, "the cancelled replay sent {sent} of 100 events");
    let path_of = format!("/v1/replays/{}", replay["name"].as_str().expect("a name"));
    assert_eq!(
        stack.manage().get(&path_of).await.expect(200)["sent"],
        sent,
        "the replay counts the events that it sent"
    );

    stack.manage().post("/v1/targets/slow/pause", &Value::Null).await.expect(200);
    let waiting = stack.manage().post(path, &Value::Null).await.expect(202);
    let list = stack.manage().get("/v1/replays").await.expect(200);
    assert_eq!(list["replays"][0]["name"], waiting["name"], "newest first");
    assert_eq!(list["replays"][0]["state"], "running");
    assert_eq!(receiver.received().len(), sent);
}

#[tokio::test]
async fn one_of_several_concurrent_retries_succeeds() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500]);
    stack.create_target("audit", receiver.url(), &json!({ "retry_count": 1 })).await;
    let id = post(&stack, 0..1).await[0];
    delivery(&stack, id, "audit", "failed").await;
    receiver.set_delay(Duration::from_millis(300));
    let path = format!("/v1/deliveries/{id}/audit/retry");
    let manage = stack.manage();
    let asked = futures::future::join_all((0..6).map(|_| manage.post(&path, &Value::Null))).await;
    let mut statuses: Vec<u16> = asked.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409]);
    delivery(&stack, id, "audit", "delivered").await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.count(), 2);

    // While the target is paused, a retry waits for it to be resumed.
    receiver.respond_next(&[500]);
    let id = post(&stack, 1..2).await[0];
    delivery(&stack, id, "audit", "failed").await;
    manage.post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let path = format!("/v1/deliveries/{id}/audit/retry");
    manage.post(&path, &Value::Null).await.expect(202);
    delivery(&stack, id, "audit", "held").await;
    manage.post(&path, &Value::Null).await.expect_problem(409);
    manage.post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    delivery(&stack, id, "audit", "delivered").await;
    assert_eq!(receiver.count(), 4);

    // Deliveries of a removed target are shown as failed in every view.
    manage.post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let id = post(&stack, 2..3).await[0];
    delivery(&stack, id, "audit", "held").await;
    manage.delete("/v1/targets/audit").await.expect(204);
    let listed = async |status: &str| {
        let path = format!("/v1/deliveries?target=audit&status={status}");
        let found = stack.read().get(&path).await.expect(200);
        found["deliveries"].as_array().expect("deliveries").clone()
    };
    within(MAX_WAIT, "the index", || async { (listed("failed").await.len() == 1).then_some(()) }).await;
    let failed = listed("failed").await;
    assert_eq!((&failed[0]["event"], &failed[0]["status"]), (&json!(id), &json!("failed")));
    assert!(failed[0]["last_error"].as_str().is_some_and(|why| why.contains("removed")), "{failed:?}");
    assert_eq!(listed("held,waiting").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_replay_can_select_events_by_time_of_receipt() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let before = post(&stack, 0..2).await;
    let received = stack.read().get(&format!("/v1/events/{}", before[1])).await.expect(200)["received_at"].clone();
    let received: jiff::Timestamp = received.as_str().expect("a time").parse().expect("a time");
    let from = received + jiff::SignedDuration::from_millis(1);
    within(MAX_WAIT, "a later moment", || async { (jiff::Timestamp::now() > from).then_some(()) }).await;
    post(&stack, 2..5).await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    let path = format!("/v1/targets/audit/replay?received_from={from}");
    let matching = stack.manage().post(&format!("{path}&dry_run=true"), &Value::Null).await.expect(200);
    assert_eq!((&matching["events"], matching["sample"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    let replay = stack.manage().post(&path, &Value::Null).await.expect(202);
    assert_eq!(replay["received_from"], from.to_string());
    assert_eq!(wait_until_ended(&stack, &replay).await["sent"], 3);
    stack.wait_until_idle().await;
    assert_eq!(numbers(&receiver.received()), [2, 3, 4]);
    stack.manage().post("/v1/targets/audit/replay", &Value::Null).await.expect_problem(400);
    let wrong = "/v1/targets/audit/replay?received_from=2026-05-02&received_to=2026-05-01";
    assert_eq!(stack.manage().post(wrong, &Value::Null).await.expect_problem(400)["parameter"], "received_from");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_survives_kills_and_sends_nothing_twice() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    let ids = post(&stack, 0..300).await;
    stack.create_target("audit", receiver.url(), &json!({ "timeout": "5s" })).await;
    let replay = stack.manage().post("/v1/targets/audit/replay?from=2026-05-01", &Value::Null).await.expect(202);
    for kill in 1..=3 {
        receiver.wait_for(kill * 60).await;
        stack.kill().await;
        stack.restart().await;
    }
    assert_eq!(wait_until_ended(&stack, &replay).await["state"], "done");
    for id in ids {
        delivery(&stack, id, "audit", "delivered").await;
    }
    stack.wait_until_idle().await;
    let mut arrived = numbers(&receiver.received());
    let all = arrived.len();
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived, (0..300).collect::<Vec<_>>(), "no event is skipped");
    // Requests in progress at a kill were not recorded and are repeated.
    assert!(all <= 300 + 3 * 10, "{all} deliveries of 300 events");
}

#[tokio::test]
async fn the_next_attempt_reports_attempts_lost_to_a_crash() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "timeout": "10s" })).await;
    let mut id = 0;
    for (run, at) in [(false, 0), (true, 1)] {
        receiver.set_delay(Duration::from_mins(5));
        let seen = receiver.count();
        if run {
            stack.manage().post("/v1/targets/audit/replay?from=2026-05-01", &Value::Null).await.expect(202);
        } else {
            id = post(&stack, 0..1).await[0];
        }
        receiver.wait_for(seen + 1).await;
        stack.kill().await;
        receiver.set_delay(Duration::ZERO);
        stack.restart().await;
        // The claim of the lost attempt lasts as long as an attempt may take.
        let attempts = within(MAX_WAIT, "the next attempt", || async {
            let attempts = delivery(&stack, id, "audit", "delivered").await["attempts"].clone();
            (attempts.as_array().map(Vec::len) == Some(at + 1)).then_some(attempts)
        })
        .await;
        assert_eq!(attempts[at]["unrecorded"], 1, "{attempts}");
        assert_eq!(receiver.count(), seen + 2);
    }
}

#[tokio::test]
async fn replays_of_several_targets_share_batches() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let ids = post(&stack, 0..150).await;
    // A batch of ten such messages reads more items than one DynamoDB request can.
    let deliveries = DeliveryTable::new(stack.database(), "deliveries".to_owned(), Retention::new(None, runtime::now));
    let ids: Vec<EventId> = ids.iter().map(|id| id.to_string().parse().expect("an id")).collect();
    let keys: Vec<(EventId, &str)> =
        ids.iter().flat_map(|id| ["a", "b", "c", "d"].map(|target| (*id, target))).collect();
    assert!(deliveries.get_many(&keys).await.expect("a response").is_empty());
    let mut replays = Vec::new();
    for name in ["a", "b", "c", "d"] {
        stack.create_target(name, receiver.url(), &json!({})).await;
        let path = format!("/v1/targets/{name}/replay?from=2026-05-01&to=2026-05-01&rate=1000");
        replays.push(stack.manage().post(&path, &Value::Null).await.expect(202));
    }
    for replay in &replays {
        assert_eq!(wait_until_ended(&stack, replay).await["sent"], 150);
    }
    receiver.wait_for(600).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.count(), 600, "each event is sent once");
}

#[tokio::test]
async fn failed_deliveries_are_retried_individually_and_in_bulk() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    receiver.respond_next(&[500; 8]);
    let fields = json!({ "retry_count": 2, "retry_timeout": "1s" });
    stack.create_target("audit", receiver.url(), &fields).await;
    let ids = post(&stack, 0..4).await;
    for id in &ids {
        delivery(&stack, *id, "audit", "failed").await;
    }
    let list = within(MAX_WAIT, "4 failed", || async {
        let list = stack.read().get("/v1/deliveries?status=failed").await.expect(200);
        (list["deliveries"].as_array().map(Vec::len) == Some(4)).then_some(list)
    })
    .await;
    assert_eq!(list["deliveries"][0]["event"], ids[3], "newest first");
    assert_eq!(list["deliveries"][0]["last_status"], 500);
    assert_eq!(list["deliveries"][0]["attempts"], 2);

    // Retry one delivery; it has all its attempts again.
    receiver.respond_next(&[500]);
    let path = format!("/v1/deliveries/{}/audit/retry", ids[0]);
    stack.manage().post(&path, &Value::Null).await.expect(202);
    let delivered = delivery(&stack, ids[0], "audit", "delivered").await;
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(4), "{delivered}");

    let counted = stack.manage().post("/v1/deliveries/retry?target=audit&dry_run=true", &Value::Null).await.expect(200);
    assert_eq!(counted["failed"], 3);
    let replay = stack.manage().post("/v1/deliveries/retry?target=audit", &Value::Null).await.expect(202);
    assert_eq!(wait_until_ended(&stack, &replay).await["sent"], 3);
    for id in &ids {
        delivery(&stack, *id, "audit", "delivered").await;
    }
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 8 + 2 + 3);
}

#[tokio::test]
async fn pages_of_deliveries_are_complete() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("a", receiver.url(), &json!({})).await;
    stack.create_target("b", receiver.url(), &json!({})).await;
    let ids = post(&stack, 0..5).await;
    receiver.wait_for(10).await;
    stack.wait_until_idle().await;
    let (mut found, mut cursor): (Vec<(u64, String)>, String) = (Vec::new(), String::new());
    loop {
        let page = stack.manage().get(&format!("/v1/deliveries?status=delivered&limit=3{cursor}")).await.expect(200);
        for one in page["deliveries"].as_array().expect("deliveries") {
            found.push((one["event"].as_u64().expect("an id"), one["target"].as_str().expect("a name").to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<(u64, String)> =
        ids.iter().rev().flat_map(|id| ["a", "b"].map(|target| (*id, target.to_owned()))).collect();
    assert_eq!(found, expected);
    stack.manage().get("/v1/deliveries?status=lost").await.expect_problem(400);
    let none = stack.manage().get("/v1/deliveries?target=a&from=2030-01-01").await.expect(200);
    assert_eq!(none["deliveries"], json!([]));
}
