//! Producers that post events until each is acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clock;
use crate::processes;
use crate::world::World;

/// Maximum number of events of a request.
const MAX_BATCH: usize = 6;

/// Longest pause of a producer between two requests.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// The acknowledged events of a producer: the number of each event by its id.
pub(crate) type Acknowledged = BTreeMap<u64, usize>;

/// Posts `count` events, whose numbers start at `first`. Each request is repeated until it is acknowledged.
pub(crate) async fn produce(world: World, first: usize, count: usize) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let mut process = processes::ingest(&world.database, &world.queues);
    let mut next = first;
    while next < first + count {
        let size = (1 + world.faults.below(MAX_BATCH)).min(first + count - next);
        let batch: Vec<Value> = (next..next + size).map(|number| event(&world, number)).collect();
        let key = format!("request-{next}");
        loop {
            if world.faults.once_in(15) {
                process = processes::ingest(&world.database, &world.queues);
            }
            match world.post(process.clone(), &json!(batch), &key).await {
                Some((StatusCode::OK, response)) => {
                    record(&mut acknowledged, next, &response);
                    // A producer that has lost the response sends the request again.
                    if !world.faults.once_in(8) {
                        break;
                    }
                }
                // The deployment stores the events of the request later, or has stored some of them.
                None | Some((StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR, _)) => {
                    process = processes::ingest(&world.database, &world.queues);
                    sleep(Duration::from_secs(1)).await;
                }
                Some((status, response)) => panic!("event {next}: {status}: {response}"),
            }
        }
        next += size;
        sleep(world.faults.duration(MAX_PAUSE)).await;
    }
    acknowledged
}

fn record(acknowledged: &mut Acknowledged, first: usize, response: &Value) {
    let results = response["results"].as_array().expect("results");
    for (offset, result) in results.iter().enumerate() {
        let id = result["id"].as_u64().unwrap_or_else(|| panic!("event {}: {result}", first + offset));
        let number = acknowledged.entry(id).or_insert(first + offset);
        assert_eq!(*number, first + offset, "two events have the id {id}");
    }
}

/// Returns the event with this number: some have no time, some have the same time, some have a time of their own.
fn event(world: &World, number: usize) -> Value {
    let mut event = json!({ "type": "simulated", "subject": format!("thing-{}", number % 3), "number": number });
    let now = clock::true_time();
    let time = match number % 4 {
        0 => None,
        // A whole hour: many events share it.
        1 => Some(now.round((jiff::Unit::Hour, 1)).expect("a time").min(now)),
        2 => Some(now - SignedDuration::try_from(world.faults.duration(Duration::from_hours(3))).expect("hours")),
        _ => Some(now),
    };
    if let Some(time) = time {
        event["time"] = json!(format!("{time:.3}"));
    }
    event
}
