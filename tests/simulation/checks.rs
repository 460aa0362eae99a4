//! Checks after the end of the faults.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::producers::Acknowledged;
use crate::world::World;

/// Virtual time within which all functions have caught up after the end of the faults. The page of a replay whose message
/// was lost is given up after 12 minutes.
pub(crate) const MAX_RECOVERY_TIME: Duration = Duration::from_mins(40);

/// Virtual time in which packing follows the last events.
pub(crate) const PACKING_TIME: Duration = Duration::from_mins(10);

/// Waits in virtual time until a condition holds.
pub(crate) async fn wait_until(what: &str, limit: Duration, condition: impl AsyncFn() -> bool) {
    let end = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// Checks that the receiver acknowledges every event and no other, that every replay ends, and that no message remains.
pub(crate) async fn everything_settles(world: &World, acknowledged: &Acknowledged) {
    let end = Instant::now() + MAX_RECOVERY_TIME;
    loop {
        let delivered = world.receivers.acknowledged();
        let unknown: Vec<&u64> = delivered.keys().filter(|id| !acknowledged.contains_key(id)).collect();
        assert!(unknown.is_empty(), "webhooks were sent of events that are not in the log: {unknown:?}");
        let missing: Vec<&u64> = acknowledged.keys().filter(|id| !delivered.contains_key(id)).collect();
        let are_queues_empty = world.queues.are_empty();
        if missing.is_empty() && are_queues_empty && world.running_replays().await.is_empty() {
            return;
        }
        if Instant::now() >= end {
            if let Some(id) = missing.first() {
                let explained = world.get(&format!("/v1/events/{id}/deliveries")).await.1;
                panic!("{} events are not delivered, such as {explained}", missing.len());
            }
            panic!("replays still run: {:?}; empty queues: {are_queues_empty}", world.running_replays().await);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Checks that packing proceeds: a packer that was killed keeps its lease only for some time.
pub(crate) async fn packing_proceeds(world: &World) {
    let mark = async |name: &str| {
        let read = world.database.client().get_item().table_name("segments").consistent_read(true);
        let read = read.key("pk", AttributeValue::S("marks".to_owned())).key("sk", AttributeValue::N("0".to_owned()));
        let item = read.send().await.expect("a response").item.expect("the watermarks");
        item.get(name).and_then(|value| value.as_n().ok()?.parse::<i64>().ok()).unwrap_or_default()
    };
    wait_until("the lease of packing to be released", PACKING_TIME, async || mark("lease").await == 0).await;
    assert!(mark("next").await > 0, "no segment was packed");
}

/// Checks that every delivery is recorded as delivered.
pub(crate) async fn every_delivery_is_recorded(world: &World, acknowledged: &Acknowledged) {
    for id in acknowledged.keys() {
        let deliveries = get_json(world, &format!("/v1/events/{id}/deliveries")).await;
        assert_eq!(deliveries["deliveries"][0]["status"], "delivered", "{deliveries}");
    }
}

/// Checks that every way to read the log finds exactly the acknowledged events. The log also contains the operator's
/// actions, as events of another source.
pub(crate) async fn every_event_is_found(world: &World, acknowledged: &Acknowledged) {
    let expected: BTreeSet<u64> = acknowledged.keys().copied().collect();
    for id in &expected {
        assert_eq!(world.get(&format!("/v1/events/{id}")).await.0, StatusCode::OK, "event {id}");
    }
    for query in [
        "order=asc&limit=7&source=signal",
        "order=desc&limit=50&source=signal",
        "type=simulated&limit=9",
        "q=simulated&limit=1000",
    ] {
        assert_eq!(search(world, query).await, expected, "{query}");
    }
    for subject in 0..3 {
        let of_subject = acknowledged.iter().filter(|(_, number)| **number % 3 == subject).map(|(id, _)| *id);
        let query = format!("subject=thing-{subject}&limit=20");
        assert_eq!(search(world, &query).await, of_subject.collect(), "{query}");
    }
    let total = get_json(world, "/v1/events?limit=1&total=exact&source=signal").await["total"].as_u64();
    assert_eq!(total, u64::try_from(expected.len()).ok(), "the total");
    let (status, export) = world.get("/v1/export?format=ndjson&source=signal").await;
    assert_eq!(status, StatusCode::OK, "{export}");
    let exported: Vec<u64> = export.lines().map(|line| id_of(&serde_json::from_str(line).expect("JSON"))).collect();
    assert_eq!(exported.len(), expected.len(), "events of the export");
    assert_eq!(exported.into_iter().collect::<BTreeSet<_>>(), expected, "the export");
}

/// Returns the events of all pages of a search.
async fn search(world: &World, query: &str) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let mut path = format!("/v1/events?{query}");
    loop {
        let page = get_json(world, &path).await;
        for event in page["events"].as_array().expect("events") {
            assert!(found.insert(id_of(event)), "{query}: {event} is on two pages");
        }
        match page["next"].as_str() {
            Some(cursor) => path = format!("/v1/events?{query}&cursor={cursor}"),
            None => return found,
        }
    }
}

async fn get_json(world: &World, path: &str) -> Value {
    let (status, body) = world.get(path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

fn id_of(event: &Value) -> u64 {
    event["id"].as_u64().expect("an id")
}
