//! Bad input gets a problem document that names the error and its location, never a 500.

use e2e::example;
use reqwest::Method;
use serde_json::json;

use crate::start;

fn valid() -> &'static str {
    example("feature-created").payload
}

#[tokio::test]
async fn keys_are_limited_to_their_permission() {
    let stack = start().await;
    let anonymous = stack.anonymous();
    let well_formed_but_unknown = "tdg_00000000000000000000000000000000000000";
    for api in [anonymous.clone(), anonymous.with_token("nonsense"), anonymous.with_token(well_formed_but_unknown)] {
        let refused = api.post_bytes("/v1/events", valid()).await;
        refused.expect_problem(401);
        assert!(refused.headers.contains_key("www-authenticate"));
        api.get("/v1/events").await.expect_problem(401);
        api.get("/v1/targets").await.expect_problem(401);
    }
    stack.read().post_bytes("/v1/events", valid()).await.expect_problem(403);
    stack.manage().post_bytes("/v1/events", valid()).await.expect_problem(403);
    stack.ingest("unleash").get("/v1/events").await.expect_problem(403);
    stack.ingest("unleash").get("/v1/targets").await.expect_problem(403);
    stack.read().get("/v1/targets").await.expect_problem(403);
}

#[tokio::test]
async fn invalid_bodies_are_rejected_with_reason_and_location() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    for body in [" ", "hello", "{", "[1,", "{\"a\":1}{\"b\":2}"] {
        let problem = unleash.post_bytes("/v1/events", body.to_owned()).await.expect_problem(400);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("JSON")), "{problem}");
    }
    unleash.post_bytes("/v1/events", b"\xff\xfe".to_vec()).await.expect_problem(400);
    for body in ["5", "null", "\"text\"", "{}"] {
        let problem = unleash.post_bytes("/v1/events", body.to_owned()).await.expect_problem(422);
        assert!(problem["violations"].as_array().is_some_and(|v| !v.is_empty()), "{body}: {problem}");
    }
    let mut wrong: serde_json::Value = serde_json::from_str(valid()).expect("JSON");
    wrong["id"] = json!("seven");
    wrong.as_object_mut().expect("an object").remove("createdBy");
    wrong["data"]["name"] = json!(5);
    let problem = unleash.post("/v1/events", &wrong).await.expect_problem(422);
    let violations = problem["violations"].as_array().expect("violations");
    let pointers: Vec<&str> = violations.iter().filter_map(|v| v["pointer"].as_str()).collect();
    assert!(pointers.contains(&"/id") && pointers.contains(&"/data/name"), "{problem}");
    assert!(violations.iter().any(|v| v["keyword"] == "required"), "{problem}");

    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let event = valid().replacen("\"preData\":null", &format!("\"preData\":{deep}"), 1);
    let response = unleash.post_bytes("/v1/events", event).await;
    assert!(matches!(response.status, 400 | 413 | 422), "{}", response.text);
}

#[tokio::test]
async fn oversized_and_unsupported_bodies_are_rejected() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    unleash.post_bytes("/v1/events", " ".repeat(4_600_000)).await.expect_problem(413);
    unleash.post_bytes("/v1/events", format!("[{}]", vec!["{}"; 1001].join(","))).await.expect_problem(413);
    let empty = unleash.post_bytes("/v1/events", "[]").await.expect(200);
    assert_eq!(empty["results"], json!([]));
    for (name, value, status) in [
        ("content-type", "application/xml", 415),
        ("content-encoding", "br", 415),
        ("content-encoding", "gzip", 400),
        ("accept", "text/html", 406),
    ] {
        let request = unleash.request(Method::POST, "/v1/events").header(name, value).body(valid());
        let problem = unleash.send(request).await.expect_problem(status);
        assert_eq!(problem["violations"][0]["keyword"], name);
        // The producer may not repeat the request, so the body is quarantined.
        let id = problem["quarantine"].as_str().expect("a quarantine id");
        let quarantined = stack.manage().get(&format!("/v1/quarantine/unleash/{id}")).await.expect(200);
        assert_eq!(quarantined["body"], valid());
    }
    let bomb = flate2::Compression::best();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), bomb);
    std::io::Write::write_all(&mut bomb, &vec![b' '; 60_000_000]).expect("memory");
    let bomb = bomb.finish().expect("memory");
    let request = unleash.request(Method::POST, "/v1/events").header("content-encoding", "gzip").body(bomb);
    unleash.send(request).await.expect_problem(413);
    let request = unleash.request(Method::POST, "/v1/events").header("content-type", "text/plain").body(valid());
    unleash.send(request).await.expect(201);
}

