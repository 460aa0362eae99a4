//! The ingest function's cold start, from the start of its process to its first answer, against a
//! bare `lambda_http` function that does one PutItem with the same SDK; and the memory that it takes at
//! the largest requests. All stand behind a minimal
//! Lambda Runtime API and a stubbed DynamoDB that answers at once.

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
    let one = event(&token, example.payload);
    let (mut ingest, mut bare) = (Vec::new(), Vec::new());
    // In turn, so that whatever else the machine does falls on both.
    for _ in 0..RUNS {
        ingest.push(invoke(&folder.join("ingest"), &dynamodb, &one, 201, 1).await.first);
        bare.push(invoke(&folder.join("examples/bare"), &dynamodb, &one, 200, 1).await.first);
    }
    let (ingest, bare) = (median(ingest), median(bare));
    println!("cold start, median of {RUNS}: ingest {ingest:.1?}, bare {bare:.1?}");
    println!("cold start ratio: {:.2} (at most 1.5)", ingest.as_secs_f64() / bare.as_secs_f64());

    let batch = batch();
    let large = invoke(&folder.join("ingest"), &dynamodb, &event(&token, &batch), 200, 5).await;
    let small = invoke(&folder.join("ingest"), &dynamodb, &one, 201, 5).await;
    let (mb, kb) = (1024.0, |memory: u64| f64::from(u32::try_from(memory).unwrap_or(u32::MAX)));
    println!(
        "memory: {:.1} MB at five requests of {:.1} MB (at most 64), {:.1} MB at small ones, ratio {:.1}",
        kb(large.memory) / mb,
        kb(batch.len() as u64) / 1e6,
        kb(small.memory) / mb,
        kb(large.memory) / kb(small.memory)
    );
}

/// Builds both functions as they are deployed; the folder they are in.
///
/// For a named target, because `target/lambda` is where cargo-lambda puts its zips.
fn build() -> PathBuf {
    let target = host();
    let mut cargo = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    let arguments =
        ["build", "--quiet", "--profile", "lambda", "--package", "ingest", "--bin", "ingest", "--example", "bare"];
    let built = cargo
        .args(arguments)
        .args(["--target", &target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo");
    assert!(built.success(), "the functions do not build");
    e2e::target_dir().join(target).join("lambda")
}

/// This machine's target, as rustc names it.
fn host() -> String {
    let told = std::process::Command::new("rustc").arg("-vV").output().expect("rustc");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc's host").to_owned()
}

/// Serves on a free port; its address.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A DynamoDB that knows one key and one source, and takes every put.
async fn dynamodb(State(fake): State<FakeDynamoDb>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let (_, response) = fake.respond(headers["x-amz-target"].to_str().unwrap_or_default(), &body);
    ([("content-type", "application/x-amz-json-1.0")], response)
}

/// The largest body that is taken: a thousand events, 4.5 MB.
fn batch() -> String {
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

/// What API Gateway sends for `POST /v1/events`.
fn event(token: &str, body: &str) -> String {
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

/// What the Runtime API hands out, how often, and whom it tells of the answers.
#[derive(Clone)]
struct Runtime {
    event: String,
    left: Arc<AtomicUsize>,
    answered: mpsc::UnboundedSender<(Instant, Bytes)>,
}

/// What a function took: until its first answer, and the most memory, in KB.
struct Took {
    first: Duration,
    memory: u64,
}

/// Starts the function and gives it the same event so many times.
async fn invoke(program: &PathBuf, dynamodb: &str, event: &str, status: u16, times: usize) -> Took {
    let (sender, mut answered) = mpsc::unbounded_channel();
    let runtime = Runtime { event: event.to_owned(), left: Arc::new(AtomicUsize::new(times)), answered: sender };
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
        let (at, response) = response.expect("an answer within 30 s").expect("an answer");
        let response: Value = serde_json::from_slice(&response).expect("JSON");
        assert_eq!(response["statusCode"], status, "{response}");
        first.get_or_insert(at - started);
    }
    Took { first: first.expect("an answer"), memory: peak_memory(function.id().expect("a running function")) }
}

/// The most memory that a process has had, in KB; 0 where the system does not say.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

async fn next(State(runtime): State<Runtime>) -> impl IntoResponse {
    let one_less = |left: usize| left.checked_sub(1);
    if runtime.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
        // There are no further events: Lambda would freeze the function here.
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
    // Nobody listens any more where the bench has given up.
    let _ = runtime.answered.send((Instant::now(), body));
    axum::http::StatusCode::ACCEPTED
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
