//! A simulation of DynamoDB's limits for on-demand tables. docs/scale.md lists the sources.
//!
//! A table and each of its indexes consist of partitions. A partition accepts 1,000 write units per second, and a new
//! table has four partitions. DynamoDB splits a partition that stays at its limit by its keys. A partition with a
//! single key is not split: the sort keys of its items increase, so all new items would go to one half. If an index
//! throttles, its table throttles too.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::event_shapes::Write;

/// Maximum write units of a partition per second.
pub(crate) const PARTITION_UNITS: f64 = 1000.0;

/// Number of partitions of a new table.
const NEW_TABLE_PARTITIONS: usize = 4;

/// Default quota of a table and of each index, in write units per second.
pub(crate) const QUOTA_UNITS: f64 = 40_000.0;

/// Utilization from which a partition is at its limit.
const HOT_UTILIZATION: f64 = 0.99;

/// Time that DynamoDB takes to split a partition. Its documentation mentions minutes, but no number.
const SPLIT_MINUTES: u32 = 5;

/// Maximum simulated time.
const MAX_MINUTES: u32 = 120;

/// The limit of a load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    /// Maximum number of events per second without throttling.
    pub(crate) events: f64,
    /// The key or quota that reaches its limit first.
    pub(crate) by: String,
}

/// The result of a simulated load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// Share of events accepted in the first minute.
    pub(crate) first: f64,
    /// Share of events accepted at the end.
    pub(crate) last: f64,
    /// Number of minutes after which the share no longer changed.
    pub(crate) minutes: u32,
}

/// The writes of a sample.
pub(crate) struct Simulation {
    /// The keys that each event writes to, with the units.
    events: Vec<Vec<(usize, f64)>>,
    /// Every key, with its table.
    keys: Vec<(&'static str, String)>,
    /// The units that an event writes to each key, on average.
    shares: Vec<f64>,
}

impl Simulation {
    pub(crate) fn new(sample: &[Vec<Write>]) -> Self {
        let (mut numbers, mut keys, mut shares) = (HashMap::new(), Vec::new(), Vec::new());
        let count = as_f64(sample.len());
        let mut number = |write: &Write| {
            let index_of = (write.table, write.key.clone());
            let number = *numbers.entry(index_of.clone()).or_insert_with(|| {
                keys.push(index_of);
                shares.push(0.0);
                keys.len() - 1
            });
            let units = f64::from(write.units);
            shares[number] += units / count;
            (number, units)
        };
        let events = sample.iter().map(|writes| writes.iter().map(&mut number).collect()).collect();
        Self { events, keys, shares }
    }

    /// Returns the limit after DynamoDB has given every key its own partition.
    pub(crate) fn settled(&self) -> Limit {
        let (key, share) = hottest(self.shares.iter().copied().enumerate()).expect("a key");
        let (table, key) = &self.keys[key];
        Limit { events: PARTITION_UNITS / share, by: format!("{table} {key}") }
    }

    /// Returns the limit by the quota of a table or index.
    pub(crate) fn quota(&self) -> Limit {
        let mut tables: HashMap<&str, f64> = HashMap::new();
        for ((table, _), share) in self.keys.iter().zip(&self.shares) {
            *tables.entry(table).or_default() += share;
        }
        let mut tables: Vec<(&str, f64)> = tables.into_iter().collect();
        tables.sort_unstable_by_key(|(table, _)| *table);
        let (table, share) = hottest(tables.into_iter()).expect("a table");
        Limit { events: QUOTA_UNITS / share, by: format!("{table}, its quota") }
    }

    /// Returns the limit of new tables.
    pub(crate) fn new_table(&self) -> Limit {
        let partitions = self.partitions();
        let loads = self.loads(&partitions);
        let (partition, share) = hottest(loads.iter().copied().enumerate()).expect("a partition");
        let own = partitions.iter().enumerate().filter(|(_, at)| **at == partition).map(|(key, _)| key);
        let (key, _) = hottest(own.map(|key| (key, self.shares[key]))).expect("a key");
        Limit { events: PARTITION_UNITS / share, by: self.keys[key].0.to_owned() }
    }

    /// Simulates a constant load of `rate` events per second on new tables.
    pub(crate) fn run(&self, rate: f64) -> Run {
        let mut partitions = self.partitions();
        let first = self.accepted_share(&partitions, rate);
        let (mut last, mut minutes) = (first, 0);
        while minutes < MAX_MINUTES && last < HOT_UTILIZATION {
            if !self.split(&mut partitions, rate) {
                break;
            }
            minutes += SPLIT_MINUTES;
            last = self.accepted_share(&partitions, rate);
        }
        Run { first, last, minutes }
    }

    /// Returns the partition of each key in new tables. The hash function of DynamoDB is not public, so any will do.
    fn partitions(&self) -> Vec<usize> {
        let mut tables: Vec<&str> = Vec::new();
        let index_of = |(table, key): &(&'static str, String)| {
            let known = tables.iter().position(|known| known == table);
            let table = known.unwrap_or_else(|| {
                tables.push(*table);
                tables.len() - 1
            });
            table * NEW_TABLE_PARTITIONS + usize::from(Sha256::digest(key)[0]) % NEW_TABLE_PARTITIONS
        };
        self.keys.iter().map(index_of).collect()
    }

