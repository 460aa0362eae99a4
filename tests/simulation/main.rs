//! A deterministic simulation of the deployed functions.
//!
//! All functions run on one thread in virtual time, on a simulated DynamoDB and SQS. Producers post events, and an
//! operator pauses and resumes a target and starts replays. A seed determines every latency, and with it the order in
//! which concurrent calls proceed, and every fault: killed processes, throttled and failed calls, lost responses, a full
//! disk, lagging indexes, repeated and reordered messages, and a clock that is set back and forth.
//!
//! `cargo xtask simulate 0..2000` runs other seeds. A failure prints its seed.

mod checks;
mod clock;
mod database;
mod faults;
mod operator;
mod processes;
mod producers;
mod queues;
mod receivers;
mod trace;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;

use producers::{Acknowledged, produce};
use world::World;

/// Seeds of a run without `SIMULATION_SEEDS`.
const DEFAULT_SEEDS: Range<u64> = 0..8;

/// Number of producers, and of the events of each.
const PRODUCERS: usize = 3;
const EVENTS_PER_PRODUCER: usize = 20;

/// Number of events that are held before a resume. They follow the events of the producers.
const HELD_EVENTS: usize = 10;

#[test]
fn acknowledged_events_survive_faults() {
    let range = seeds();
    let next = AtomicU64::new(range.start);
    // Each simulation runs on one thread. Several simulations run at the same time.
    let run_seeds = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= range.end {
                break;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
                next.store(range.end, Ordering::Relaxed);
                eprintln!("the simulation failed: repeat it with SIMULATION_SEEDS={seed}..{}", seed + 1);
                resume_unwind(panic);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(run_seeds);
        }
    });
}

#[test]
fn a_seed_repeats_its_run() {
    let run = || simulate(0);
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(run);
        let second = run();
        (first.join().expect("a run without a panic"), second)
    });
    let difference = first.iter().zip(&second).position(|(first, second)| first != second);
    if let Some(line) = difference {
        panic!("line {line} of the traces differs:\n{}\n{}", first[line], second[line]);
    }
    assert_eq!(first.len(), second.len(), "lines of the traces");
}

fn seeds() -> Range<u64> {
    let Ok(range) = std::env::var("SIMULATION_SEEDS") else { return DEFAULT_SEEDS };
    let seeds = range.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    seeds.unwrap_or_else(|| panic!("SIMULATION_SEEDS is {range:?}: expected a range such as 0..50"))
}

/// Runs a seed and returns its trace.
fn simulate(seed: u64) -> Vec<String> {
    // The functions and the SDK add random delays to their retries.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        clock::start();
        let (world, tasks) = World::start(seed).await;
        check(&world).await;
        for task in tasks {
            task.abort();
            match task.await {
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                _ => {}
            }
        }
    });
    trace::take()
}

async fn check(world: &World) {
    let operator = tokio::spawn(operator::operate(world.clone()));
    let producers = (0..PRODUCERS)
        .map(|number| tokio::spawn(produce(world.clone(), number * EVENTS_PER_PRODUCER, EVENTS_PER_PRODUCER)));
    let mut acknowledged = Acknowledged::new();
    for events in join_all(producers).await {
        acknowledged.extend(events.unwrap_or_else(|error| resume_unwind(error.into_panic())));
    }
    operator.abort();
    match operator.await {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        _ => {}
    }
    world.stop_faults();
    operator::resume(world).await;
    checks::everything_settles(world, &acknowledged).await;

    acknowledged.extend(operator::held_events_arrive_in_order(world, acknowledged.len(), HELD_EVENTS).await);
    assert_eq!(acknowledged.len(), PRODUCERS * EVENTS_PER_PRODUCER + HELD_EVENTS, "every event has its own id");
    checks::everything_settles(world, &acknowledged).await;
    operator::a_replay_sends_each_event_once(world, &acknowledged).await;
    tokio::time::sleep(checks::PACKING_TIME).await;
    checks::packing_proceeds(world).await;
    checks::every_event_is_found(world, &acknowledged).await;
    checks::every_delivery_is_recorded(world, &acknowledged).await;
}
