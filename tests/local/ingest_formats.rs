//! Ingest: every accepted format of an event or a batch.

use std::io::Write;

use e2e::{Api, Response, Stack, sample_event};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

fn event(id: u64) -> Value {
    sample_event(id)
}

/// Posts a body with these headers.
async fn post(api: &Api, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Response {
    let request = api.request(Method::POST, "/v1/events").body(body);
    api.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

async fn read(stack: &Stack, stored: &Value) -> Value {
    stack.read().get(&format!("/v1/events/{}", stored["id"])).await.expect(200)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn compressed_bodies_are_accepted() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    let body = event(1).to_string();
    let stored = post(&unleash, &[("content-encoding", "gzip")], gzip(&body)).await.expect(201);
    let zstd = zstd::encode_all(body.as_bytes(), 0).expect("memory");
    let again = post(&unleash, &[("content-encoding", "zstd")], zstd).await.expect(200);
    assert_eq!(again["id"], stored["id"]);
    assert_eq!(read(&stack, &stored).await["payload"], event(1));
}

#[tokio::test]
async fn ndjson_bodies_hold_one_event_per_line() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    let body = format!("{}\r\n\n{{\"id\": \n{}\n", event(1), event(2));
    let response = post(&unleash, &[("content-type", "application/x-ndjson")], body).await.expect(207);
    let results = response["results"].as_array().expect("results");
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["stored", "quarantined", "stored"]);
    assert_eq!(results[1]["violations"][0]["keyword"], "json");
    assert_eq!(read(&stack, &results[2]).await["payload"], event(2));
}

#[tokio::test]
async fn bodies_without_a_content_type_are_read_as_json() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    post(&unleash, &[], event(1).to_string()).await.expect(201);
    post(&unleash, &[("content-type", "text/plain; charset=utf-8")], event(2).to_string()).await.expect(201);
    post(&unleash, &[], format!("\u{feff}{}", event(3))).await.expect(201);
    let nothing = unleash.send(unleash.request(Method::POST, "/v1/events").header("content-length", "0")).await;
    nothing.expect_problem(400);
    unleash.send(unleash.request(Method::POST, "/v1/events")).await.expect_problem(411);
}

fn envelope(id: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/ci", "type": "deployed", "subject": "web-7",
        "time": "2026-05-01T10:00:00Z", "data": data,
    })
}

#[tokio::test]
async fn cloudevents_carry_signals_in_three_modes() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    let data = json!({ "project": "web", "version": 7 });
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let stored = post(&signal, &structured, envelope("1", &data).to_string()).await.expect(201);
    let event = read(&stack, &stored).await;
    assert_eq!(event["payload"], data, "the event is the `data` member");
    assert_eq!((&event["type"], &event["subject"]), (&json!("deployed"), &json!("web-7")));
    assert_eq!((&event["time"], &event["project"]), (&json!("2026-05-01T10:00:00Z"), &json!("web")));

    let binary = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/ci"),
        ("ce-type", "deployed"),
        ("ce-subject", "web-7"),
        ("ce-time", "2026-05-01T10:00:00Z"),
    ];
    let again = post(&signal, &binary, data.to_string()).await.expect(200);
    assert_eq!(again["id"], stored["id"], "the event is the same in both modes");

    let batch = [("content-type", "application/cloudevents-batch+json")];
    let body = json!([envelope("1", &data), envelope("2", &data), { "id": 3 }, envelope("3", &Value::Null)]);
    let response = post(&signal, &batch, body.to_string()).await.expect(207);
    let statuses: Vec<&Value> =
        response["results"].as_array().expect("results").iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["duplicate", "stored", "quarantined", "stored"]);
    assert_eq!(post(&signal, &batch, "[]").await.expect(200)["results"], json!([]));

    let wrong = post(&signal, &[("ce-specversion", "1.0"), ("ce-id", "9")], "{}").await.expect_problem(422);
    let pointers: Vec<&Value> =
        wrong["violations"].as_array().expect("violations").iter().map(|violation| &violation["pointer"]).collect();
    assert_eq!(pointers, ["/source", "/type"]);
}

