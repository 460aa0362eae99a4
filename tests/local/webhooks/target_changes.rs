//! Changes of targets: conditional requests, concurrency and rejected bodies.

use reqwest::Method;
use serde_json::{Value, json};

use e2e::{Response, Stack};

use crate::start;

/// Starts a stack with a target.
async fn start_with_target() -> Stack {
    let stack = start().await;
    stack.create_target("audit", "https://example.com/hook", &json!({})).await;
    stack
}

fn etag(response: &Response) -> String {
    response.headers["etag"].to_str().expect("a tag").to_owned()
}

/// Sends a request to the target with an `If-Match` header.
async fn send_if_match(stack: &Stack, etag: &str, method: Method, body: &Value) -> Response {
    let manage = stack.manage();
    let request = manage.request(method, "/v1/targets/audit").header("if-match", etag);
    manage.send(request.header("content-type", "application/json").body(body.to_string())).await
}

#[tokio::test]
async fn a_stale_update_does_not_end_a_pause() {
    let stack = start_with_target().await;
    let manage = stack.manage();
    let before = etag(&manage.get("/v1/targets/audit").await);
    manage.post("/v1/targets/audit/pause", &json!({ "reason": "maintenance" })).await.expect(200);
    let paused = manage.get("/v1/targets/audit").await;
    assert_ne!(etag(&paused), before);
    send_if_match(&stack, &before, Method::PATCH, &json!({ "enabled": true })).await.expect_problem(412);
    assert_eq!(manage.get("/v1/targets/audit").await.expect(200)["paused"]["reason"], "maintenance");
    let resumed = send_if_match(&stack, &etag(&paused), Method::PATCH, &json!({ "enabled": true })).await;
    assert_eq!((&resumed.expect(200)["enabled"], etag(&resumed)), (&json!(true), before));
}

#[tokio::test]
async fn removal_honours_if_match() {
    let stack = start_with_target().await;
    let manage = stack.manage();
    let first = etag(&manage.get("/v1/targets/audit").await);
    manage.patch("/v1/targets/audit", &json!({ "timeout": "5s" })).await.expect(200);
    for stale in [first.as_str(), "\"nope\"", "", "W/\"nope\""] {
        send_if_match(&stack, stale, Method::DELETE, &Value::Null).await.expect_problem(412);
    }
    let now = etag(&manage.get("/v1/targets/audit").await);
    send_if_match(&stack, &now, Method::DELETE, &Value::Null).await.expect(204);
    // A new target with the same name and number of changes has another ETag.
    stack.create_target("audit", "https://example.com/hook", &json!({})).await;
    send_if_match(&stack, &first, Method::DELETE, &Value::Null).await.expect_problem(412);
    send_if_match(&stack, "*", Method::DELETE, &Value::Null).await.expect(204);
    send_if_match(&stack, "*", Method::DELETE, &Value::Null).await.expect_problem(404);
}

#[tokio::test]
async fn concurrent_changes_of_different_fields_are_all_applied() {
    let stack = start_with_target().await;
    let manage = stack.manage();
    let fields = [
        json!({ "description": "ours" }),
        json!({ "timeout": "5s" }),
        json!({ "retry_count": 7 }),
        json!({ "projects": ["web"] }),
        json!({ "level": "ERROR" }),
        json!({ "headers": { "x-a": "1" } }),
        json!({ "headers": { "x-b": "2" } }),
        json!({ "retry_timeout": "7s" }),
    ];
    let responses =
        futures::future::join_all(fields.iter().map(|fields| manage.patch("/v1/targets/audit", fields))).await;
    for response in responses {
        response.expect(200);
    }
    let shown = manage.get("/v1/targets/audit").await.expect(200);
    for fields in &fields {
        for (name, value) in fields.as_object().expect("fields").iter().filter(|(name, _)| *name != "headers") {
            assert_eq!(shown[name], *value, "{shown}");
        }
    }
    assert_eq!(shown["secrets"], json!(["signing_secret", "headers.x-a", "headers.x-b"]));
    let events = stack.read().get("/v1/events?type=target-modified").await.expect(200);
    assert_eq!(events["events"].as_array().map(Vec::len), Some(fields.len()), "every change is logged once");
}

