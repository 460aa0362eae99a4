//! Measures the time from the POST of an event to its webhook on an idle local stack, and compares it with a plain HTTP
//! POST of the same bytes to the same receiver.

use std::time::{Duration, Instant};

use e2e::{Api, Receiver, Stack, unleash_event};
use jiff::Timestamp;
use serde_json::json;

const EVENTS: u64 = 200;

#[tokio::main]
async fn main() {
    let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
    let receiver = Receiver::start().await;
    stack.create_target("bench", receiver.url(), &json!({})).await;
    let ingest = stack.ingest("unleash");
    let plain = Api::new(receiver.url());
    let (mut acknowledged, mut delivered, mut posted) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for number in 0..EVENTS {
        let event = unleash_event(number, Timestamp::now(), "flag", "project", "user");
        let started = Instant::now();
        ingest.post("/v1/events", &event).await.expect(201);
        acknowledged.push(started.elapsed());
        count += 1;
        delivered.push(receiver.wait_for(count).await[count - 1].at - started);
        // Wait until the attempt is recorded, so that the stack is idle again.
        tokio::time::sleep(Duration::from_millis(30)).await;

        let started = Instant::now();
        plain.post("", &event).await.expect(204);
        posted.push(started.elapsed());
        count += 1;
    }
    println!("POST acknowledged  {}", quantiles(&mut acknowledged));
    println!("webhook received   {}  (p50 at most 25 ms)", quantiles(&mut delivered));
    println!("plain HTTP POST    {}", quantiles(&mut posted));
    let ratio = delivered[delivered.len() / 2].as_secs_f64() / posted[posted.len() / 2].as_secs_f64();
    println!("ratio of event to webhook and plain POST, p50: {ratio:.1}");
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |quantile: usize| times[(times.len() * quantile / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("p50 {:6.2} ms  p95 {:6.2} ms  p99 {:6.2} ms", at(50), at(95), at(99))
}
