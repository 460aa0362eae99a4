//! Measures the deliveries a second of the local stack and compares them with a bare HTTP client that posts the same bytes
//! to the same receiver with the same concurrency. The receiver responds immediately in one run and with the delay of a
//! network in another. Also measures how much misbehaving targets slow down the others.
//!
//! Every delivery writes a record, so the local database limits the rate; its write rate is measured for comparison.
//!
//! `EVENTS=10000 cargo bench --bench deliveries` sends 10,000 events to 10 targets.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Hostile, Receiver, Stack, hostile_receiver, unleash_event, within};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Targets that receive each event.
const TARGETS: usize = 10;

/// Concurrent attempts: ten for each target.
const MAX_CONCURRENT_ATTEMPTS: usize = 10 * TARGETS;

/// Response time of a receiver on another machine.
const NETWORK_DELAY: Duration = Duration::from_millis(20);

/// Targets in the fairness benchmark.
const FAIRNESS_TARGETS: usize = 20;

/// The misbehaving targets among them.
const BAD_RECEIVERS: [Hostile; 2] = [Hostile::Hangs, Hostile::Drips];

/// Events in the fairness benchmark.
const FAIRNESS_EVENTS: u64 = 150;

/// Time between two events in the fairness benchmark.
const FAIRNESS_INTERVAL: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    let events: u64 = std::env::var("EVENTS").map_or(2000, |events| events.parse().expect("EVENTS: a number"));
    for takes in [Duration::ZERO, NETWORK_DELAY] {
        throughput(events, takes).await;
    }
    fairness().await;
}

async fn throughput(events: u64, takes: Duration) {
    let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
    let receiver = Receiver::start().await;
    receiver.set_delay(takes);
    for target in 0..TARGETS {
        stack.create_target(&format!("t{target}"), receiver.url(), &json!({})).await;
    }
    let (before, mut early) = (memory_mb(&stack), None);
    let wanted = usize::try_from(events).expect("a small number") * TARGETS;
    let started = Instant::now();
    let posting = async {
        let ingest = stack.ingest("unleash");
        let numbers: Vec<u64> = (0..events).collect();
        for batch in numbers.chunks(500) {
            let batch: Vec<Value> = batch.iter().map(|number| event(*number)).collect();
            ingest.post("/v1/events", &json!(batch)).await.expect(200);
        }
        started.elapsed()
    };
    let arriving = async {
        for part in [wanted / 4, wanted] {
            within(Duration::from_mins(20), "every delivery", || async { (receiver.count() >= part).then_some(()) })
                .await;
            early.get_or_insert_with(|| memory_mb(&stack));
        }
        started.elapsed()
    };
    let (posted, elapsed) = futures::join!(posting, arriving);
    let (early, after) = (early.unwrap_or_default(), memory_mb(&stack));
    stack.wait_until_idle().await;
    assert_eq!(receiver.count(), wanted, "each event arrives once");

    let rate = per_second(wanted, elapsed);
    println!(
        "{events} events, {TARGETS} targets that respond after {} ms: posted in {:.1} s, all delivered in {:.1} s",
        takes.as_millis(),
        posted.as_secs_f64(),
        elapsed.as_secs_f64()
    );
    println!("  {rate:>7.0} deliveries a second");
    let bare = bare_rate(&receiver, wanted.min(20_000)).await;
    println!("  {bare:>7.0} requests a second by a bare HTTP client: ratio {:.2} (at least 0.5)", rate / bare);
    let records = record_rate(&stack, wanted.min(20_000)).await;
    println!("  {records:>7.0} records a second written by the same SDK alone: ratio {:.2}", rate / records);
    println!("  memory: {before} MB before, {early} MB after a quarter, {after} MB after all");
}

/// Measures a bare client with the same bytes, receiver and concurrency.
async fn bare_rate(receiver: &Receiver, count: usize) -> f64 {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let body = event(1).to_string();
    let posts = (0..count).map(|_| async {
        let response = http.post(receiver.url()).body(body.clone()).send().await;
        assert_eq!(response.expect("a response").status(), 204);
    });
    measure_rate(posts).await
}

/// Measures writes of items of the size of a delivery's record.
async fn record_rate(stack: &Stack, count: usize) -> f64 {
    let (database, response) = (stack.database(), "x".repeat(400));
    let puts = (0..count).map(|number| {
        let put = database.put_item().table_name("deliveries").item("pk", AttributeValue::N((number + 1).to_string()));
        let put = put.item("sk", AttributeValue::S("t".to_owned())).item("answer", AttributeValue::S(response.clone()));
        async { drop(put.send().await.expect("written")) }
    });
    measure_rate(puts).await
}

/// Runs these futures with the concurrency of the attempts and returns their rate per second.
async fn measure_rate(all: impl ExactSizeIterator<Item = impl Future<Output = ()>>) -> f64 {
    let (count, started) = (all.len(), Instant::now());
    futures::stream::iter(all).buffer_unordered(MAX_CONCURRENT_ATTEMPTS).collect::<()>().await;
    per_second(count, started.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "few enough")]
fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

/// Measures the time from an event to a healthy receiver, without and with misbehaving targets.
async fn fairness() {
    println!(
        "{FAIRNESS_TARGETS} targets, an event every {} ms: from event to healthy receiver",
        FAIRNESS_INTERVAL.as_millis()
    );
    let mut before = None;
    for bad in [0, BAD_RECEIVERS.len()] {
        let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
        let receiver = Receiver::start().await;
        for (number, kind) in BAD_RECEIVERS.into_iter().take(bad).enumerate() {
            let fields = json!({ "timeout": "5s", "retry_count": 2 });
            stack.create_target(&format!("bad{number}"), &hostile_receiver(kind).await, &fields).await;
        }
        for target in bad..FAIRNESS_TARGETS {
            stack.create_target(&format!("t{target}"), receiver.url(), &json!({})).await;
        }
        let mut times = steady_latencies(&stack, &receiver, FAIRNESS_TARGETS - bad).await;
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        let ratio = before.map(|before: f64| format!("  p99 ratio {:.2} (at most 1.5)", at(99) / before));
        let (p50, p99, ratio) = (at(50), at(99), ratio.unwrap_or_default());
        println!("  {bad:>2} misbehaving: p50 {p50:6.1} ms  p99 {p99:6.1} ms{ratio}");
        before = Some(at(99));
    }
}

/// Posts events at a steady pace and returns the time of each delivery to a healthy target.
async fn steady_latencies(stack: &Stack, receiver: &Receiver, healthy: usize) -> Vec<Duration> {
    let ingest = stack.ingest("unleash");
    let mut sent: Vec<Instant> = Vec::new();
    for number in 0..FAIRNESS_EVENTS {
        let posted = Instant::now();
        sent.push(posted);
        ingest.post("/v1/events", &event(number)).await.expect(201);
        tokio::time::sleep(FAIRNESS_INTERVAL.saturating_sub(posted.elapsed())).await;
    }
    let all = sent.len() * healthy;
    let received = receiver.wait_for(all).await;
    let elapsed = |one: &e2e::Received| {
        let event: Value = serde_json::from_slice(&one.body).expect("JSON");
        let number = usize::try_from(event["id"].as_u64().expect("a number")).expect("small");
        one.at - sent[number]
    };
    received.iter().map(elapsed).collect()
}

fn event(number: u64) -> Value {
    unleash_event(number, Timestamp::now(), &format!("flag-{}", number % 50), "project", "user")
}

/// Returns the anonymous memory of the stack's process in MB. Pages of files do not count.
fn memory_mb(stack: &Stack) -> u64 {
    let id = stack.process_id().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}
