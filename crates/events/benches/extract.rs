//! Benchmark of event extraction compared with JSON parsing, and of the startup cost of catalogs.
//!
//! Run `cargo bench -p events --profile lambda` to measure with the optimisation of the deployed functions.

use std::hint::black_box;
use std::time::{Duration, Instant};

use events::{Catalog, Event, EventId, Fingerprint, catalog, catalogs};
use jiff::Timestamp;
use serde_json::{Value, json};

const ROUNDS: usize = 40;
const EVENTS: u32 = 500;

fn main() {
    let now = "2027-01-01T00:00:00Z".parse().expect("a time");
    measure_startup(now);
    let unleash = catalog("unleash").expect("a catalog");
    for (size, name) in [(600, "600 bytes"), (8_000, "8 KB")] {
        let event = event_of(size);
        let [parse, extract] =
            fastest([&mut || drop(black_box(serde_json::from_slice::<Value>(black_box(&event)))), &mut || {
                drop(black_box(to_event(unleash, black_box(&event), now)));
            }]);
        let ratio = extract.as_secs_f64() / parse.as_secs_f64();
        println!("{name}: parse {parse:?}, extract an Event {extract:?}, ratio {ratio:.2}  (at most 1.7)");
    }
}

/// Measures the cost of a cold start until the first event.
fn measure_startup(now: Timestamp) {
    let started = Instant::now();
    let types: usize = black_box(catalogs().map(|catalog| catalog.types().count()).sum());
    println!("{types} types of all catalogs: {:?}  (at most 1 ms)", started.elapsed());
    let mut first = Vec::new();
    for catalog in catalogs() {
        for event_type in catalog.types() {
            let example = event_type.examples[0].as_bytes();
            let started = Instant::now();
            drop(black_box(catalog.extract(example, now)));
            let cold = started.elapsed();
            let started = Instant::now();
            drop(black_box(catalog.extract(example, now)));
            first.push(cold.saturating_sub(started.elapsed()));
        }
    }
    let of_all = first[0];
    first.sort_unstable();
    println!(
        "additional time of a type's first event: {of_all:?} for the first of all, then p50 {:?}, maximum {:?}  (at most 6 ms)",
        first[first.len() / 2],
        first[first.len() - 1]
    );
}

/// An event of about `size` bytes.
fn event_of(size: usize) -> Vec<u8> {
    let mut constraints = Vec::new();
    loop {
        let event = json!({
            "id": 27357, "type": "feature-strategy-update", "createdBy": "user@getunleash.io",
            "createdAt": "2024-10-03T11:09:53.225Z", "createdByUserId": 110,
            "data": {
                "id": "3f4bf713-696c-43a4-8ce7-d6c607108858", "name": "flexibleRollout", "title": null,
                "disabled": false, "constraints": constraints,
                "parameters": {"groupId": "new-feature", "rollout": "100", "stickiness": "default"},
                "variants": [], "sortOrder": 0, "segments": [1, 2]
            },
            "preData": null, "tags": [], "featureName": "new-feature", "project": "my-other-project",
            "environment": "default"
        });
        let event = event.to_string().into_bytes();
        if event.len() >= size {
            return event;
        }
        constraints.push(json!({
            "contextName": "userId", "operator": "IN", "inverted": false, "caseInsensitive": false,
            "values": ["ada@example.org", "grace@example.org"]
        }));
    }
}

/// Performs the work of ingest before an event is stored.
fn to_event(catalog: &Catalog, payload: &[u8], received_at: Timestamp) -> Event {
    let extracted = catalog.extract(payload, received_at).expect("an event that fits");
    let fields = extracted.fields;
    let fingerprint = Fingerprint::of("unleash-prod", &fields.event_type, extracted.producer_id.as_ref(), payload);
    let slot = u64::from(black_box(fingerprint).as_bytes()[0]);
    let id = EventId::at(fields.time, slot).expect("a time within the range");
    Event {
        id,
        source: "unleash-prod".to_owned(),
        catalog: catalog.name().to_owned(),
        received_at,
        stored_at: None,
        hops: 0,
        nudge: None,
        fields,
        payload: payload.to_vec(),
    }
}

/// Returns the time of one call of each function in its fastest round, the one with the least interference. The functions
/// alternate, so that interference affects both.
fn fastest(mut calls: [&mut dyn FnMut(); 2]) -> [Duration; 2] {
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (call, fastest) in calls.iter_mut().zip(&mut fastest) {
            let started = Instant::now();
            (0..EVENTS).for_each(|_| call());
            *fastest = (*fastest).min(started.elapsed() / EVENTS);
        }
    }
    fastest
}
