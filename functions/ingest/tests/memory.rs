//! Memory of a request, for every shape of body: the peak of a counting allocator, which does not depend on speed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use e2e::FakeDynamoDb;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use model::Retention;
use peak_alloc::PeakAlloc;
use store::{CachedRecords, ConfigTable, EventTable, Quarantine};
use tower::ServiceExt;
use web::Keys;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const TOKEN: &str = "tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH";

/// Maximum memory of a request in bytes: a tenth of the function's.
const MAX_REQUEST_MEMORY_BYTES: usize = 100 << 20;

/// Size of a body in bytes, just below the limit.
const BODY_BYTES: usize = 4_400_000;

/// Size of a body after decompression in bytes, just below the limit.
const DECOMPRESSED_BYTES: usize = 19_900_000;

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

fn state(catalog: &str) -> ingest::State {
    // The fake stores nothing: its memory is not the function's.
    let client = FakeDynamoDb::new(TOKEN, catalog).client();
    let retention = Retention::new(None, now);
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    ingest::State {
        events: EventTable::new(client.clone(), "events".to_owned(), 4, retention).with_slot_key(config.clone()),
        quarantine: Quarantine::new(client, "quarantine".to_owned(), retention),
        keys: Keys::new(config.clone(), None, now),
        sources: Arc::new(CachedRecords::new(config)),
        quarantine_alerts: Arc::default(),
        nudger: None,
        write_timeout: Duration::from_secs(20),
        tracer: runtime::Tracer::default(),
        clock: now,
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

/// A text of `bytes` bytes that repeats `part` between `start` and `end`.
fn text_of(bytes: usize, start: &str, part: &str, end: &str) -> String {
    format!("{start}{}{end}", part.repeat((bytes - start.len() - end.len()) / part.len()))
}

fn repeated(start: &str, part: &str, end: &str) -> String {
    text_of(BODY_BYTES, start, part, end)
}

/// An array of 1,000 elements of equal size, which together have `BODY_BYTES` bytes.
fn batch(start: &str, part: &str, end: &str) -> String {
    let times = (BODY_BYTES / 1000 - start.len() - end.len() - 1) / part.len();
    let element = format!("{start}{}{end}", part.repeat(times));
    format!("[{}]", vec![element; 1000].join(","))
}

/// Posts a body and returns the status and the peak of the memory that the request took.
async fn post(state: &ingest::State, media_type: &str, coding: &str, body: &str) -> (u16, usize) {
    let body = match coding {
        "gzip" => gzip(body.as_bytes()),
        "zstd" => zstd::encode_all(body.as_bytes(), 1).expect("memory"),
        _ => body.as_bytes().to_vec(),
    };
    let request = Request::post("/v1/events")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", media_type)
        .header("content-encoding", coding)
        .body(Body::from(body))
        .expect("a request");
    let app = web::with_common_layers(ingest::router(state.clone()));
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let response = app.oneshot(request).await.expect("a response");
    (response.status().as_u16(), ALLOCATOR.peak_usage().saturating_sub(before))
}

#[tokio::test]
async fn memory_of_a_request_is_bounded_for_every_shape() {
    let json = "application/json";
    let lines = "application/x-ndjson";
    let envelope = "application/cloudevents+json";
    let envelopes = "application/cloudevents-batch+json";
    let wide_envelope = r#"{"specversion":"1.0","source":"/","type":"t","id":[0"#;
    let names: Vec<String> = (0..150_000).map(|n| format!("\"{n}\":0")).collect();
    let shapes = [
        ("array of numbers", json, repeated("[0", ",0", "]")),
        ("array of arrays", json, repeated("[[]", ",[]", "]")),
        ("array of strings", json, repeated("[\"\"", ",\"\"", "]")),
        ("array without an end", json, repeated("[0", ",0", "")),
        ("lines", lines, repeated("0\n", "0\n", "0")),
        ("empty lines", lines, repeated("{}\n", "\n", "{}")),
        ("envelopes", envelopes, repeated("[0", ",0", "]")),
        ("an envelope in an array", envelopes, repeated(&format!("[{wide_envelope}"), ",0", "]}]")),
        ("an envelope with a wide attribute", envelope, repeated(wide_envelope, ",0", "]}")),
        ("an envelope with wide data", envelope, repeated(r#"{"data":[0"#, ",0", "]}")),
        ("an envelope with many extensions", envelope, repeated(r#"{"id":"1""#, r#","a":0"#, "}")),
        ("an event with a wide field", json, repeated(r#"{"a":[0"#, ",0", "]}")),
        ("an event with many fields", json, format!("{{{}}}", names.join(","))),
        ("a batch of wide events", json, batch(r#"{"type":"t","a":[0"#, ",0", "]}")),
        ("a batch of wide envelopes", envelopes, batch(wide_envelope, ",0", "]}")),
        ("a batch of deep events", json, batch("[", "[", "")),
        ("a batch of long strings", json, batch(r#"{"a":""#, "a", "\"}")),
        ("a long string", json, repeated(r#"{"a":""#, "a", "\"}")),
        ("white space", json, repeated("{", " ", "}")),
    ];
    let signal = state("signal");
    for (name, media_type, body) in &shapes {
        check(&signal, name, media_type, "identity", body).await;
    }
    let array = text_of(DECOMPRESSED_BYTES, "[0", ",0", "]");
    check(&signal, "gzip", json, "gzip", &array).await;
    check(&signal, "zstd", json, "zstd", &array).await;
    let wide = text_of(DECOMPRESSED_BYTES, wide_envelope, ",0", "]}");
    check(&signal, "an envelope in zstd", envelope, "zstd", &wide).await;
    let invalid = batch(r#"{"type":"lifecycle","metadata":{"action":"a","entities":[1"#, ",1", "]}}");
    check(&state("migration-manager"), "a batch of events with many violations", json, "identity", &invalid).await;
}

async fn check(state: &ingest::State, name: &str, media_type: &str, coding: &str, body: &str) {
    let (status, peak) = post(state, media_type, coding, body).await;
    println!("{name}: {status}, {} MB", peak / 1_000_000);
    assert!(status < 500, "{name}: {status}");
    assert!(peak < MAX_REQUEST_MEMORY_BYTES, "{name}: {peak} bytes");
}