#[tokio::test]
async fn one_of_several_concurrent_updates_with_one_etag_succeeds() {
    let stack = start_with_target().await;
    let read = etag(&stack.manage().get("/v1/targets/audit").await);
    let bodies: Vec<Value> = (1..=4).map(|n| json!({ "timeout": format!("{n}s") })).collect();
    let responses = bodies.iter().map(|body| send_if_match(&stack, &read, Method::PATCH, body));
    let mut statuses: Vec<u16> =
        futures::future::join_all(responses).await.iter().map(|response| response.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412]);
}

#[tokio::test]
async fn null_resets_known_fields_only() {
    let stack = start_with_target().await;
    let manage = stack.manage();
    for unknown in ["colour", "descripton", "paused", "secrets"] {
        let refused = manage.patch("/v1/targets/audit", &json!({ unknown: null })).await.expect_problem(400);
        assert_eq!(refused["violations"][0]["pointer"], format!("/{unknown}"), "{refused}");
    }
    manage.patch("/v1/targets/audit", &json!({ "name": null })).await.expect_problem(422);
    manage.patch("/v1/targets/audit", &json!({ "description": "ours", "timeout": "5s" })).await.expect(200);
    manage.post("/v1/targets/audit/pause", &Value::Null).await.expect(200);
    let all = json!({
        "description": null, "type": null, "enabled": null, "timeout": null, "headers": { "x-a": null },
        "username": null, "password": null, "authorization": null, "ca_cert": null, "level": null, "scopes": null,
        "sources": null, "events": null, "projects": null, "environments": null, "include_unscoped": null,
        "retry_count": null, "retry_timeout": null, "retry_schedule": null, "disable_after": null,
        "content_type": null, "body_template": null,
    });
    let shown = manage.patch("/v1/targets/audit", &all).await.expect(200);
    assert_eq!((&shown["timeout"], &shown["enabled"]), (&json!("10s"), &json!(true)));
    assert!(shown.get("description").is_none(), "{shown}");
}

#[tokio::test]
async fn arrays_are_rejected_where_objects_are_expected() {
    let stack = start_with_target().await;
    let manage = stack.manage();
    let target = json!(["audit2", null, null, null, "https://example.com/hook"]);
    let secret = json!(["whsec_QSBzZWNyZXQgZm9yIGFuIGV4YW1wbGUsIG9ubHku", "0s"]);
    for (method, path, body) in [
        (Method::POST, "/v1/targets/audit/rotate", json!([])),
        (Method::POST, "/v1/targets/audit/rotate", secret),
        (Method::POST, "/v1/targets/audit/pause", json!(["because"])),
        (Method::POST, "/v1/targets/preview", target.clone()),
        (Method::POST, "/v1/targets", json!([target])),
        (Method::PATCH, "/v1/targets/audit", json!([])),
        (Method::POST, "/v1/sources", json!(["mine", "signal", null])),
        (Method::PATCH, "/v1/sources/unleash", json!(["signal", null])),
        (Method::POST, "/v1/keys", json!(["mine", "read", null, null])),
        (Method::PATCH, "/v1/keys/dev-read", json!([null])),
    ] {
        let request = manage.request(method.clone(), path).header("content-type", "application/json");
        let refused = manage.send(request.body(body.to_string())).await.expect_problem(400);
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.contains("expected an object"), "{method} {path}: {detail}");
    }
    assert_eq!(manage.get("/v1/targets/audit").await.expect(200)["enabled"], true);
    let problem = manage.post("/v1/targets", &json!([])).await.expect_problem(400);
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("at least one") && !detail.contains("parts"), "{detail}");
}

#[tokio::test]
async fn repeated_and_misplaced_parameters_are_named() {
    let stack = start_with_target().await;
    let post = async |path: &str| stack.manage().post(path, &Value::Null).await.expect_problem(400);
    for (path, name, commas) in [
        ("/v1/deliveries/retry?target=audit&target=audit", "target", false),
        ("/v1/targets/audit/replay?from=2026-05-01&from=2026-05-02", "from", false),
        ("/v1/targets/audit/replay?from=2026-05-01&type=a&type=b", "type", true),
        ("/v1/targets/audit/replay?from=2026-05-01&name=zz", "name", false),
    ] {
        let refused = post(path).await;
        assert_eq!(refused["parameter"], name, "{refused}");
        assert_eq!(refused["detail"].as_str().expect("a detail").contains("commas"), commas, "{refused}");
    }
    let detail = post("/v1/targets/audit/replay?colour=red").await["detail"].to_string();
    assert!(detail.contains("rate") && !detail.contains("name"), "{detail}");
}