#[tokio::test]
async fn cloudevents_may_carry_events_of_any_catalog() {
    let stack = start().await;
    let structured = [("content-type", "application/cloudevents+json")];
    let stored = post(&stack.ingest("unleash"), &structured, envelope("x", &event(7)).to_string()).await.expect(201);
    let found = read(&stack, &stored).await;
    assert_eq!((&found["type"], &found["payload"]), (&json!("feature-created"), &event(7)));
    let plain = stack.ingest("unleash").post("/v1/events", &event(7)).await.expect(200);
    assert_eq!(plain["id"], stored["id"], "the event's own id identifies it");
}

#[tokio::test]
async fn any_object_is_a_valid_signal() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    let sent = json!({
        "type": "alert", "time": "2026-05-01T10:00:00.5", "project": "web", "environment": "production", "more": [1],
    });
    let stored = signal.post("/v1/events", &sent).await.expect(201);
    let event = read(&stack, &stored).await;
    assert_eq!((&event["scope"], &event["type"]), (&json!("signal"), &json!("alert")));
    assert_eq!((&event["time"], &event["time_given"]), (&json!("2026-05-01T10:00:00.5Z"), &json!(true)));
    assert_eq!((&event["project"], &event["environment"]), (&json!("web"), &json!("production")));

    let event = read(&stack, &signal.post("/v1/events", &json!({})).await.expect(201)).await;
    assert_eq!((&event["time"], &event["time_given"]), (&event["received_at"], &json!(false)));
    signal.post("/v1/events", &json!("text")).await.expect_problem(422);
}

