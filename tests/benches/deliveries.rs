//! How many deliveries a second the local stack makes, against a bare HTTP client that posts the same bytes to the
//! same receiver with the same concurrency, with a receiver that answers at once and with one that takes as long as one
//! across a network; and what targets that misbehave cost the others.
//!
//! Every delivery is a record of its own, so none of them can be faster than the local database writes: that is measured
//! beside it.
//!
//! `EVENTS=10000 cargo bench --bench deliveries` is the load of 10,000 events to 10 targets.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Hostile, Receiver, Stack, hostile_receiver, unleash_event, within};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};

/// How many targets get each event.
const TARGETS: usize = 10;

/// How many attempts are under way at once: ten for each target.
const TOGETHER: usize = 10 * TARGETS;

/// How long a receiver takes that is not on the same machine.
const ACROSS: Duration = Duration::from_millis(20);

/// How many targets there are where some misbehave, and how many of them do.
const MANY: usize = 20;
const BAD: [Hostile; 2] = [Hostile::Hangs, Hostile::Drips];

/// How many events are posted there, and how long after each other.
const STEADY: u64 = 150;
const PACE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    let events: u64 = std::env::var("EVENTS").map_or(2000, |events| events.parse().expect("EVENTS: a number"));
    for takes in [Duration::ZERO, ACROSS] {
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
    let (before, mut early) = (memory(&stack), None);
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
            early.get_or_insert_with(|| memory(&stack));
        }
        started.elapsed()
    };
    let (posted, took) = futures::join!(posting, arriving);
    let (early, after) = (early.unwrap_or_default(), memory(&stack));
    stack.wait_until_idle().await;
    assert_eq!(receiver.count(), wanted, "each once");

    let rate = per_second(wanted, took);
    println!(
        "{events} events, {TARGETS} targets that answer after {} ms: posted in {:.1} s, all delivered in {:.1} s",
        takes.as_millis(),
        posted.as_secs_f64(),
        took.as_secs_f64()
    );
    println!("  {rate:>7.0} deliveries a second");
    let bare = bare(&receiver, wanted.min(20_000)).await;
    println!("  {bare:>7.0} a second by a bare HTTP client: ratio {:.2} (at least 0.5)", rate / bare);
    let records = records(&stack, wanted.min(20_000)).await;
    println!(
        "  {records:>7.0} records a second, written by the same SDK and nothing else: ratio {:.2}",
        rate / records
    );
    println!("  memory: {before} MB before, {early} MB after a quarter, {after} MB after all");
}

/// A bare client: the same bytes, the same receiver, the same concurrency.
async fn bare(receiver: &Receiver, count: usize) -> f64 {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let body = event(1).to_string();
    let posts = (0..count).map(|_| async {
        let response = http.post(receiver.url()).body(body.clone()).send().await;
        assert_eq!(response.expect("an answer").status(), 204);
    });
    rate(posts).await
}

/// Nothing but an item for each delivery, of the size of its record.
async fn records(stack: &Stack, count: usize) -> f64 {
    let (database, response) = (stack.database(), "x".repeat(400));
    let puts = (0..count).map(|number| {
        let put = database.put_item().table_name("deliveries").item("pk", AttributeValue::N((number + 1).to_string()));
        let put = put.item("sk", AttributeValue::S("t".to_owned())).item("answer", AttributeValue::S(response.clone()));
        async { drop(put.send().await.expect("written")) }
    });
    rate(puts).await
}

/// How many of these a second are done, where as many are under way at once as there are attempts.
async fn rate(all: impl ExactSizeIterator<Item = impl Future<Output = ()>>) -> f64 {
    let (count, started) = (all.len(), Instant::now());
    futures::stream::iter(all).buffer_unordered(TOGETHER).collect::<()>().await;
    per_second(count, started.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "few enough")]
fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Event to healthy receiver, without and with targets that misbehave.
async fn fairness() {
    println!("{MANY} targets, an event each {} ms: event to healthy receiver", PACE.as_millis());
    let mut before = None;
    for bad in [0, BAD.len()] {
        let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
        let receiver = Receiver::start().await;
        for (number, kind) in BAD.into_iter().take(bad).enumerate() {
            let fields = json!({ "timeout": "5s", "retry_count": 2 });
            stack.create_target(&format!("bad{number}"), &hostile_receiver(kind).await, &fields).await;
        }
        for target in bad..MANY {
            stack.create_target(&format!("t{target}"), receiver.url(), &json!({})).await;
        }
        let mut times = steady(&stack, &receiver, MANY - bad).await;
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        let ratio = before.map(|before: f64| format!("  p99 ratio {:.2} (at most 1.5)", at(99) / before));
        let (p50, p99, ratio) = (at(50), at(99), ratio.unwrap_or_default());
        println!("  {bad:>2} of them misbehave: p50 {p50:6.1} ms  p99 {p99:6.1} ms{ratio}");
        before = Some(at(99));
    }
}

/// How long each event took to each healthy target.
async fn steady(stack: &Stack, receiver: &Receiver, healthy: usize) -> Vec<Duration> {
    let ingest = stack.ingest("unleash");
    let mut sent: Vec<Instant> = Vec::new();
    for number in 0..STEADY {
        let posted = Instant::now();
        sent.push(posted);
        ingest.post("/v1/events", &event(number)).await.expect(201);
        tokio::time::sleep(PACE.saturating_sub(posted.elapsed())).await;
    }
    let all = sent.len() * healthy;
    let received = receiver.wait_for_within(all, Duration::from_mins(2)).await;
    let took = |one: &e2e::Received| {
        let event: Value = serde_json::from_slice(&one.body).expect("JSON");
        let number = usize::try_from(event["id"].as_u64().expect("a number")).expect("small");
        one.at - sent[number]
    };
    received.iter().map(took).collect()
}

fn event(number: u64) -> Value {
    unleash_event(number, Timestamp::now(), &format!("flag-{}", number % 50), "project", "user")
}

/// What the stack's process has in memory of its own, in MB: the pages of its files are the system's.
fn memory(stack: &Stack) -> u64 {
    let id = stack.process_id().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}
