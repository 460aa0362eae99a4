//! Keys: creation, last use, expiry, change and removal.

use e2e::{MAX_WAIT, sample_event, within};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::start;

fn event() -> Value {
    sample_event(1)
}

/// Time after which a key expires in these tests. Requests that set it must arrive before.
const SHORT_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

#[tokio::test]
async fn keys_show_when_they_were_last_used() {
    let stack = start().await;
    let manage = stack.manage();
    let new = json!({ "name": "prod", "scope": "ingest", "source": "unleash" });
    let created = manage.post("/v1/keys", &new).await.expect(201);
    assert_eq!(created["last_used"], Value::Null);
    let prod = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    prod.post("/v1/events", &event()).await.expect(201);
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let last_used = || async {
        let keys = manage.get("/v1/keys").await.expect(200);
        let key =
            keys["keys"].as_array().expect("keys").iter().find(|key| key["name"] == "prod").expect("the key").clone();
        assert!(key.get("token").is_none() && key.get("sha256").is_none(), "{key}");
        key["last_used"].as_str().map(str::to_owned)
    };
    let used = within(MAX_WAIT, "the day of its last use", last_used).await;
    // Midnight may have passed.
    assert!([today, Timestamp::now().strftime("%Y-%m-%d").to_string()].contains(&used), "{used}");

    // A new key of the same name has no last use.
    manage.delete("/v1/keys/prod").await.expect(204);
    manage.post("/v1/keys", &new).await.expect(201);
    assert_eq!(last_used().await, None);
}

#[tokio::test]
async fn expired_keys_are_rejected() {
    let stack = start().await;
    let manage = stack.manage();
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let new = json!({ "name": "brief", "scope": "read", "expires_at": later });
    let created = manage.post("/v1/keys", &new).await.expect(201);
    assert_eq!(created["expires_at"], later.to_string());
    let brief = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    brief.get("/v1/events").await.expect(200);
    let soon = Timestamp::now() + SHORT_LIFE;
    manage.patch("/v1/keys/brief", &json!({ "expires_at": soon })).await.expect(200);
    let refused = within(MAX_WAIT, "the expiry of the key", || async {
        let response = brief.get("/v1/events").await;
        (response.status != 200).then_some(response)
    })
    .await;
    let unknown = stack.anonymous().with_token("tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH").get("/v1/events").await;
    assert_eq!(
        refused.expect_problem(401),
        unknown.expect_problem(401),
        "expired and unknown keys get the same problem"
    );

    let past = json!({ "name": "past", "scope": "read", "expires_at": "2026-01-01T00:00:00Z" });
    assert_eq!(manage.post("/v1/keys", &past).await.expect_problem(422)["violations"][0]["pointer"], "/expires_at");
    manage.post("/v1/keys", &json!({ "name": "x", "scope": "read", "expires_at": "soon" })).await.expect_problem(400);
}

#[tokio::test]
async fn credentials_in_a_url_are_sent_as_basic_auth() {
    let stack = start().await;
    let key = json!({ "name": "mm", "scope": "ingest", "source": "migration-manager" });
    let created = stack.manage().post("/v1/keys", &key).await.expect(201);
    let token = created["token"].as_str().expect("a token");
    let url = stack.url().replace("http://", &format!("http://mm:{token}@"));
    let log = r#"{"time": "2025-12-09T23:17:28", "type": "logging", "metadata": {"level": "INFO", "message": "x"}}"#;
    let sent = reqwest::Client::new()
        .post(format!("{url}/v1/events"))
        .header("content-type", "application/json")
        .body(log)
        .send()
        .await
        .expect("a response");
    assert_eq!(sent.status(), 201);
}

#[tokio::test]
async fn key_expiry_and_source_description_can_be_changed() {
    let stack = start().await;
    let manage = stack.manage();
    let new = json!({ "name": "old", "scope": "read" });
    let token = manage.post("/v1/keys", &new).await.expect(201)["token"].as_str().expect("a token").to_owned();
    let end = Timestamp::now() + SHORT_LIFE;
    assert_eq!(
        manage.patch("/v1/keys/old", &json!({ "expires_at": end })).await.expect(200)["expires_at"],
        end.to_string()
    );
    assert_eq!(manage.get("/v1/keys/old").await.expect(200)["expires_at"], end.to_string());
    let old = stack.anonymous().with_token(&token);
    within(MAX_WAIT, "the expiry of the key", || async { (old.get("/v1/events").await.status == 401).then_some(()) })
        .await;
    let never = manage.patch("/v1/keys/old", &json!({ "expires_at": null })).await.expect(200);
    assert_eq!(never.get("expires_at"), None);
    manage.patch("/v1/keys/old", &json!({})).await.expect(200);
    manage.patch("/v1/keys/old", &json!({ "expires_at": "2026-01-01T00:00:00Z" })).await.expect_problem(422);
    manage.patch("/v1/keys/old", &json!({ "scope": "manage" })).await.expect_problem(400);
    manage.patch("/v1/keys/none", &json!({ "expires_at": null })).await.expect_problem(404);

    let change = json!({ "description": "The flags of production", "catalog": "signal" });
    let source = manage.patch("/v1/sources/unleash", &change).await.expect(200);
    assert_eq!((&source["description"], &source["catalog"]), (&change["description"], &change["catalog"]));
    assert_eq!(manage.get("/v1/sources/unleash").await.expect(200), source);
    let problem = manage.patch("/v1/sources/unleash", &json!({ "catalog": "none" })).await.expect_problem(422);
    assert_eq!(problem["violations"][0]["pointer"], "/catalog");
    manage.patch("/v1/sources/none", &json!({})).await.expect_problem(404);

    let logged =
        stack.read().get("/v1/events?source=tidings&type=key-modified,source-modified&order=asc").await.expect(200);
    let logged: Vec<_> = logged["events"].as_array().expect("events").iter().map(|event| &event["payload"]).collect();
    assert_eq!(logged.len(), 3, "an empty change is not logged: {logged:?}");
    assert_eq!((&logged[0]["data"]["expires_at"], &logged[1]["previous"]["expires_at"]), (&json!(end), &json!(end)));
    assert_eq!((&logged[2]["subject"], &logged[2]["previous"]["catalog"]), (&json!("unleash"), &json!("unleash")));
    assert!(!json!(logged).to_string().contains("sha256"));
}

