//! An operator that pauses and resumes the target and starts replays.

use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::sleep;

use crate::checks::{self, MAX_RECOVERY_TIME, wait_until};
use crate::clock;
use crate::processes::TARGET;
use crate::producers::{Acknowledged, produce};
use crate::world::{MAX_CLOCK_ERROR_MINUTES, World};

/// Longest pause of the operator between two actions.
const MAX_ACTION_INTERVAL: Duration = Duration::from_mins(1);

/// Time after which every process knows that the target is paused, and every index contains the held deliveries.
const PAUSE_VISIBLE_AFTER: Duration = Duration::from_secs(10);

/// A replay of the whole log.
const REPLAY_ALL: &str = "replay?from=2026-01-01T00:00:00Z&rate=10";

/// Pauses, resumes and replays at random until the task is aborted.
pub(crate) async fn operate(world: World) {
    loop {
        sleep(world.faults.duration(MAX_ACTION_INTERVAL)).await;
        let action = match world.faults.below(5) {
            0 | 1 => "pause",
            2 | 3 => "resume",
            _ => REPLAY_ALL,
        };
        // An action without a response may have had its effect.
        try_action(&world, action).await;
    }
}

/// Runs an action on the target. Returns the response; `None` if the process was killed or the request failed.
async fn try_action(world: &World, action: &str) -> Option<Value> {
    let (status, response) = world.manage(&format!("/v1/targets/{TARGET}/{action}")).await?;
    match status {
        StatusCode::OK | StatusCode::ACCEPTED => Some(response),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => None,
        _ => panic!("{action}: {status}: {response}"),
    }
}

/// Repeats an action on the target until it succeeds.
async fn run_action(world: &World, action: &str) -> Value {
    loop {
        if let Some(response) = try_action(world, action).await {
            return response;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Resumes the target, so that every event can be delivered.
pub(crate) async fn resume(world: &World) {
    run_action(world, "resume").await;
}

/// Pauses the target, posts events, resumes the target, and checks that the receiver gets the events in the order of
/// their ids, although processes are killed and calls fail. Returns the events.
///
/// The receiver answers every request, because the events after a failed attempt do not wait for the next one.
pub(crate) async fn held_events_arrive_in_order(world: &World, first: usize, count: usize) -> Acknowledged {
    world.receivers.set_reliable(true);
    clock::keep_error(SignedDuration::ZERO);
    world.faults.start();
    run_action(world, "pause").await;
    sleep(PAUSE_VISIBLE_AFTER).await;
    let held = produce(world.clone(), first, count).await;
    for id in held.keys() {
        wait_until(&format!("event {id} to be held"), MAX_RECOVERY_TIME, async || {
            let deliveries = world.try_get(&format!("/v1/events/{id}/deliveries")).await;
            deliveries.is_some_and(|(_, body)| status_of(&body) == Some("held".to_owned()))
        })
        .await;
    }
    sleep(PAUSE_VISIBLE_AFTER).await;
    let before = world.receivers.arrivals().len();
    run_action(world, "resume").await;
    wait_until("the held events", MAX_RECOVERY_TIME, async || {
        let delivered = world.receivers.acknowledged();
        held.keys().all(|id| delivered.contains_key(id))
    })
    .await;
    let mut arrived: Vec<u64> = Vec::new();
    for id in world.receivers.arrivals().split_off(before) {
        if held.contains_key(&id) && !arrived.contains(&id) {
            arrived.push(id);
        }
    }
    assert!(arrived.is_sorted(), "the held events arrived in another order: {arrived:?}");
    world.stop_faults();
    held
}

fn status_of(body: &str) -> Option<String> {
    let explained: Value = serde_json::from_str(body).ok()?;
    explained["deliveries"][0]["status"].as_str().map(str::to_owned)
}

/// Replays the whole log without faults, and checks that every event is sent exactly once.
pub(crate) async fn a_replay_sends_each_event_once(world: &World, acknowledged: &Acknowledged) {
    // A replay sends what was received before it. The clock may have been ahead when events were received.
    clock::keep_error(SignedDuration::from_mins(MAX_CLOCK_ERROR_MINUTES));
    let before = world.receivers.acknowledged();
    run_action(world, REPLAY_ALL).await;
    // The replay starts when fanout reads its event.
    sleep(Duration::from_secs(10)).await;
    checks::everything_settles(world, acknowledged).await;
    let after = world.receivers.acknowledged();
    for id in acknowledged.keys() {
        assert_eq!(after[id], before[id] + 1, "webhooks of event {id} after a replay");
    }
}
