//! Sends random requests to the function. It never panics and never answers with 500, and the events that it reports as
//! stored are stored.
//!
//! `cargo xtask fuzz` runs this test for five minutes; by default it takes a few seconds.

use std::collections::BTreeSet;
use std::time::Instant;

use e2e::examples;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config as Settings, TestRunner};

use super::*;

/// Duration in seconds if `FUZZ_SECONDS` is not set.
const DEFAULT_FUZZ_SECONDS: u64 = 5;

/// Status codes that the function may answer with.
const EXPECTED_STATUSES: [u16; 13] = [200, 201, 207, 400, 401, 403, 404, 405, 406, 411, 413, 415, 422];

#[derive(Debug, Clone)]
struct RandomRequest {
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A header that the function reads.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    let media = select(vec![
        "application/json",
        "application/x-ndjson",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain; charset=utf-16",
        "application/octet-stream",
        "application/vnd.a+json",
        ";",
        "",
    ]);
    let any = "[ -~]{0,20}";
    prop_oneof![
        6 => media.prop_map(|value| ("content-type", value.to_owned())),
        2 => select(vec!["gzip", "zstd", "identity", "br", "gzip, gzip"]).prop_map(|c| ("content-encoding", c.to_owned())),
        1 => select(vec!["*/*", "text/html", "application/json;q=0", ",;"]).prop_map(|a| ("accept", a.to_owned())),
        2 => any.prop_map(|value| ("idempotency-key", value)),
        1 => any.prop_map(|value| ("webhook-id", value)),
        1 => select(vec!["1.0", "0.3", ""]).prop_map(|value| ("ce-specversion", value.to_owned())),
        1 => any.prop_map(|value| ("ce-id", value)),
        1 => any.prop_map(|value| ("ce-type", value)),
        1 => any.prop_map(|value| ("ce-source", value)),
        1 => any.prop_map(|value| ("ce-time", value)),
        1 => select(vec!["%FF", "\"a b\"", "\"\\\"\"", "%", "\"%C3%A9\""]).prop_map(|value| ("ce-subject", value.to_owned())),
    ]
}