#[tokio::test]
async fn times_of_signals_are_read_or_rejected() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    for (time, utc) in [
        ("1777627800", "2026-05-01T09:30:00Z"),
        ("1777627800123", "2026-05-01T09:30:00.123Z"),
        ("1777627800.5", "2026-05-01T09:30:00.5Z"),
        (r#""2026-05-01 09:30:00""#, "2026-05-01T09:30:00Z"),
        (r#""2026-05-01T09:30Z""#, "2026-05-01T09:30:00Z"),
        (r#""2026-05-01T09:30:00+0200""#, "2026-05-01T07:30:00Z"),
    ] {
        let stored =
            signal.post_bytes("/v1/events", format!(r#"{{"type": "read", "time": {time}}}"#)).await.expect(201);
        let event = read(&stack, &stored).await;
        assert_eq!((&event["time"], &event["time_given"]), (&json!(utc), &json!(true)), "{time}");
    }
    for time in [
        r#""2026-05-01""#,
        r#""yesterday""#,
        r#""Fri, 01 May 2026 09:30:00 GMT""#,
        r#""2026-05-01T09:30:00+25:00""#,
        r#""2026-05-01T12:34:60Z""#,
        "20260501",
        "true",
    ] {
        let body = format!(r#"{{"type": "unread", "time": {time}}}"#);
        let problem = signal.post_bytes("/v1/events", body).await.expect_problem(422);
        let violation = &problem["violations"][0];
        assert_eq!((&violation["pointer"], &violation["keyword"]), (&json!("/time"), &json!("time")), "{time}");
        assert!(problem["quarantine"].is_string(), "{time}");
    }
    for (from, found) in [("1777627800123", 2), ("2026-05-01%2009:30", 5), ("2026-05-01T09:30:00.6", 0)] {
        let path = format!("/v1/events?type=read&from={from}&total=exact");
        assert_eq!(stack.read().get(&path).await.expect(200)["total"], found, "{from}");
    }
    stack.read().get("/v1/events?from=2026-05-01T09:30:00%2B25:00").await.expect_problem(400);
}

#[tokio::test]
async fn misaddressed_events_are_kept() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    for path in ["/v1/events/", "//v1/events", "//v1//events//?a=b"] {
        let stored = signal.post(path, &json!({ "type": "slash", "path": path })).await.expect(201);
        assert_eq!(read(&stack, &stored).await["payload"]["path"], path);
    }
    for method in [Method::PUT, Method::PATCH] {
        let body = json!({ "type": "method", "method": method.as_str() }).to_string();
        let response = signal.send(signal.request(method.clone(), "/v1/events").body(body.clone())).await;
        assert!(response.headers["allow"].to_str().expect("text").contains("POST"));
        let problem = response.expect_problem(405);
        let path = format!("/v1/quarantine/signal/{}", problem["quarantine"].as_str().expect("an id"));
        assert_eq!(stack.manage().get(&path).await.expect(200)["body"], body);
        let reingest = stack.manage().request(Method::POST, &format!("{path}/replay"));
        assert_eq!(stack.manage().send(reingest).await.expect(200)["status"], "stored");
    }
    stack.read().get("/v1/events/").await.expect_problem(404);
}

#[tokio::test]
async fn cloudevents_that_two_readers_would_read_differently_are_rejected() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    let attributes = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")];
    let with = |name, value| [&attributes[..], &[(name, value)]].concat();
    let problem = post(&signal, &with("ce-subject", "%FF"), "{}").await.expect_problem(422);
    assert_eq!(problem["violations"][0]["pointer"], "/subject");
    post(&signal, &with("ce-id", "2"), "{}").await.expect_problem(422);
    let stored = post(&signal, &with("ce-subject", "\"a b\""), "{}").await.expect(201);
    assert_eq!(read(&stack, &stored).await["subject"], "a b");

    let array = r#"["1.0", "id1", "/src", "x", null, null, {"x": 1}, null]"#;
    let structured = [("content-type", "application/cloudevents+json")];
    let problem = post(&signal, &structured, array).await.expect_problem(422);
    assert!(problem["violations"][0]["message"].as_str().expect("text").contains("expected an object"), "{problem}");
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let results = post(&signal, &batch, format!("[{array}]")).await.expect(207);
    assert_eq!(results["results"][0]["status"], "quarantined");
    let problem = post(&signal, &batch, envelope("1", &json!({})).to_string()).await.expect_problem(400);
    assert!(problem["detail"].as_str().expect("text").contains("application/cloudevents+json"), "{problem}");
    let mut late = envelope("2", &json!({}));
    late["time"] = json!("9999-12-31T23:59:59Z");
    let problem = post(&signal, &structured, late.to_string()).await.expect_problem(422);
    assert_eq!(problem["violations"][0]["pointer"], "/time");
    assert!(problem["violations"][0]["message"].as_str().expect("text").contains("9999-12-31T23:59:59Z"), "{problem}");
}

#[tokio::test]
async fn ambiguous_json_is_rejected() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    for (body, keyword) in [
        (r#"{"type": "a", "type": "b"}"#, "duplicate"),
        (r#"{"name": "\ud83d"}"#, "json"),
        (r#"{"size": 1e999}"#, "json"),
        (r#"{"time": "1999-12-31T23:59:59Z"}"#, "time"),
        (r#"{"time": "2100-01-01T00:00:00Z"}"#, "time"),
    ] {
        let problem = signal.post_bytes("/v1/events", body).await.expect_problem(422);
        assert_eq!(problem["violations"][0]["keyword"], keyword, "{body}");
        let id = problem["quarantine"].as_str().expect("an id");
        assert_eq!(stack.manage().get(&format!("/v1/quarantine/signal/{id}")).await.expect(200)["body"], body);
    }
    let odd = r#"{"type": "\u0000", "big": 123456789012345678901234567890, "text":"\u00e9"}"#;
    let stored = signal.post_bytes("/v1/events", odd).await.expect(201);
    let response = stack.read().get(&format!("/v1/events/{}", stored["id"])).await;
    assert!(response.text.contains(odd), "not stored byte for byte: {}", response.text);
}

#[tokio::test]
async fn large_events_are_stored_if_they_compress_well() {
    let stack = start().await;
    let mut large = event(1);
    large["data"]["description"] = json!("all work and no play ".repeat(200_000));
    let stored = stack.ingest("unleash").post("/v1/events", &large).await.expect(201);
    assert_eq!(read(&stack, &stored).await["payload"], large);
}
