//! How fast the local stack takes single events over HTTP, against the same conditional puts made to
//! its database directly; and how many write units an event takes, by its size.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use e2e::{Api, FakeDynamoDb, Item, Stack, unleash_event};
use events::{Accepted, Arrival, Attributes, Form, catalog};
use futures::StreamExt;
use jiff::Timestamp;
use model::Retention;
use serde_json::{Value, json};
use store::EventTable;

/// How many events of each kind, and how many at the same time.
const EVENTS: u64 = 3000;
const TOGETHER: usize = 8;

/// What a million write request units cost on demand in us-east-1, in dollars (AWS's price list,
/// November 2026: <https://aws.amazon.com/dynamodb/pricing/on-demand/>).
const DOLLARS_PER_MILLION: f64 = 0.625;

#[tokio::main]
async fn main() {
    let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
    let database = stack.database();
    rate(&stack, &database).await;
    write_units(&database).await;
}

async fn rate(stack: &Stack, database: &Client) {
    let ingest = stack.ingest("unleash");
    let (mut posted, mut put) = (Duration::ZERO, Duration::ZERO);
    // In turns, so that whatever else the machine does falls on both.
    for round in 0..4 {
        let numbers = |part: u64| (round * 2 + part) * EVENTS..(round * 2 + part + 1) * EVENTS;
        let events: Vec<Value> = numbers(0).map(event).collect();
        posted += timed(events.iter().map(|event| post(&ingest, event))).await;
        let items = items(numbers(1).map(event)).await;
        put += timed(items.iter().map(|item| put_item(database, item))).await;
    }
    let rate = |took: Duration| 4.0 * f64::from(u32::try_from(EVENTS).unwrap_or(u32::MAX)) / took.as_secs_f64();
    println!("single events over HTTP, {TOGETHER} at a time: {:.0} a second", rate(posted));
    println!("the same conditional puts to its database: {:.0} a second", rate(put));
    println!("ratio: {:.2}  (at least 0.6)", rate(posted) / rate(put));
}

async fn timed(calls: impl Iterator<Item = impl Future<Output = ()>>) -> Duration {
    let started = Instant::now();
    futures::stream::iter(calls).buffer_unordered(TOGETHER).collect::<Vec<()>>().await;
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

fn accepted(event: &Value) -> Accepted {
    let arrival = Arrival {
        source: "unleash",
        bytes: event.to_string().into_bytes().into(),
        form: Form::Event,
        attributes: Attributes::default(),
        received_at: runtime::now(),
    };
    catalog("unleash").expect("its catalog").accept(&arrival).expect("an event that fits")
}

/// The items that the function makes of these events.
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
    put.condition_expression("attribute_not_exists(pk)").send().await.expect("an answer");
}

/// Write units by size, with what a million such events cost to write.
async fn write_units(database: &Client) {
    let store = log(database.clone());
    println!("\n  payload     stored   write units   dollars per million events");
    for (number, size) in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000].into_iter().enumerate() {
        let mut event = event(1_000_000 + number as u64);
        // Words, as texts have them: they compress to about a third.
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
        let dollars = written.write_units * DOLLARS_PER_MILLION;
        println!("{:>9} {:>10} {:>13} {:>28.2}", payload.len(), packed, written.write_units, dollars);
    }
}

fn log(client: Client) -> EventTable {
    EventTable::new(client, "events".to_owned(), 4, Retention::new(None, runtime::now))
}

fn in_a_minute() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_mins(1)
}
