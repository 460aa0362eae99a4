//! Checks after the end of the faults.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::producers::Acknowledged;
use crate::world::World;

/// Checks that the receiver has acknowledged every event, and that nothing else was sent.
pub(crate) async fn every_event_is_delivered(world: &World, acknowledged: &Acknowledged, limit: Duration) {
    let end = Instant::now() + limit;
    loop {
        let delivered = world.receivers.acknowledged();
        let unknown: Vec<&u64> = delivered.keys().filter(|id| !acknowledged.contains_key(id)).collect();
        assert!(unknown.is_empty(), "webhooks were sent of events that are not in the log: {unknown:?}");
        let missing: Vec<&u64> = acknowledged.keys().filter(|id| !delivered.contains_key(id)).collect();
        if missing.is_empty() {
            return;
        }
        if Instant::now() >= end {
            let explained = world.get(&format!("/v1/events/{}/deliveries", missing[0])).await.1;
            panic!("{} events are not delivered, such as {explained}", missing.len());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Checks that every delivery is recorded as delivered.
pub(crate) async fn every_delivery_is_recorded(world: &World, acknowledged: &Acknowledged) {
    for id in acknowledged.keys() {
        let deliveries = get_json(world, &format!("/v1/events/{id}/deliveries")).await;
        assert_eq!(deliveries["deliveries"][0]["status"], "delivered", "{deliveries}");
    }
}

/// Checks that every way to read the log finds exactly the acknowledged events.
pub(crate) async fn every_event_is_found(world: &World, acknowledged: &Acknowledged) {
    let expected: BTreeSet<u64> = acknowledged.keys().copied().collect();
    for id in &expected {
        assert_eq!(world.get(&format!("/v1/events/{id}")).await.0, StatusCode::OK, "event {id}");
    }
    for query in ["order=asc&limit=7", "order=desc&limit=50", "type=simulated&limit=9", "q=simulated&limit=1000"] {
        assert_eq!(search(world, query).await, expected, "{query}");
    }
    for subject in 0..3 {
        let of_subject = acknowledged.iter().filter(|(_, number)| **number % 3 == subject).map(|(id, _)| *id);
        let query = format!("subject=thing-{subject}&limit=20");
        assert_eq!(search(world, &query).await, of_subject.collect(), "{query}");
    }
    let total = get_json(world, "/v1/events?limit=1&total=exact").await["total"].as_u64();
    assert_eq!(total, u64::try_from(expected.len()).ok(), "the total");
    let (status, export) = world.get("/v1/export?format=ndjson").await;
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
