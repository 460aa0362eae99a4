//! What the keys of the tables can bear: DynamoDB's limits, simulated under the keys that the store makes.
//!
//! `cargo run -p store --example partitions` prints the tables of docs/scale.md.

mod event_shapes;
mod simulation;

use event_shapes::{Shape, delivered, refused, stored};
use simulation::{Model, Run};

/// How many shards a log may have, some of them.
const SHARDS: [u16; 4] = [1, 4, 16, 64];

/// The events of a second.
const RATES: [f64; 3] = [10.0, 1000.0, 100_000.0];

fn main() {
    let mut rows: Vec<(String, String, Model)> = Vec::new();
    for shape in Shape::ALL {
        for shards in SHARDS {
            rows.push((shape.name().to_owned(), shards.to_string(), Model::new(&stored(shape, shards))));
        }
    }
    for (name, sample) in [
        ("one target takes all", delivered(true)),
        ("one target takes none", delivered(false)),
        ("one source, all refused", refused()),
    ] {
        rows.push((name.to_owned(), "any".to_owned(), Model::new(&sample)));
    }
    println!("Events a second until the first is throttled\n");
    println!("| events | shards | new tables | first | each key split off | first | quota of 40,000 units |");
    println!("|---|---|---|---|---|---|---|");
    for (name, shards, model) in &rows {
        let (new, settled, quota) = (model.new_table(), model.settled(), model.quota());
        let (new_rate, rate, quota) = (count(new.events), count(settled.events), count(quota.events));
        println!("| {name} | {shards} | {new_rate} | `{}` | {rate} | `{}` | {quota} |", new.by, settled.by);
    }
    println!(
        "\nWhat is taken of so many events a second: in the first minute, in the end, and after how many minutes\n"
    );
    println!("| events | shards | {} |", RATES.map(count).join(" | "));
    println!("|---|---|---|---|---|");
    for (name, shards, model) in &rows {
        println!("| {name} | {shards} | {} |", RATES.map(|rate| told(&model.run(rate))).join(" | "));
    }
}

fn told(run: &Run) -> String {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match (run.minutes, percent(run.first), percent(run.last)) {
        (_, first, _) if first == "100 %" => "all".to_owned(),
        (0, first, _) => first,
        (minutes, first, last) => format!("{first}, then {last} ({minutes} min)"),
    }
}

/// A number with its thousands apart, to two digits.
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
    fn numbers_are_short() {
        assert_eq!([7.0, 999.6, 3968.3, 100_000.0].map(count), ["7", "1,000", "4,000", "100,000"]);
    }

    #[test]
    fn the_same_is_said_each_time() {
        let runs = || Model::new(&stored(Shape::OneProject, 4)).run(100_000.0);
        assert_eq!(runs(), runs());
    }
}