#[tokio::test]
async fn names_of_tidings_itself_are_reserved() {
    let stack = start().await;
    let manage = &stack.manage();
    let refused = async |path: &'static str, body: Value| {
        let problem = manage.post(path, &body).await.expect_problem(422);
        problem["violations"][0]["pointer"].as_str().expect("a pointer").to_owned()
    };
    for name in ["tidings", "Tidings"] {
        let source = json!({ "name": name, "catalog": "signal" });
        assert_eq!(refused("/v1/sources", source).await, "/name", "{name}");
    }
    assert_eq!(refused("/v1/sources", json!({ "name": "other", "catalog": "tidings" })).await, "/catalog");
    let change = json!({ "catalog": "tidings" });
    assert_eq!(
        manage.patch("/v1/sources/signal", &change).await.expect_problem(422)["violations"][0]["pointer"],
        "/catalog"
    );
    for name in ["tidings", "TIDINGS", "first-manage-key"] {
        assert_eq!(refused("/v1/keys", json!({ "name": name, "scope": "read" })).await, "/name", "{name}");
    }
    let ingest = json!({ "name": "forger", "scope": "ingest", "source": "tidings" });
    assert_eq!(refused("/v1/keys", ingest).await, "/source");

    // The local stack has neither a source nor a key for them.
    let sources = manage.get("/v1/sources").await.expect(200).to_string();
    let keys = manage.get("/v1/keys").await.expect(200).to_string();
    assert!(!sources.contains("\"tidings\"") && !keys.contains("ingest-tidings"), "{sources} {keys}");
}

#[tokio::test]
async fn a_removed_manage_key_cannot_create_its_successor() {
    let stack = start().await;
    let manage = stack.manage();
    let created = manage.post("/v1/keys", &json!({ "name": "stolen", "scope": "manage" })).await.expect(201);
    let stolen = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    // The function may have read its keys less than a second ago.
    let works = || async { (stolen.get("/v1/keys").await.status == 200).then_some(()) };
    within(MAX_WAIT, "the new key", works).await;
    manage.delete("/v1/keys/stolen").await.expect(204);
    stolen.post("/v1/keys", &json!({ "name": "successor", "scope": "manage" })).await.expect_problem(401);
    stolen.patch("/v1/keys/dev-read", &json!({ "expires_at": null })).await.expect_problem(401);
    stolen.delete("/v1/keys/dev-read").await.expect_problem(401);
    manage.get("/v1/keys/successor").await.expect_problem(404);

    // Another key with the same name is another key.
    let created = manage.post("/v1/keys", &json!({ "name": "twice", "scope": "manage" })).await.expect(201);
    let first = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    let works = || async { (first.get("/v1/keys").await.status == 200).then_some(()) };
    within(MAX_WAIT, "the new key", works).await;
    manage.delete("/v1/keys/twice").await.expect(204);
    manage.post("/v1/keys", &json!({ "name": "twice", "scope": "manage" })).await.expect(201);
    first.post("/v1/keys", &json!({ "name": "successor", "scope": "manage" })).await.expect_problem(401);
}

#[tokio::test]
async fn keys_of_a_removed_source_stay_invalid_when_its_name_is_used_again() {
    let stack = start().await;
    let manage = stack.manage();
    let source = json!({ "name": "ci", "catalog": "signal" });
    let key = |name: &str| json!({ "name": name, "scope": "ingest", "source": "ci" });
    let signal = json!({ "type": "deploy" });
    manage.post("/v1/sources", &source).await.expect(201);
    let created = manage.post("/v1/keys", &key("old")).await.expect(201);
    let old = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    old.post("/v1/events", &signal).await.expect(201);
    manage.delete("/v1/sources/ci").await.expect(204);
    manage.post("/v1/sources", &source).await.expect(201);
    let created = manage.post("/v1/keys", &key("new")).await.expect(201);
    let new = stack.anonymous().with_token(created["token"].as_str().expect("a token"));
    // The new key makes the function read the new source.
    within(MAX_WAIT, "the new key to work", || async {
        (new.post("/v1/events", &signal).await.status == 201).then_some(())
    })
    .await;
    old.post("/v1/events", &signal).await.expect_problem(403);
}
