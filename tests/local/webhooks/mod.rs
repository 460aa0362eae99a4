//! Webhooks: targets, attempts, retries, pauses and replays.

mod attempts;
mod clocks;
mod delivery_outcomes;
mod hostile_receivers;
mod loops;
mod nudge;
mod pause;
mod replay;
mod resume;
mod target_changes;
mod targets;
mod templates;

use e2e::{MAX_WAIT, Stack, unleash_event, within};
use serde_json::Value;

/// Posts Unleash events with these numbers, one second apart from a fixed time, and returns their ids.
async fn post(stack: &Stack, numbers: std::ops::Range<u64>) -> Vec<u64> {
    let start: jiff::Timestamp = "2026-05-01T00:00:00Z".parse().expect("a time");
    let event = |number: u64| {
        let time = start + jiff::SignedDuration::from_secs(i64::try_from(number).expect("a small number"));
        unleash_event(
            number,
            time,
            &format!("flag-{number}"),
            if number.is_multiple_of(2) { "even" } else { "odd" },
            "ada",
        )
    };
    let events: Vec<Value> = numbers.map(event).collect();
    let response = stack.ingest("unleash").post("/v1/events", &Value::from(events)).await.expect(200);
    let results = response["results"].as_array().expect("results").iter();
    results.map(|result| result["id"].as_u64().expect("an id")).collect()
}

/// Waits until a delivery has this status, and returns the delivery.
async fn delivery(stack: &Stack, event: u64, target: &str, status: &str) -> Value {
    within(MAX_WAIT, format!("the delivery of {event} to {target} to be {status}"), || async {
        let explained = stack.read().get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
        let mut deliveries = explained["deliveries"].as_array().expect("deliveries").iter();
        deliveries.find(|d| d["target"] == target && d["status"] == status).cloned()
    })
    .await
}

/// Returns the producer's numbers of the received events, in order of receipt.
fn numbers(received: &[e2e::Received]) -> Vec<u64> {
    let number = |one: &e2e::Received| {
        let event: Value = serde_json::from_slice(&one.body).ok()?;
        event["id"].as_u64()
    };
    received.iter().filter_map(number).collect()
}
