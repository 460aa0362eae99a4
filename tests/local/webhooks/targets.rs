//! Creating, changing and previewing targets.

use e2e::Receiver;
use serde_json::{Value, json};

use crate::start;

#[tokio::test]
async fn migration_manager_log_targets_are_accepted_unchanged() {
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
    wrong["retry_count"] = json!(101);
    let refused = stack.manage().post("/v1/targets", &json!([target("test04"), wrong])).await.expect_problem(422);
    assert_eq!(refused["violations"][0]["pointer"], "/1/retry_count");
    stack.manage().get("/v1/targets/test04").await.expect_problem(404);
    let taken = stack.manage().post("/v1/targets", &json!([target("test06"), target("test01")])).await;
    assert_eq!(taken.expect_problem(422)["violations"][0]["pointer"], "/1/name");
}

#[tokio::test]
async fn migration_manager_field_values_are_accepted() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    let target = json!([{
        "name": "siem.prod", "type": "webhook", "level": "warn", "address": receiver.url(), "username": "",
        "password": "", "ca_cert": "", "retry_count": null, "retry_timeout": "500ms", "scopes": [],
    }]);
    let created = stack.manage().post("/v1/targets", &target).await.expect(201);
    let created = &created["targets"][0];
    assert_eq!((&created["level"], &created["retry_count"]), (&json!("WARN"), &json!(3)));
    assert_eq!((&created["scopes"], &created["retry_timeout"]), (&json!(["lifecycle", "logging"]), &json!("500ms")));

    // The zero values of Go, credentials in the address, and the actions of lifecycle events.
    let address = receiver.url().replace("http://", "http://mm:token@");
    let target = json!({
        "name": "mm", "type": "webhook", "level": "INFO", "address": address, "username": "", "password": "",
        "ca_cert": "", "retry_count": 0, "retry_timeout": "0s", "scopes": ["lifecycle", "logging"],
        "lifecycle_actions": ["batch-created"],
    });
    let created = stack.manage().post("/v1/targets", &target).await.expect(201);
    assert_eq!((&created["username"], &created["retry_count"]), (&json!("mm"), &json!(3)));
    assert_eq!(created["events"], json!(["batch-created", "logging"]));
    let change =
        json!({ "address": address.replace("mm:token", "other:secret"), "lifecycle_actions": ["batch-removed"] });
    let changed = stack.manage().patch("/v1/targets/mm", &change).await.expect(200);
    assert_eq!((&changed["username"], &changed["events"]), (&json!("other"), &json!(["batch-removed", "logging"])));
    stack.manage().delete("/v1/targets/mm").await.expect(204);

    // The name is used in paths, keys and queues.
    stack.manage().get("/v1/targets/siem.prod").await.expect(200);
    let tested = stack.manage().post("/v1/targets/siem.prod/test", &Value::Null).await.expect(200);
    assert_eq!(tested["status"], "delivered", "{tested}");
    let event = tested["event"].as_u64().expect("an id");
    stack.manage().post(&format!("/v1/deliveries/{event}/siem.prod/retry"), &Value::Null).await.expect(202);
    stack.manage().get("/v1/deliveries?target=siem.prod&status=failed").await.expect(200);
    stack.manage().get("/v1/targets/siem.prod/health").await.expect(200);
    stack.wait_until_idle().await;
    stack.manage().delete("/v1/targets/siem.prod").await.expect(204);
}

