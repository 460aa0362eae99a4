//! Resharding: a log is copied into one with more shards while both stacks are running.

use e2e::{MAX_WAIT, Receiver, Stack, examples, unleash_event, within};
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
    // Deduplicated by its idempotency key only, which is stored as an item of its own.
    let claimed = post_claimed(&old).await;
    assert_eq!(claimed.0, 201);
    old.ingest("unleash").post_bytes("/v1/events", r#"{"type":"feature-created","id":"seven"}"#).await.expect(422);
    old.wait_until_idle().await;
    let delivered = receiver.received().len();
    assert!(delivered > 100, "{delivered}");

    // Copy the events first: the new stack has no targets yet that would receive copies.
    assert!(
        reshard(&old, &new, "events", &["--shards", "16"]).await.starts_with(&format!("{} copied", items(&old).await))
    );
    new.wait_until_idle().await;
    let posted = Timestamp::now();
    let since = posted.to_string();
    let late = old.ingest("unleash").post("/v1/events", &event(70_001, posted)).await.expect(201);
    old.wait_until_idle().await;
    assert_eq!(receiver.received().len(), delivered + 1);

    // Tables without shards, and the key of the targets' secrets (on AWS, a KMS key).
    for table in ["config", "quarantine", "deliveries"] {
        reshard(&old, &new, table, &[]).await;
    }
    new.kill().await;
    std::fs::copy(old.data_dir().join("secrets.key"), new.data_dir().join("secrets.key")).expect("the key");
    new.restart().await;
    let output = reshard(&old, &new, "events", &["--shards", "16", "--since", &since]).await;
    assert!(!output.starts_with("0 copied"), "{output}");
    let output = reshard(&old, &new, "events", &["--shards", "16"]).await;
    assert!(output.starts_with("0 copied"), "{output}");

    assert_same_log(&old, &new).await;
    assert_eq!(post_claimed(&new).await, (200, claimed.1), "the new log knows the idempotency key");
    let again = new.ingest("unleash").post("/v1/events", &event(70_001, posted)).await.expect(200);
    assert_eq!(again["id"], late["id"]);
    new.ingest("unleash").post("/v1/events", &event(70_002, posted)).await.expect(201);
    receiver.wait_for(delivered + 2).await;
    new.wait_until_idle().await;
    assert_eq!(receiver.received().len(), delivered + 2, "events that the old stack delivered are not delivered again");
}

/// Checks that both stacks have the same events, deliveries and quarantine.
async fn assert_same_log(old: &Stack, new: &Stack) {
    let export = "/v1/export?format=ndjson&limit=5000";
    let (before, after) = (old.read().get(export).await, new.read().get(export).await);
    let events = |text: &str, stack: &str| -> Vec<Value> {
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
        // Each stack logs its own configuration changes.
        let events: Vec<Value> = events.filter(|event| event["source"] != "tidings").collect();
        assert!(events.len() > 200, "{} events in the {stack} stack", events.len());
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
        within(MAX_WAIT, search, || async {
            let found = new.read().get(&path).await.expect(200);
            (found["events"] == wanted["events"] && found["total"] == wanted["total"]).then_some(())
        })
        .await;
    }
    let quarantine = "/v1/quarantine?source=unleash";
    let lists = (old.manage().get(quarantine).await.expect(200), new.manage().get(quarantine).await.expect(200));
    assert_eq!(lists.0["quarantined"].as_array().map(Vec::len), Some(1));
    assert_eq!(lists.0, lists.1);
}

fn event(number: u64, at: Timestamp) -> Value {
    unleash_event(number, at, "dark-mode", "web", "ada")
}

/// Posts an event without a time or an id, with an idempotency key.
async fn post_claimed(stack: &Stack) -> (u16, Value) {
    let api = stack.ingest("signal");
    let request = api.request(reqwest::Method::POST, "/v1/events").header("idempotency-key", "request-1");
    let response = api.send(request.header("content-type", "application/json").body(r#"{"alert":"full"}"#)).await;
    (response.status, response.json()["id"].clone())
}

/// Returns the number of items in the events table, apart from pack's fence, which is not copied.
async fn items(stack: &Stack) -> i32 {
    let scan = stack.database().scan().table_name("events").filter_expression("pk <> :fence");
    let fence = aws_sdk_dynamodb::types::AttributeValue::S("P".to_owned());
    scan.expression_attribute_values(":fence", fence).send().await.expect("a scan").count()
}

/// Runs `tidings reshard` for one table and returns its output.
async fn reshard(from: &Stack, to: &Stack, table: &str, arguments: &[&str]) -> String {
    let done = Command::new(PROGRAM)
        .args(["reshard", "--from", table, "--to", table])
        .arg("--from-endpoint")
        .arg(from.data_dir().join("dev.json"))
        .arg("--to-endpoint")
        .arg(to.data_dir().join("dev.json"))
        .args(arguments)
        // Nothing listens on the discard port: a request through this proxy would fail.
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:9")))
        .output()
        .await
        .expect("the program runs");
    let output = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{output}{}", String::from_utf8_lossy(&done.stderr));
    output
}