/// JSON that is an event, or similar to one.
fn text() -> impl Strategy<Value = String> {
    let payloads: Vec<&'static str> = examples().into_iter().map(|example| example.payload).collect();
    let odd = select(vec![
        "{}",
        "[]",
        "[{}]",
        "null",
        "\u{feff}{}",
        "{\"a\":1,\"a\":2}",
        "\"\\ud800\"",
        "1e999",
        "[[[[[[",
        "{\"type\":\"\\u0000\"}",
        "{\"time\":\"2026-13-01T00:00:00Z\"}",
        "{\"time\":\"1999-01-01T00:00:00\"}",
        "{\"specversion\":\"1.0\"}",
        "{\"time\":1780315200}",
        "{\"time\":1780315200123.5}",
        "{\"time\":-1e300}",
        "{\"time\":\"2026-05-01 09:30:00,5+0200\"}",
        "{\"time\":\"2026-05-01T09:30:60+24:00\"}",
        "{\"time\":\"9999-12-31T23:59:60Z\"}",
        "[\"1.0\",\"1\",\"/\",\"t\",null,null,{},null]",
        "{\"specversion\":\"1.0\",\"id\":[1],\"source\":\"\\ud800\",\"type\":\"t\",\"time\":\"9999-12-31T23:59:59Z\"}",
    ]);
    let one =
        prop_oneof![4 => select(payloads).prop_map(str::to_owned), 2 => odd.prop_map(str::to_owned), 1 => ".{0,40}"];
    let one = (one, any::<Index>(), any::<Index>(), "[\\x00-\\x7f]{0,3}", any::<bool>()).prop_map(
        |(mut text, from, to, put, change)| {
            if change && text.is_ascii() && !text.is_empty() {
                let (a, b) = (from.index(text.len()), to.index(text.len()));
                text.replace_range(a.min(b)..a.max(b).min(a.min(b) + 8), &put);
            }
            text
        },
    );
    prop_oneof![
        3 => one.clone(),
        1 => prop::collection::vec(one.clone(), 0..8).prop_map(|all| format!("[{}]", all.join(","))),
        1 => prop::collection::vec(one.clone(), 0..8).prop_map(|all| all.join("\n")),
        1 => one.prop_map(|data| format!(r#"{{"specversion":"1.0","id":"1","source":"/","type":"t","data":{data}}}"#)),
    ]
}

fn request() -> impl Strategy<Value = RandomRequest> {
    let body = prop_oneof![
        8 => text().prop_map(String::into_bytes),
        2 => text().prop_map(|text| zstd::encode_all(text.as_bytes(), 1).unwrap()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let method = prop_oneof![8 => Just("POST"), 1 => Just("PUT"), 1 => Just("PATCH")];
    let path = prop_oneof![8 => Just("/v1/events"), 1 => Just("/v1/events/"), 1 => Just("//v1/events?a=b")];
    (method, path, prop::collection::vec(header(), 0..4), body)
        .prop_map(|(method, path, headers, body)| RandomRequest { method, path, headers, body })
}

async fn send(dynamodb: &FakeDynamoDb, state: &State, random: &RandomRequest) -> Result<(), TestCaseError> {
    let request = Request::builder().method(random.method).uri(random.path);
    let mut request = request.header("authorization", format!("Bearer {TOKEN}"));
    for (name, value) in &random.headers {
        request = request.header(*name, value.as_bytes());
    }
    let request = request.body(Body::from(random.body.clone())).map_err(|e| TestCaseError::reject(e.to_string()))?;
    let app = web::ignore_surplus_slashes(web::with_common_layers(router(state.clone())), PATH);
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    prop_assert!(EXPECTED_STATUSES.contains(&status), "{status}");
    let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    prop_assert_eq!(media_type, if status < 400 { "application/json" } else { "application/problem+json" });
    let response = json(response).await;
    let stored = |table: &str, member: &str| -> BTreeSet<String> {
        dynamodb.items(table).iter().map(|item| item[member].to_string()).collect()
    };
    let results = response["results"].as_array().cloned().unwrap_or_else(|| vec![response.clone()]);
    let quarantined = stored("quarantine", "sk");
    for result in &results {
        if let Some(id) = result["id"].as_u64() {
            let id = json!({ "N": id.to_string() }).to_string();
            prop_assert!(stored("events", "sk").contains(&id), "{} is not in the log", id);
        }
        if let Some(id) = result["quarantine"].as_str() {
            let id = json!({ "S": id }).to_string();
            prop_assert!(quarantined.contains(&id), "{} is not in the quarantine", id);
        }
    }
    // A body that was read completely is in the log or the quarantine.
    let is_lost = match status {
        400 | 406 | 415 | 422 => response["quarantine"].is_null(),
        405 => response["quarantine"].is_null() && !random.body.is_empty(),
        404 => true,
        _ => false,
    };
    prop_assert!(!is_lost, "{status} and not stored: {response}");
    Ok(())
}

#[test]
fn random_requests_are_stored_or_rejected() {
    let seconds =
        std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(DEFAULT_FUZZ_SECONDS);
    let end = Instant::now() + Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cases = 0;
    while Instant::now() < end {
        for catalog in ["unleash", "migration-manager", "signal", "tidings"] {
            let settings = Settings { cases: 200, failure_persistence: None, ..Settings::default() };
            let dynamodb = FakeDynamoDb::new(TOKEN, catalog).with_storage();
            let state = state(&dynamodb, Duration::from_secs(2));
            let run =
                TestRunner::new(settings).run(&request(), |random| runtime.block_on(send(&dynamodb, &state, &random)));
            run.unwrap_or_else(|error| panic!("{catalog}: {error}"));
            cases += 200;
        }
    }
    println!("{cases} requests");
}