#[tokio::test]
async fn a_list_of_targets_is_created_completely_or_not_at_all() {
    let stack = start().await;
    let manage = stack.manage();
    let target = |n: usize| json!({ "name": format!("t{n}"), "address": "https://example.com/hook" });
    let (forward, backward): (Value, Value) = ((0..10).map(target).collect(), (0..10).rev().map(target).collect());
    let responses = futures::future::join_all(
        [&forward, &backward, &forward, &backward].map(|all| manage.post("/v1/targets", all)),
    );
    let responses = responses.await;
    let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
    let created: Vec<&e2e::Response> = responses.iter().filter(|response| response.status == 201).collect();
    assert_eq!(created.len(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409, 422].contains(status)), "{statuses:?}");
    let secrets = created[0].json()["targets"].as_array().expect("targets").clone();
    assert!(secrets.iter().all(|target| target["signing_secret"].is_string()), "{secrets:?}");
    let listed = manage.get("/v1/targets").await.expect(200);
    assert_eq!(listed["targets"].as_array().map(Vec::len), Some(10));
    let events = stack.read().get("/v1/events?type=target-created").await.expect(200);
    assert_eq!(events["events"].as_array().map(Vec::len), Some(10), "every creation is logged once");

    // One existing name rejects the whole list.
    let mixed: Value = (10..20).chain([3]).map(target).collect();
    manage.post("/v1/targets", &mixed).await.expect_problem(422);
    manage.get("/v1/targets/t10").await.expect_problem(404);
    // 33 targets fit into one transaction, 34 do not.
    let most: Value = (20..53).map(target).collect();
    assert_eq!(manage.post("/v1/targets", &most).await.expect(201)["targets"].as_array().map(Vec::len), Some(33));
    let more: Value = (60..94).map(target).collect();
    let refused = manage.post("/v1/targets", &more).await.expect_problem(400);
    assert!(refused["detail"].as_str().expect("a detail").contains("33"), "{refused}");
    let long = |n: usize, bytes: usize| {
        let mut long = target(n);
        long["body_template"] = json!("x".repeat(bytes));
        long
    };
    let large: Value = (60..82).map(|n| long(n, 65_000)).collect();
    manage.post("/v1/targets", &large).await.expect(201);
    let larger: Value = (82..106).map(|n| long(n, 65_000)).collect();
    let refused = manage.post("/v1/targets", &larger).await.expect_problem(413);
    assert!(refused["detail"].as_str().expect("a detail").contains("in parts"), "{refused}");
}

#[tokio::test]
async fn one_of_several_concurrent_creations_succeeds() {
    let stack = start().await;
    let manage = stack.manage();
    for round in 0..10 {
        // Created in the same millisecond, these targets differ only in their secrets.
        let target = json!({ "name": format!("t{round}"), "address": "https://example.com/hook" });
        let responses = futures::future::join_all((0..8).map(|_| manage.post("/v1/targets", &target))).await;
        let mut statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    }
}