    /// Returns the average write units of an event in each partition.
    fn loads(&self, partitions: &[usize]) -> Vec<f64> {
        let count = partitions.iter().max().map_or(0, |last| last + 1);
        let mut loads = vec![0.0; count];
        for (partition, share) in partitions.iter().zip(&self.shares) {
            loads[*partition] += share;
        }
        loads
    }

    /// Returns the share of events that all their partitions, tables and indexes accept.
    fn accepted_share(&self, partitions: &[usize], rate: f64) -> f64 {
        let accepted: Vec<f64> =
            self.loads(partitions).iter().map(|share| (PARTITION_UNITS / (share * rate).max(1e-9)).min(1.0)).collect();
        let whole = (self.quota().events / rate).min(1.0);
        let event =
            |writes: &Vec<(usize, f64)>| writes.iter().map(|(key, _)| accepted[partitions[*key]]).fold(whole, f64::min);
        self.events.iter().map(event).sum::<f64>() / as_f64(self.events.len())
    }

    /// Splits every partition at its limit that has more than one key. Returns whether there was one.
    fn split(&self, partitions: &mut [usize], rate: f64) -> bool {
        let loads = self.loads(partitions);
        let mut next = loads.len();
        for (partition, share) in
            loads.iter().enumerate().filter(|(_, share)| **share * rate > PARTITION_UNITS * HOT_UTILIZATION)
        {
            let mut own: Vec<usize> = (0..partitions.len()).filter(|key| partitions[*key] == partition).collect();
            own.sort_unstable_by(|a, b| self.shares[*b].total_cmp(&self.shares[*a]));
            // DynamoDB splits into halves with equal load.
            let mut half = 0.0;
            let moved: Vec<usize> = own
                .iter()
                .copied()
                .skip(1)
                .filter(|key| {
                    let fits = half + self.shares[*key] <= share / 2.0 + 1e-9;
                    half += if fits { self.shares[*key] } else { 0.0 };
                    fits
                })
                .collect();
            for key in &moved {
                partitions[*key] = next;
            }
            next += usize::from(!moved.is_empty());
        }
        next > loads.len()
    }
}

/// Returns the first entry with the most units.
fn hottest<T>(of: impl Iterator<Item = (T, f64)>) -> Option<(T, f64)> {
    of.fold(None, |best, next| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    })
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_shapes::{Shape, delivery_writes, event_writes, quarantine_writes};

    fn settled(shape: Shape, shards: u16) -> Limit {
        Simulation::new(&event_writes(shape, shards)).settled()
    }

    #[track_caller]
    fn assert_about(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.15, "{found} is not about {expected}");
    }

    #[test]
    fn each_shard_accepts_a_thousand_events_per_second() {
        for shards in [1, 4, 16, 64] {
            assert_about(settled(Shape::OneType, shards).events, 1000.0 * f64::from(shards));
            assert_about(settled(Shape::OneFeature, shards).events, 1000.0 * f64::from(shards));
        }
    }

    #[test]
    fn numbers_in_steps_of_four_use_at_least_four_shards() {
        assert_about(settled(Shape::InSteps, 4).events, 4000.0);
        assert_about(settled(Shape::InSteps, 16).events, 4000.0);
        // Five has no factor in common with the slots of a millisecond.
        assert_about(settled(Shape::InSteps, 5).events, 5000.0);
    }

    #[test]
    fn a_target_and_a_source_have_one_key_each() {
        assert_about(Simulation::new(&delivery_writes(true)).settled().events, 1000.0);
        assert_about(Simulation::new(&delivery_writes(false)).settled().events, 333.0);
        assert_about(Simulation::new(&quarantine_writes()).settled().events, 1000.0);
    }

    #[test]
    fn partitions_with_a_single_key_are_not_split() {
        let write = |key: &str| vec![Write { table: "t", key: key.to_owned(), units: 1 }];
        let one = Simulation::new(&[write("a")]);
        assert_eq!(one.run(2000.0), Run { first: 0.5, last: 0.5, minutes: 0 });
        let many: Vec<Vec<Write>> = (0..64).map(|key| write(&key.to_string())).collect();
        let run = Simulation::new(&many).run(20_000.0);
        assert!(run.first <= 0.2 && run.last > 0.99 && run.minutes >= 3 * SPLIT_MINUTES, "{run:?}");
    }

    #[test]
    fn a_throttled_index_throttles_its_table() {
        let write = |table, key: String| Write { table, key, units: 1 };
        let sample: Vec<Vec<Write>> =
            (0..64).map(|n: u32| vec![write("t", n.to_string()), write("i", "one".to_owned())]).collect();
        let simulation = Simulation::new(&sample);
        assert_eq!(simulation.settled(), Limit { events: 1000.0, by: "i one".to_owned() });
        assert_about(simulation.run(4000.0).last, 0.25);
    }

    #[test]
    fn the_quota_limits_well_distributed_keys() {
        let simulation = Simulation::new(&event_writes(Shape::Spread, 64));
        assert_about(simulation.quota().events, QUOTA_UNITS);
        assert!(simulation.settled().events > QUOTA_UNITS);
        assert_about(simulation.run(100_000.0).last, 0.4);
    }
}
