//! Measures the cold start of ingest, from the start of its process to its first response, and compares it with a bare
//! `lambda_http` function that does one PutItem with the same SDK. Also measures ingest's memory at the largest requests.
//! Both functions run behind a minimal Lambda Runtime API and a fake DynamoDB that responds immediately.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use e2e::FakeDynamoDb;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

const RUNS: usize = 30;

#[tokio::main]
async fn main() {
    let folder = build();
    let token = web::token::generate().expect("randomness");
    let dynamodb =
        serve(Router::new().route("/", post(dynamodb)).with_state(FakeDynamoDb::new(&token, "unleash"))).await;
    let example = e2e::example("feature-created");
    let one = gateway_event(&token, example.payload);
    let (mut ingest, mut bare) = (Vec::new(), Vec::new());
    // Alternate, so that other load on the machine affects both.
    for _ in 0..RUNS {
        ingest.push(invoke(&folder.join("ingest"), &dynamodb, &one, 201, 1).await.first_response);
        bare.push(invoke(&folder.join("examples/bare"), &dynamodb, &one, 200, 1).await.first_response);
    }
    let (ingest, bare) = (median(ingest), median(bare));
    println!("cold start, median of {RUNS}: ingest {ingest:.1?}, bare {bare:.1?}");
    println!("cold start ratio: {:.2} (at most 1.5)", ingest.as_secs_f64() / bare.as_secs_f64());

    let batch = largest_batch();
    let large = invoke(&folder.join("ingest"), &dynamodb, &gateway_event(&token, &batch), 200, 5).await;
    let small = invoke(&folder.join("ingest"), &dynamodb, &one, 201, 5).await;
    let (mb, kb) = (1024.0, |memory: u64| f64::from(u32::try_from(memory).unwrap_or(u32::MAX)));
    println!(
        "memory: {:.1} MB with five requests of {:.1} MB (at most 64), {:.1} MB with small ones, ratio {:.1}",
        kb(large.peak_memory_kb) / mb,
        kb(batch.len() as u64) / 1e6,
        kb(small.peak_memory_kb) / mb,
        kb(large.peak_memory_kb) / kb(small.peak_memory_kb)
    );
}

/// Builds both functions as deployed and returns their folder.
///
/// The target is named explicitly because cargo-lambda writes its zips to `target/lambda`.
fn build() -> PathBuf {
    let target = host_target();
    let mut cargo = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    let arguments =
        ["build", "--quiet", "--profile", "lambda", "--package", "ingest", "--bin", "ingest", "--example", "bare"];
    let built = cargo
        .args(arguments)
        .args(["--target", &target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo");
    assert!(built.success(), "the functions failed to build");
    e2e::target_dir().join(target).join("lambda")
}

/// Returns rustc's name for this machine's target.
fn host_target() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().expect("rustc");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    output.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc's host").to_owned()
}

/// Serves an app on a free port and returns its address.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A fake DynamoDB with one key and one source that accepts every put.
async fn dynamodb(State(fake): State<FakeDynamoDb>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let (_, response) = fake.respond(headers["x-amz-target"].to_str().unwrap_or_default(), &body);
    ([("content-type", "application/x-amz-json-1.0")], response)
}

/// Returns the largest accepted body: a thousand events, 4.5 MB.
fn largest_batch() -> String {
    let time = "2026-05-01T00:00:00Z".parse().expect("a time");
    let event = |id| {
        let mut event = e2e::unleash_event(id, time, "flag", "web", "ada");
        event["data"]["description"] = json!(format!("a long description, number {id}. ").repeat(130));
        event
    };
    let mut events: Vec<Value> = (1..=1000).map(event).collect();
    while json!(events).to_string().len() > 4_500_000 {
        events.truncate(events.len() - 10);
    }
    json!(events).to_string()
}

/// Returns the Lambda event that API Gateway sends for `POST /v1/events`.
fn gateway_event(token: &str, body: &str) -> String {
    json!({
        "version": "2.0",
        "routeKey": "POST /v1/events",
        "rawPath": "/v1/events",
        "rawQueryString": "",
        "headers": { "authorization": format!("Bearer {token}"), "content-type": "application/json", "host": "bench" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "bench", "domainPrefix": "bench", "requestId": "r",
            "routeKey": "POST /v1/events", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1,
            "http": { "method": "POST", "path": "/v1/events", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "b" },
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// State of the Runtime API: the event, how often to send it, and the channel for responses.
#[derive(Clone)]
struct Runtime {
    event: String,
    remaining: Arc<AtomicUsize>,
    responses: mpsc::UnboundedSender<(Instant, Bytes)>,
}

/// The measurements of a function.
struct Measurement {
    first_response: Duration,
    peak_memory_kb: u64,
}

/// Starts a function and sends it the same event `times` times.
async fn invoke(program: &PathBuf, dynamodb: &str, event: &str, status: u16, times: usize) -> Measurement {
    let (sender, mut answered) = mpsc::unbounded_channel();
    let runtime = Runtime { event: event.to_owned(), remaining: Arc::new(AtomicUsize::new(times)), responses: sender };
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .with_state(runtime);
    let address = serve(app).await;
    let started = Instant::now();
    let mut function = Command::new(program);
    function.env_clear().stdout(Stdio::null()).kill_on_drop(true).envs([
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_ENDPOINT_URL", &format!("http://{dynamodb}/")),
        ("EVENTS_TABLE", "events"),
        ("CONFIG_TABLE", "config"),
        ("QUARANTINE_TABLE", "quarantine"),
    ]);
    let function = function.spawn().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let mut first = None;
    for _ in 0..times {
        let response = tokio::time::timeout(Duration::from_secs(30), answered.recv()).await;
        let (at, response) = response.expect("a response within 30 s").expect("a response");
        let response: Value = serde_json::from_slice(&response).expect("JSON");
        assert_eq!(response["statusCode"], status, "{response}");
        first.get_or_insert(at - started);
    }
    Measurement {
        first_response: first.expect("a response"),
        peak_memory_kb: peak_memory_kb(function.id().expect("a running function")),
    }
}

/// Returns the peak memory of a process in KB, or 0 if the system does not report it.
fn peak_memory_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

async fn next(State(runtime): State<Runtime>) -> impl IntoResponse {
    let one_less = |left: usize| left.checked_sub(1);
    if runtime.remaining.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
        // Without further events Lambda would freeze the function here.
        std::future::pending::<()>().await;
    }
    let headers = [
        ("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001"),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:1:function:bench"),
        ("content-type", "application/json"),
    ];
    (headers, runtime.event.clone())
}

async fn response(State(runtime): State<Runtime>, body: Bytes) -> impl IntoResponse {
    // The receiver is closed if the benchmark has given up.
    let _ = runtime.responses.send((Instant::now(), body));
    axum::http::StatusCode::ACCEPTED
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
