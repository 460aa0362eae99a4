//! Simulates the throughput that the partition keys of the tables allow under DynamoDB's limits.
//!
//! `cargo run -p store --example partitions` prints the tables of docs/scale.md.

mod event_shapes;
mod simulation;

use event_shapes::{Shape, delivery_writes, event_writes, quarantine_writes};
use simulation::{Run, Simulation};

/// Simulated numbers of shards.
const SHARD_COUNTS: [u16; 4] = [1, 4, 16, 64];

/// Simulated loads, in events per second.
const EVENTS_PER_SECOND: [f64; 3] = [10.0, 1000.0, 100_000.0];

fn main() {
    let mut rows: Vec<(String, String, Simulation)> = Vec::new();
    for shape in Shape::ALL {
        for shards in SHARD_COUNTS {
            rows.push((shape.name().to_owned(), shards.to_string(), Simulation::new(&event_writes(shape, shards))));
        }
    }
    for (name, sample) in [
        ("one target accepts all", delivery_writes(true)),
        ("one target rejects all", delivery_writes(false)),
        ("one source, all rejected", quarantine_writes()),
    ] {
        rows.push((name.to_owned(), "any".to_owned(), Simulation::new(&sample)));
    }
    println!("Events per second before throttling\n");
    println!("| events | shards | new tables | first | each key split off | first | quota of 40,000 units |");
    println!("|---|---|---|---|---|---|---|");
    for (name, shards, simulation) in &rows {
        let (new, settled, quota) = (simulation.new_table(), simulation.settled(), simulation.quota());
        let (new_rate, rate, quota) = (count(new.events), count(settled.events), count(quota.events));
        println!("| {name} | {shards} | {new_rate} | `{}` | {rate} | `{}` | {quota} |", new.by, settled.by);
    }
    println!("\nShare of events accepted at a constant load: in the first minute, and at the end after some minutes\n");
    println!("| events | shards | {} |", EVENTS_PER_SECOND.map(count).join(" | "));
    println!("|---|---|---|---|---|");
    for (name, shards, simulation) in &rows {
        println!(
            "| {name} | {shards} | {} |",
            EVENTS_PER_SECOND.map(|rate| format_run(&simulation.run(rate))).join(" | ")
        );
    }
}

/// Formats the accepted shares of a run.
fn format_run(run: &Run) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match (run.minutes, percent(run.first), percent(run.last)) {
        (_, first, _) if first == "100 %" => "all".to_owned(),
        (0, first, _) => first,
        (minutes, first, last) => format!("{first}, then {last} ({minutes} min)"),
    }
}

/// Formats a number with two significant digits and thousands separators.
fn count(number: f64) -> String {
    let unit = 10f64.powf((number.log10().floor() - 1.0).max(0.0));
    let digits = format!("{:.0}", (number / unit).round() * unit);
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded_to_two_digits() {
        assert_eq!([7.0, 999.6, 3968.3, 100_000.0].map(count), ["7", "1,000", "4,000", "100,000"]);
    }

    #[test]
    fn results_are_reproducible() {
        let runs = || Simulation::new(&event_writes(Shape::OneProject, 4)).run(100_000.0);
        assert_eq!(runs(), runs());
    }
}