#[tokio::test]
async fn oversized_event_problems_name_the_limit() {
    let stack = start().await;
    // Random hexadecimal digits compress by half at most.
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    })
    .take(60_000)
    .collect();
    let mut event: serde_json::Value = serde_json::from_str(valid()).expect("JSON");
    event["data"]["description"] = json!(noise);
    let problem = stack.ingest("unleash").post("/v1/events", &event).await.expect_problem(413);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("393216")), "{problem}");
}

#[tokio::test]
async fn unknown_paths_and_methods_get_404_and_405() {
    let stack = start().await;
    for path in ["/v1", "/v1/event", "/nothing", "/ui/0/js/main.js", "/v1/events/1/2/3", "/v1/targets/a/b"] {
        stack.read().get(path).await.expect_problem(404);
    }
    for (method, path) in
        [(Method::PUT, "/v1/events"), (Method::DELETE, "/v1/events/5"), (Method::PATCH, "/v1/targets")]
    {
        let response = stack.manage().send(stack.manage().request(method, path)).await;
        response.expect_problem(405);
        assert!(response.headers.contains_key("allow"), "{path}");
    }
    let response = stack.read().get("/healthz").await;
    assert!(response.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn invalid_parameters_are_named() {
    let stack = start().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("cursor=x", "cursor"),
        ("type=", "type"),
        ("type=a&type=b", "type"),
        ("color=red", "color"),
        ("actor=a,,b", "actor"),
    ] {
        let problem = stack.read().get(&format!("/v1/events?{query}")).await.expect_problem(400);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
    let long = "a".repeat(1025);
    for (query, parameter) in [
        ("source=", "source"),
        ("source=unleash&before=", "before"),
        ("before=x", "before"),
        ("limit=201", "limit"),
        ("from=now", "from"),
        ("reson=json", "reson"),
        (&format!("source=unleash&before={long}"), "before"),
    ] {
        let problem = stack.manage().get(&format!("/v1/quarantine?{query}")).await.expect_problem(400);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
    let all = stack.manage().send(stack.manage().request(Method::POST, "/v1/quarantine/discard")).await;
    assert_eq!(
        all.expect_problem(400)["parameter"],
        "source",
        "a request without a filter must not discard everything"
    );
    for path in
        ["/v1/targets/", "/v1/quarantine?source=", "/v1/quarantine/unleash/", &format!("/v1/quarantine/{long}/")]
    {
        stack.manage().get(&format!("{path}{long}")).await.expect_problem(404);
    }
    stack.manage().delete(&format!("/v1/targets/{long}")).await.expect_problem(404);
    for id in ["x", "-1", "1.5", "9007199254740992"] {
        stack.read().get(&format!("/v1/events/{id}")).await.expect_problem(400);
    }
    for path in ["/v1/events/5", "/v1/events/5/deliveries"] {
        stack.read().get(path).await.expect_problem(404);
    }
}

#[tokio::test]
async fn creation_problems_list_every_violation() {
    let stack = start().await;
    let manage = stack.manage();
    manage.post_bytes("/v1/targets", "{").await.expect_problem(400);
    let unknown = json!({ "name": "a", "address": "https://example.com", "colour": "red" });
    let problem = manage.post("/v1/targets", &unknown).await.expect_problem(400);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("colour")), "{problem}");
    let wrong = json!({ "name": "a b", "address": "example.com", "retry_count": 101 });
    let problem = manage.post("/v1/targets", &wrong).await.expect_problem(422);
    let pointers: Vec<&str> =
        problem["violations"].as_array().expect("violations").iter().filter_map(|v| v["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/name", "/address", "/retry_count"]);
    manage.post("/v1/sources", &json!({ "name": "a", "catalog": "nope" })).await.expect_problem(422);
    manage.post("/v1/keys", &json!({ "name": "a", "scope": "ingest" })).await.expect_problem(422);
    manage.post("/v1/keys", &json!({ "name": "a", "scope": "read", "source": "unleash" })).await.expect_problem(422);
    for source in ["", "nobody", &"a".repeat(1025)] {
        let key = json!({ "name": "a", "scope": "ingest", "source": source });
        manage.post("/v1/keys", &key).await.expect_problem(422);
    }
    manage.post("/v1/keys", &json!({ "name": "a", "scope": "root" })).await.expect_problem(400);
}
