//! Measures the rate of single events over HTTP on the local stack, and compares it with the same conditional puts to its
//! database. Measures the rate of batches of events of one instant, compared with events of distinct milliseconds. Also
//! prints the write units of events by size.
//!
//! `INSTANT_EVENTS` sets the number of events of one instant (100,000 by default).

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use e2e::{Api, FakeDynamoDb, Item, Stack, unleash_event};
use events::{AcceptedEvent, Attributes, Form, RawEvent, catalog};
use futures::StreamExt;
use jiff::Timestamp;
use model::Retention;
use serde_json::{Value, json};
use store::{ConfigTable, EventTable};

/// Events in each round.
const EVENTS: u64 = 3000;

/// Events in a batch.
const BATCH_EVENTS: usize = 1000;

/// Concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 8;

/// Price of a million on-demand write request units in us-east-1, in dollars (AWS price list of November 2026:
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>).
const DOLLARS_PER_MILLION_WRITE_UNITS: f64 = 0.625;

#[tokio::main]
async fn main() {
    let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
    let database = stack.database();
    measure_rates(&stack, &database).await;
    measure_one_instant(&stack).await;
    print_write_units(&database).await;
}

async fn measure_rates(stack: &Stack, database: &Client) {
    let ingest = stack.ingest("unleash");
    let (mut posted, mut put) = (Duration::ZERO, Duration::ZERO);
    // Alternate, so that other load on the machine affects both.
    for round in 0..4 {
        let numbers = |part: u64| (round * 2 + part) * EVENTS..(round * 2 + part + 1) * EVENTS;
        let events: Vec<Value> = numbers(0).map(event).collect();
        posted += time_all(events.iter().map(|event| post(&ingest, event))).await;
        let items = items(numbers(1).map(event)).await;
        put += time_all(items.iter().map(|item| put_item(database, item))).await;
    }
    let rate = |elapsed: Duration| 4.0 * f64::from(u32::try_from(EVENTS).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
    println!("single events over HTTP, {MAX_CONCURRENT_REQUESTS} at a time: {:.0} a second", rate(posted));
    println!("the same conditional puts to its database: {:.0} a second", rate(put));
    println!("ratio: {:.2}  (at least 0.6)", rate(posted) / rate(put));
}

/// Posts batches of events of one instant, and batches of events of distinct milliseconds.
async fn measure_one_instant(stack: &Stack) {
    let events = std::env::var("INSTANT_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(100_000);
    let ingest = stack.ingest("signal");
    let (mut at_once, mut apart, mut repeated) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    // Alternate, so that other load on the machine affects all.
    for first in (0..events).step_by(BATCH_EVENTS) {
        let numbers = first..first + BATCH_EVENTS;
        let instant = numbers.clone().map(|number| signal(number, "2025-01-01T00:00:00Z".parse().expect("a time")));
        let instant: Vec<Value> = instant.collect();
        at_once += time_batch(&ingest, &instant, "stored").await;
        let distinct: Vec<Value> = numbers
            .map(|number| {
                let after = jiff::SignedDuration::from_millis(i64::try_from(number).expect("a small number"));
                signal(number, "2025-06-01T00:00:00Z".parse::<Timestamp>().expect("a time") + after)
            })
            .collect();
        apart += time_batch(&ingest, &distinct, "stored").await;
        if first % (10 * BATCH_EVENTS) == 0 {
            repeated += 10 * time_batch(&ingest, &instant, "duplicate").await;
        }
    }
    let rate = |elapsed: Duration| f64::from(u32::try_from(events).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
    println!("\nbatches of {BATCH_EVENTS}, {events} events of distinct milliseconds: {:.0} a second", rate(apart));
    println!("{events} events of one instant: {:.0} a second; sent again: {:.0}", rate(at_once), rate(repeated));
    println!("ratio: {:.2}  (at least 0.8)", rate(at_once) / rate(apart));
}

fn signal(number: usize, time: Timestamp) -> Value {
    json!({ "type": "import", "subject": format!("row-{}", number % 50), "time": time, "number": number })
}

async fn time_batch(api: &Api, events: &[Value], status: &str) -> Duration {
    let started = Instant::now();
    let response = api.post("/v1/events", &json!(events)).await.expect(200);
    let elapsed = started.elapsed();
    let results = response["results"].as_array().expect("results");
    assert!(results.iter().all(|result| result["status"] == status), "{status}");
    elapsed
}

async fn time_all(calls: impl Iterator<Item = impl Future<Output = ()>>) -> Duration {
    let started = Instant::now();
    futures::stream::iter(calls).buffer_unordered(MAX_CONCURRENT_REQUESTS).collect::<Vec<()>>().await;
    started.elapsed()
}

fn event(number: u64) -> Value {
    let time: Timestamp = "2026-05-01T00:00:00Z".parse().expect("a time");
    let time = time + jiff::SignedDuration::from_millis(i64::try_from(number).expect("a small number"));
    unleash_event(number, time, &format!("flag-{}", number % 50), "web", "ada@example.org")
}

async fn post(api: &Api, event: &Value) {
    api.post("/v1/events", event).await.expect(201);
}

fn accepted(event: &Value) -> AcceptedEvent {
    let arrival = RawEvent {
        source: "unleash",
        bytes: event.to_string().into_bytes().into(),
        form: Form::Event,
        attributes: Attributes::default(),
        received_at: runtime::now(),
    };
    catalog("unleash").expect("its catalog").accept(&arrival).expect("an event that fits")
}

/// Returns the items that ingest writes for these events.
async fn items(events: impl Iterator<Item = Value>) -> Vec<Item> {
    let fake = FakeDynamoDb::new("", "unleash").with_storage();
    let store = log(fake.client());
    for event in events {
        store.insert(&accepted(&event), in_a_minute()).await.expect("stored");
    }
    fake.sdk_items("events")
}

async fn put_item(database: &Client, item: &Item) {
    let put = database.put_item().table_name("events").set_item(Some(item.clone()));
    put.condition_expression("attribute_not_exists(pk)").send().await.expect("a response");
}

/// Prints the write units by size, and the price of writing a million such events.
async fn print_write_units(database: &Client) {
    let store = log(database.clone());
    println!("\n  payload     stored   write units   dollars per million events");
    for (number, size) in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000].into_iter().enumerate() {
        let mut event = event(1_000_000 + number as u64);
        // Words compress to about a third, like real texts.
        let words =
            ["flag", "strategy", "rollout", "segment", "variant", "project", "release", "context", "percentage"];
        let mut numbers = fastrand::Rng::with_seed(7);
        let mut text: Vec<String> = Vec::new();
        let empty = event.to_string().len();
        while empty + text.iter().map(|word| word.len() + 1).sum::<usize>() < size {
            text.push(format!("{}-{}", words[numbers.usize(..words.len())], numbers.u16(..4096)));
        }
        let text = text.join(" ");
        event["data"]["description"] = json!(text);
        let payload = event.to_string();
        let packed = zstd::bulk::compress(payload.as_bytes(), 3).expect("memory").len().min(payload.len());
        let written = store.insert(&accepted(&event), in_a_minute()).await.expect("stored");
        let dollars = written.write_units * DOLLARS_PER_MILLION_WRITE_UNITS;
        println!("{:>9} {:>10} {:>13} {:>28.2}", payload.len(), packed, written.write_units, dollars);
    }
}

fn log(client: Client) -> EventTable {
    let config = ConfigTable::new(client.clone(), "config".to_owned());
    EventTable::new(client, "events".to_owned(), 4, Retention::new(None, runtime::now)).with_slot_key(config)
}

fn in_a_minute() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_mins(1)
}
