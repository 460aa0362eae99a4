//! A log is copied into one with more shards, while both are at work.

use std::path::Path;
use std::time::Duration;

use e2e::{Receiver, Stack, examples, unleash_event, within};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidings");

#[tokio::test]
async fn resharding_loses_no_events() {
    let (old, mut new) =
        tokio::join!(Stack::start(PROGRAM, &["--shards", "2"]), Stack::start(PROGRAM, &["--shards", "16"]));
    let receiver = Receiver::start().await;
    old.create_target("audit", receiver.url(), &json!({ "scopes": ["lifecycle", "logging", "signal"] })).await;
    for example in examples() {
        old.ingest(example.catalog).post_bytes("/v1/events", example.payload).await.expect(201);
    }
    // Known by its request alone: there is a claim of its own.
    let claimed = post_claimed(&old).await;
    assert_eq!(claimed.0, 201);
    old.ingest("unleash").post_bytes("/v1/events", r#"{"type":"feature-created","id":"seven"}"#).await.expect(422);
    old.wait_until_idle().await;
    let delivered = receiver.received().len();
    assert!(delivered > 100, "{delivered}");

    // The log, while the other has no target that copies could go to.
    assert!(
        reshard(&old, &new, "events", &["--shards", "16"]).await.starts_with(&format!("{} copied", items(&old).await))
    );
    new.wait_until_idle().await;
    let posted = Timestamp::now();
    let since = posted.to_string();
    let late = old.ingest("unleash").post("/v1/events", &event(70_001, posted)).await.expect(201);
    old.wait_until_idle().await;
    assert_eq!(receiver.received().len(), delivered + 1);

    // What has no shards, and the key of the targets' secrets, which on AWS is one of KMS.
    for table in ["config", "quarantine", "deliveries"] {
        reshard(&old, &new, table, &[]).await;
    }
    new.kill().await;
    std::fs::copy(old.data_dir().join("secrets.key"), new.data_dir().join("secrets.key")).expect("the key");
    new.restart().await;
    let told = reshard(&old, &new, "events", &["--shards", "16", "--since", &since]).await;
    assert!(!told.starts_with("0 copied"), "{told}");
    let told = reshard(&old, &new, "events", &["--shards", "16"]).await;
    assert!(told.starts_with("0 copied"), "{told}");

    same_log(&old, &new).await;
    assert_eq!(post_claimed(&new).await, (200, claimed.1), "it is known in the new log too");
    let again = new.ingest("unleash").post("/v1/events", &event(70_001, posted)).await.expect(200);
    assert_eq!(again["id"], late["id"]);
    new.ingest("unleash").post("/v1/events", &event(70_002, posted)).await.expect(201);
    receiver.wait_for(delivered + 2).await;
    new.wait_until_idle().await;
    assert_eq!(receiver.received().len(), delivered + 2, "what the old one had delivered is not delivered again");
}

/// Whether both tell the same of their events, of what became of them, and of the quarantine.
async fn same_log(old: &Stack, new: &Stack) {
    let export = "/v1/export?format=ndjson&limit=5000";
    let (before, after) = (old.read().get(export).await, new.read().get(export).await);
    let events = |text: &str, stack: &str| -> Vec<Value> {
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
        // Each stack tells of changes of its own.
        let events: Vec<Value> = events.filter(|event| event["source"] != "tidings").collect();
        assert!(events.len() > 200, "{} of the {stack}", events.len());
        events
    };
    let before = events(&before.text, "old");
    assert_eq!(before, events(&after.text, "new"));
    for event in before.iter().rev().step_by(20) {
        let path = format!("/v1/events/{}/deliveries", event["id"]);
        let explained = (old.read().get(&path).await.expect(200), new.read().get(&path).await.expect(200));
        assert_eq!(explained.0, explained.1);
    }
    for search in ["type=feature-created", "project=default", "entity=/1.0/instances/a", "q=strategy&total=exact"] {
        let path = format!("/v1/events?limit=1000&source=unleash,migration-manager,signal&{search}");
        let wanted = old.read().get(&path).await.expect(200);
        within(Duration::from_secs(10), search, || async {
            let found = new.read().get(&path).await.expect(200);
            (found["events"] == wanted["events"] && found["total"] == wanted["total"]).then_some(())
        })
        .await;
    }
    let quarantine = "/v1/quarantine?source=unleash";
    let kept = (old.manage().get(quarantine).await.expect(200), new.manage().get(quarantine).await.expect(200));
    assert_eq!(kept.0["quarantined"].as_array().map(Vec::len), Some(1));
    assert_eq!(kept.0, kept.1);
}

fn event(number: u64, at: Timestamp) -> Value {
    unleash_event(number, at, "dark-mode", "web", "ada")
}

/// Posts an event without a time and id of its own, under its request's.
async fn post_claimed(stack: &Stack) -> (u16, Value) {
    let api = stack.ingest("signal");
    let request = api.request(reqwest::Method::POST, "/v1/events").header("idempotency-key", "request-1");
    let response = api.send(request.header("content-type", "application/json").body(r#"{"alert":"full"}"#)).await;
    (response.status, response.json()["id"].clone())
}

/// How many items there are in the table of events.
async fn items(stack: &Stack) -> i32 {
    stack.database().scan().table_name("events").send().await.expect("a scan").count()
}

/// What `tidings reshard` says of one table.
async fn reshard(from: &Stack, to: &Stack, table: &str, arguments: &[&str]) -> String {
    let done = Command::new(PROGRAM)
        .args(["reshard", "--from", table, "--to", table])
        .args(["--from-endpoint", &endpoint(from.data_dir()), "--to-endpoint", &endpoint(to.data_dir())])
        .args(arguments)
        .env("AWS_REGION", "local")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .output()
        .await
        .expect("the program runs");
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    told
}

fn endpoint(data: &Path) -> String {
    let dev = std::fs::read_to_string(data.join("dev.json")).expect("dev.json");
    let dev: Value = serde_json::from_str(&dev).expect("JSON");
    dev["aws"]["dynamodb"].as_str().expect("an endpoint").to_owned()
}