#[tokio::test]
async fn invalid_fields_are_named_without_repeating_secrets() {
    let stack = start().await;
    let manage = stack.manage();
    let with = |fields: Value| {
        let mut target = json!({ "name": "a", "address": "https://example.com/hook" });
        target.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        target
    };
    let wrong = json!([with(json!({})), with(json!({ "name": "b", "retry_count": "3" }))]);
    let refused = manage.post("/v1/targets", &wrong).await.expect_problem(400);
    assert_eq!(refused["violations"][0]["pointer"], "/1/retry_count", "{refused}");
    assert!(refused["detail"].as_str().expect("a detail").contains("expected a whole number"), "{refused}");
    manage.get("/v1/targets/a").await.expect_problem(404);
    stack.create_target("a", "https://example.com/hook", &json!({})).await;
    for fields in [
        json!({ "headers": "SECRET" }),
        json!({ "headers": ["SECRET"] }),
        json!({ "headers": { "x-a": ["SECRET"] } }),
        json!({ "password": { "a": "SECRET" } }),
        json!({ "authorization": ["SECRET"] }),
        json!({ "username": ["SECRET"] }),
        json!({ "level": ["SECRET"] }),
    ] {
        let pointer = format!("/{}", fields.as_object().expect("fields").keys().next().expect("a field"));
        let name = with(json!({ "name": "b" }));
        let mut new = name.clone();
        new.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        for refused in [
            manage.post("/v1/targets", &new).await,
            manage.post("/v1/targets/preview", &new).await,
            manage.patch("/v1/targets/a", &fields).await,
        ] {
            assert!(!refused.text.contains("SECRET"), "{}", refused.text);
            let refused = refused.expect_problem(400);
            let found = refused["violations"][0]["pointer"].as_str().expect("a pointer");
            assert!(found.starts_with(&pointer), "{refused}");
        }
    }
    let whole = json!("whsec_SECRET");
    for path in ["/v1/targets", "/v1/targets/preview", "/v1/targets/a/rotate", "/v1/targets/a/pause"] {
        let refused = manage.post(path, &whole).await;
        refused.expect_problem(400);
        assert!(!refused.text.contains("SECRET"), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn duplicate_json_keys_are_rejected() {
    let stack = start().await;
    let manage = stack.manage();
    stack.create_target("a", "https://example.com/hook", &json!({})).await;
    let refuse = async |method: reqwest::Method, path: &str, body: &'static str| {
        let request = manage.request(method, path).header("content-type", "application/json");
        let refused = manage.send(request.body(body)).await.expect_problem(400);
        assert!(refused["detail"].as_str().expect("a detail").contains("twice"), "{refused}");
    };
    let post = reqwest::Method::POST;
    let twice = r#"{"name": "b", "address": "https://a.example.com", "address": "https://b.example.com"}"#;
    refuse(post.clone(), "/v1/targets", twice).await;
    refuse(post.clone(), "/v1/targets/preview", twice).await;
    refuse(post.clone(), "/v1/targets/a/rotate", r#"{"overlap": "1h", "overlap": "2h"}"#).await;
    refuse(post, "/v1/targets/a/pause", r#"{"reason": "x", "reason": "y"}"#).await;
    refuse(reqwest::Method::PATCH, "/v1/targets/a", r#"{"headers": {"x-a": "1", "x-a": "2"}}"#).await;
}

#[tokio::test]
async fn header_names_are_case_insensitive() {
    let stack = start().await;
    let manage = stack.manage();
    let headers = json!({ "headers": { "X-Api-Key": "old", "X-Other": "1" } });
    stack.create_target("audit", "https://example.com/hook", &headers).await;
    let changed = manage.patch("/v1/targets/audit", &json!({ "headers": { "X-Api-Key": "new" } })).await.expect(200);
    assert_eq!(changed["secrets"], json!(["signing_secret", "headers.x-api-key", "headers.x-other"]));
    let removed = manage.patch("/v1/targets/audit", &json!({ "headers": { "X-Api-Key": null } })).await.expect(200);
    assert_eq!(removed["secrets"], json!(["signing_secret", "headers.x-other"]));
    let both = json!({ "headers": { "X-Other": null, "x-other": "2" } });
    let refused = manage.patch("/v1/targets/audit", &both).await.expect_problem(422);
    assert_eq!(refused["violations"][0]["pointer"], "/headers", "{refused}");
}

fn etag_of(response: &e2e::Response) -> &str {
    response.headers["etag"].to_str().expect("a tag")
}

#[tokio::test]
async fn updates_honour_if_match() {
    let stack = start().await;
    let manage = stack.manage();
    stack.create_target("audit", "https://example.com/hook", &json!({ "headers": { "x-a": "1", "x-b": "2" } })).await;
    let read = manage.get("/v1/targets/audit").await;
    let etag = etag_of(&read).to_owned();
    assert_eq!(read.expect(200)["secrets"], json!(["signing_secret", "headers.x-a", "headers.x-b"]));
    let change = |etag: &str, body: Value| {
        let request = manage.request(reqwest::Method::PATCH, "/v1/targets/audit").header("if-match", etag);
        manage.send(request.header("content-type", "application/json").body(body.to_string()))
    };
    let changed = change(&etag, json!({ "headers": { "x-a": null }, "timeout": "5s", "description": "ours" })).await;
    assert_ne!(etag_of(&changed), etag);
    let shown = changed.expect(200);
    assert_eq!((&shown["timeout"], &shown["description"]), (&json!("5s"), &json!("ours")));
    assert_eq!(shown["secrets"], json!(["signing_secret", "headers.x-b"]));
    change(&etag, json!({ "timeout": "6s" })).await.expect_problem(412);
    change(&format!("W/{}", etag_of(&changed)), json!({ "timeout": "6s" })).await.expect_problem(412);
    change(&format!("{etag}, {}", etag_of(&changed)), json!({ "timeout": "5s" })).await.expect(200);
    change("*", json!({ "name": "other" })).await.expect_problem(422);
    change("*", json!({ "timeout": "1ms" })).await.expect_problem(422);
    change("*", json!({ "colour": "red" })).await.expect_problem(400);
    assert_eq!(manage.get("/v1/targets/audit").await.expect(200)["timeout"], "5s");
}

#[tokio::test]
async fn secrets_are_neither_shown_nor_stored_in_plain_text() {
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
    let item = stack.database().scan().table_name("config").send().await.expect("a response");
    let stored = format!("{:?}", item.items());
    for secret in ["hunter2-hunter2", "header-s3cret", signing.as_str()] {
        assert!(!shown.contains(secret), "{secret} is shown");
        assert!(!stored.contains(secret), "{secret} is stored");
    }
    let key = std::fs::metadata(stack.data_dir().join("secrets.key")).expect("a key");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn every_change_is_logged_with_the_key_as_actor() {
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
async fn a_target_can_be_previewed_before_its_creation() {
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

#[tokio::test]
async fn audit_events_show_no_credentials_in_addresses_and_templates() {
    let stack = start().await;
    let manage = stack.manage();
    let template = |secret: &str| json!({ "body_template": format!("{{\"routing_key\": \"{secret}\"}}") });
    stack.create_target("slack", "https://hooks.example.com/services/SECRET-1", &template("SECRET-2")).await;
    let change = json!({ "address": "https://hooks.example.com/?token=SECRET-3" });
    manage.patch("/v1/targets/slack", &change).await.expect(200);
    manage.patch("/v1/targets/slack", &template("SECRET-4")).await.expect(200);
    manage.post("/v1/targets/slack/rotate", &Value::Null).await.expect(200);
    // Callers who may change the target see what they have to change.
    assert!(manage.get("/v1/targets/slack").await.text.contains("SECRET-3"));
    manage.delete("/v1/targets/slack").await.expect(204);
    let read = stack.read();
    let found = read.get("/v1/events?source=tidings&order=asc&limit=1000").await;
    let export = read.get("/v1/export?source=tidings&format=ndjson").await;
    for shown in [&found.text, &export.text] {
        assert!(shown.contains("hooks.example.com/***"), "{shown}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
    let found = found.expect(200);
    let [_, modified, template, ..] = &found["events"].as_array().expect("events")[..] else { panic!("{found}") };
    assert_ne!(modified["payload"]["data"]["address"], modified["payload"]["previous"]["address"]);
    assert_ne!(template["payload"]["data"]["body_template"], template["payload"]["previous"]["body_template"]);
}

#[tokio::test]
async fn a_test_uses_the_address_that_was_just_set() {
    let stack = start().await;
    let manage = stack.manage();
    let receivers = [Receiver::start().await, Receiver::start().await];
    stack.create_target("audit", receivers[0].url(), &json!({})).await;
    manage.post("/v1/targets/audit/test", &Value::Null).await.expect(200);
    for change in 1..=6 {
        let new = &receivers[change % 2];
        let before = new.received().len();
        manage.patch("/v1/targets/audit", &json!({ "address": new.url() })).await.expect(200);
        manage.post("/v1/targets/audit/test", &Value::Null).await.expect(200);
        assert_eq!(new.received().len(), before + 1, "change {change}");
    }
    // A target with the same name and another address is another target.
    let before = receivers[1].received().len();
    manage.delete("/v1/targets/audit").await.expect(204);
    stack.create_target("audit", receivers[1].url(), &json!({})).await;
    manage.post("/v1/targets/audit/test", &Value::Null).await.expect(200);
    assert_eq!(receivers[1].received().len(), before + 1);
}

#[tokio::test]
async fn filters_that_match_nothing_are_reported() {
    let stack = start().await;
    let manage = stack.manage();
    let receiver = Receiver::start().await;
    let star = json!({ "projects": ["*"], "environments": ["*"], "sources": ["*"], "events": ["*"] });
    stack.create_target("star", receiver.url(), &star).await;
    let typo = json!({ "name": "typo", "address": receiver.url(), "events": ["no-such-type"] });
    let created = manage.post("/v1/targets", &typo).await.expect(201);
    assert!(created["warnings"][0].as_str().is_some_and(|text| text.contains("no-such-type")), "{created}");
    let event = e2e::unleash_event(1, jiff::Timestamp::now(), "flag", "web", "ada");
    stack.ingest("unleash").post("/v1/events", &event).await.expect(201);
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 1);
    let star = manage.get("/v1/targets/star/health").await.expect(200);
    assert!(star["latest_match_at"].is_string() && star.get("warnings").is_none(), "{star}");
    let typo = manage.get("/v1/targets/typo/health").await.expect(200);
    assert_eq!(typo["latest_match_at"], Value::Null);
    assert_eq!(typo["warnings"], created["warnings"]);
}

#[tokio::test]
async fn imported_events_are_matches_at_the_time_of_their_receipt() {
    let stack = start().await;
    let manage = stack.manage();
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({ "projects": ["web"] })).await;
    stack.create_target("other", receiver.url(), &json!({ "projects": ["mobile"] })).await;
    let latest = async |target: &str| -> Option<jiff::Timestamp> {
        let health = manage.get(&format!("/v1/targets/{target}/health")).await.expect(200);
        health["latest_match_at"].as_str().map(|at| at.parse().expect("a time"))
    };
    assert_eq!(latest("audit").await, None);
    for days in [400, 30] {
        let posted = jiff::Timestamp::now();
        let time = posted - jiff::SignedDuration::from_hours(24 * days);
        let event = e2e::unleash_event(days.unsigned_abs(), time, "flag", "web", "ada");
        stack.ingest("unleash").post("/v1/events", &event).await.expect(201);
        let found = latest("audit").await.expect("a match");
        assert!(found.as_millisecond() >= posted.as_millisecond(), "{found} is before the import of {posted}");
    }
    assert_eq!(latest("other").await, None);
}
