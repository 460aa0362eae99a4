//! Setting targets up.

use e2e::Receiver;
use serde_json::{Value, json};

use crate::start;

#[tokio::test]
async fn migration_managers_log_targets_are_taken_as_they_are() {
    let stack = start().await;
    let target = |name: &str| {
        json!({
            "name": name, "type": "webhook", "level": "DEBUG", "address": "http://example.com/1.0/log",
            "username": "", "password": "", "ca_cert": "", "retry_count": 3, "retry_timeout": "10s",
            "scopes": ["lifecycle", "logging"],
        })
    };
    stack.manage().post("/v1/targets", &target("test01")).await.expect(201);
    let both = stack.manage().post("/v1/targets", &json!([target("test02"), target("test03")])).await.expect(201);
    assert_eq!(both["targets"][1]["name"], "test03");
    assert!(both["targets"][1]["signing_secret"].is_string());

    let mut wrong = target("test05");
    wrong["retry_count"] = json!(0);
    let refused = stack.manage().post("/v1/targets", &json!([target("test04"), wrong])).await.expect_problem(422);
    assert_eq!(refused["violations"][0]["pointer"], "/1/retry_count");
    stack.manage().get("/v1/targets/test04").await.expect_problem(404);
    let taken = stack.manage().post("/v1/targets", &json!([target("test06"), target("test01")])).await;
    assert_eq!(taken.expect_problem(422)["violations"][0]["pointer"], "/1/name");
}

#[tokio::test]
async fn a_change_is_for_the_version_that_was_read() {
    let stack = start().await;
    let manage = stack.manage();
    stack.create_target("audit", "https://example.com/hook", &json!({ "headers": { "x-a": "1", "x-b": "2" } })).await;
    let read = manage.get("/v1/targets/audit").await;
    let tag = read.headers["etag"].to_str().expect("a tag").to_owned();
    assert_eq!(read.expect(200)["secrets"], json!(["signing_secret", "headers.x-a", "headers.x-b"]));
    let change = |tag: &str, body: Value| {
        let request = manage.request(reqwest::Method::PATCH, "/v1/targets/audit").header("if-match", tag);
        manage.send(request.header("content-type", "application/json").body(body.to_string()))
    };
    let changed = change(&tag, json!({ "headers": { "x-a": null }, "timeout": "5s", "description": "ours" })).await;
    assert_ne!(changed.headers["etag"], tag.as_str());
    let shown = changed.expect(200);
    assert_eq!((&shown["timeout"], &shown["description"]), (&json!("5s"), &json!("ours")));
    assert_eq!(shown["secrets"], json!(["signing_secret", "headers.x-b"]));
    change(&tag, json!({ "timeout": "6s" })).await.expect_problem(412);
    change("*", json!({ "name": "other" })).await.expect_problem(422);
    change("*", json!({ "timeout": "1ms" })).await.expect_problem(422);
    change("*", json!({ "colour": "red" })).await.expect_problem(400);
    assert_eq!(manage.get("/v1/targets/audit").await.expect(200)["timeout"], "5s");
}

#[tokio::test]
async fn secrets_are_neither_shown_nor_stored_as_they_are() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let fields = json!({ "username": "mm", "password": "hunter2-hunter2", "headers": { "x-key": "header-s3cret" } });
    let signing = stack.create_target("audit", receiver.url(), &fields).await;
    let tested = stack.manage().post("/v1/targets/audit/test", &Value::Null).await;
    tested.expect(200);
    let mut shown = tested.text;
    for path in ["/v1/targets", "/v1/targets/audit", "/v1/events?source=tidings", "/v1/deliveries"] {
        let api = if path.starts_with("/v1/events") { stack.read() } else { stack.manage() };
        shown.push_str(&api.get(path).await.text);
    }
    let item = stack.database().scan().table_name("config").send().await.expect("an answer");
    let stored = format!("{:?}", item.items());
    for secret in ["hunter2-hunter2", "header-s3cret", signing.as_str()] {
        assert!(!shown.contains(secret), "{secret} is shown");
        assert!(!stored.contains(secret), "{secret} is stored");
    }
    let key = std::fs::metadata(stack.data_dir().join("secrets.key")).expect("a key");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn every_change_is_an_event_with_the_key_as_its_actor() {
    let stack = start().await;
    let manage = stack.manage();
    stack.create_target("audit", "https://example.com/hook", &json!({})).await;
    manage.patch("/v1/targets/audit", &json!({ "level": "ERROR" })).await.expect(200);
    manage.post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    manage.post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    manage.delete("/v1/targets/audit").await.expect(204);
    manage.post("/v1/sources", &json!({ "name": "s", "catalog": "signal" })).await.expect(201);
    manage.post("/v1/keys", &json!({ "name": "k", "scope": "read" })).await.expect(201);
    manage.delete("/v1/keys/k").await.expect(204);
    manage.delete("/v1/sources/s").await.expect(204);
    let found = stack.read().get("/v1/events?catalog=tidings&order=asc&limit=1000").await.expect(200);
    let events = found["events"].as_array().expect("events");
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    assert_eq!(
        types,
        [
            "target-created",
            "target-modified",
            "target-paused",
            "target-resumed",
            "target-removed",
            "source-created",
            "key-created",
            "key-removed",
            "source-removed",
        ]
    );
    assert!(events.iter().all(|event| event["actor"] == "dev-manage" && event["subject"].is_string()), "{found}");
    assert_eq!(events[1]["payload"]["previous"]["level"], "DEBUG");
    assert_eq!(events[1]["payload"]["data"]["level"], "ERROR");
}

#[tokio::test]
async fn a_target_can_be_tried_before_it_is_there() {
    let stack = start().await;
    for name in ["s1", "s2", "s3"] {
        stack.manage().post("/v1/sources", &json!({ "name": name, "catalog": "signal" })).await.expect(201);
    }
    let new = json!({ "name": "later", "address": "https://example.com", "sources": ["tidings"] });
    let preview = stack.manage().post("/v1/targets/preview", &new).await.expect(200);
    assert_eq!(preview["events"], 3, "{preview}");
    assert_eq!(preview["sample"][0]["type"], "source-created");
    let wrong = json!({ "name": "later", "address": "example.com" });
    stack.manage().post("/v1/targets/preview", &wrong).await.expect_problem(422);
    stack.manage().get("/v1/targets/later").await.expect_problem(404);
}
