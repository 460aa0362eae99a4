//! DynamoDB's limits of a table on demand, as its documentation has them (docs/scale.md says where from).
//!
//! A table, and each of its indexes, is some partitions. Each takes 1,000 write units a second, and a new table has
//! four of them. Where one is at its limit for a while it is split in two, by its keys: one that has a single key
//! stays, because that key's items come in the order of their sort key, and all new ones would go to one half. What
//! an index cannot take, DynamoDB does not let into its table either.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::event_shapes::Write;

/// The write units that a partition takes in a second.
pub(crate) const PARTITION: f64 = 1000.0;

/// The partitions of a table that is new.
const NEW: usize = 4;

/// The write units that a table, and each index, takes in a second before AWS is asked for more.
pub(crate) const QUOTA: f64 = 40_000.0;

/// How full a partition is when it counts as being at its limit.
const HOT: f64 = 0.99;

/// How many minutes DynamoDB takes to split what is at its limit. Its documentation does not say: it tells of minutes.
const SPLIT_MINUTES: u32 = 5;

/// The longest that is simulated.
const MOST_MINUTES: u32 = 120;

/// What limits a load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    /// The events of a second that are all taken.
    pub(crate) events: f64,
    /// What is at its limit first.
    pub(crate) by: String,
}

/// What became of a load that went on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// The share of events that was taken in the first minute.
    pub(crate) first: f64,
    /// The share that was taken in the end.
    pub(crate) last: f64,
    /// After how many minutes nothing changed any more.
    pub(crate) minutes: u32,
}

/// What each event of a sample writes, by tables.
pub(crate) struct Model {
    /// Its events: which keys each writes to, and the units.
    events: Vec<Vec<(usize, f64)>>,
    /// Every key, with its table.
    keys: Vec<(&'static str, String)>,
    /// The units that an event writes to each key, on average.
    shares: Vec<f64>,
}

impl Model {
    pub(crate) fn new(sample: &[Vec<Write>]) -> Self {
        let (mut numbers, mut keys, mut shares) = (HashMap::new(), Vec::new(), Vec::new());
        let count = as_f64(sample.len());
        let mut number = |write: &Write| {
            let place = (write.table, write.key.clone());
            let number = *numbers.entry(place.clone()).or_insert_with(|| {
                keys.push(place);
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

    /// What limits it once every key has a partition of its own, which is the most that DynamoDB can do.
    pub(crate) fn settled(&self) -> Limit {
        let (key, share) = hottest(self.shares.iter().copied().enumerate()).expect("a key");
        let (table, key) = &self.keys[key];
        Limit { events: PARTITION / share, by: format!("{table} {key}") }
    }

    /// What limits it before that: the quota of a table or index.
    pub(crate) fn quota(&self) -> Limit {
        let mut tables: HashMap<&str, f64> = HashMap::new();
        for ((table, _), share) in self.keys.iter().zip(&self.shares) {
            *tables.entry(table).or_default() += share;
        }
        let mut tables: Vec<(&str, f64)> = tables.into_iter().collect();
        tables.sort_unstable_by_key(|(table, _)| *table);
        let (table, share) = hottest(tables.into_iter()).expect("a table");
        Limit { events: QUOTA / share, by: format!("{table}, its quota") }
    }

    /// What limits it where the tables are new.
    pub(crate) fn new_table(&self) -> Limit {
        let partitions = self.partitions();
        let loads = self.loads(&partitions);
        let (partition, share) = hottest(loads.iter().copied().enumerate()).expect("a partition");
        let own = partitions.iter().enumerate().filter(|(_, at)| **at == partition).map(|(key, _)| key);
        let (key, _) = hottest(own.map(|key| (key, self.shares[key]))).expect("a key");
        Limit { events: PARTITION / share, by: self.keys[key].0.to_owned() }
    }

    /// What becomes of so many events a second that come for a long time, from new tables on.
    pub(crate) fn run(&self, rate: f64) -> Run {
        let mut partitions = self.partitions();
        let first = self.taken(&partitions, rate);
        let (mut last, mut minutes) = (first, 0);
        while minutes < MOST_MINUTES && last < HOT {
            if !self.split(&mut partitions, rate) {
                break;
            }
            minutes += SPLIT_MINUTES;
            last = self.taken(&partitions, rate);
        }
        Run { first, last, minutes }
    }

    /// In which partition each key is, where the tables are new: nobody but DynamoDB knows by which hash.
    fn partitions(&self) -> Vec<usize> {
        let mut tables: Vec<&str> = Vec::new();
        let place = |(table, key): &(&'static str, String)| {
            let known = tables.iter().position(|known| known == table);
            let table = known.unwrap_or_else(|| {
                tables.push(*table);
                tables.len() - 1
            });
            table * NEW + usize::from(Sha256::digest(key)[0]) % NEW
        };
        self.keys.iter().map(place).collect()
    }

    /// The units that an event writes to each partition, on average.
    fn loads(&self, partitions: &[usize]) -> Vec<f64> {
        let count = partitions.iter().max().map_or(0, |last| last + 1);
        let mut loads = vec![0.0; count];
        for (partition, share) in partitions.iter().zip(&self.shares) {
            loads[*partition] += share;
        }
        loads
    }

    /// The share of the events that every one of their partitions, tables and indexes takes.
    fn taken(&self, partitions: &[usize], rate: f64) -> f64 {
        let taken: Vec<f64> =
            self.loads(partitions).iter().map(|share| (PARTITION / (share * rate).max(1e-9)).min(1.0)).collect();
        let whole = (self.quota().events / rate).min(1.0);
        let event =
            |writes: &Vec<(usize, f64)>| writes.iter().map(|(key, _)| taken[partitions[*key]]).fold(whole, f64::min);
        self.events.iter().map(event).sum::<f64>() / as_f64(self.events.len())
    }

    /// Splits every partition that is at its limit and has more than one key; whether there was one.
    fn split(&self, partitions: &mut [usize], rate: f64) -> bool {
        let loads = self.loads(partitions);
        let mut next = loads.len();
        for (partition, share) in loads.iter().enumerate().filter(|(_, share)| **share * rate > PARTITION * HOT) {
            let mut own: Vec<usize> = (0..partitions.len()).filter(|key| partitions[*key] == partition).collect();
            own.sort_unstable_by(|a, b| self.shares[*b].total_cmp(&self.shares[*a]));
            // DynamoDB looks for halves with as much to do each.
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

/// The first of those with the most units.
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
    use crate::event_shapes::{Shape, delivered, refused, stored};

    fn settled(shape: Shape, shards: u16) -> Limit {
        Model::new(&stored(shape, shards)).settled()
    }

    #[track_caller]
    fn about(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.15, "{found} is not about {expected}");
    }

    #[test]
    fn each_shard_bears_a_thousand_events_a_second() {
        for shards in [1, 4, 16, 64] {
            about(settled(Shape::OneType, shards).events, 1000.0 * f64::from(shards));
            about(settled(Shape::OneFeature, shards).events, 1000.0 * f64::from(shards));
        }
    }

    #[test]
    fn numbers_in_steps_of_four_use_a_quarter_of_the_shards() {
        assert!(settled(Shape::InSteps, 4).events < 1.1 * settled(Shape::InSteps, 1).events);
        about(settled(Shape::InSteps, 16).events, 4000.0);
        // Five has no factor in common with the slots of a millisecond.
        about(settled(Shape::InSteps, 5).events, 5000.0);
    }

    #[test]
    fn a_target_and_a_source_are_one_key_each_whatever_the_shards() {
        about(Model::new(&delivered(true)).settled().events, 1000.0);
        about(Model::new(&delivered(false)).settled().events, 333.0);
        about(Model::new(&refused()).settled().events, 1000.0);
    }

    #[test]
    fn splits_part_keys_but_no_rising_key() {
        let write = |key: &str| vec![Write { table: "t", key: key.to_owned(), units: 1 }];
        let one = Model::new(&[write("a")]);
        assert_eq!(one.run(2000.0), Run { first: 0.5, last: 0.5, minutes: 0 });
        let many: Vec<Vec<Write>> = (0..64).map(|key| write(&key.to_string())).collect();
        let run = Model::new(&many).run(20_000.0);
        assert!(run.first <= 0.2 && run.last > 0.99 && run.minutes >= 3 * SPLIT_MINUTES, "{run:?}");
    }

    #[test]
    fn an_index_that_is_full_holds_up_its_table() {
        let write = |table, key: String| Write { table, key, units: 1 };
        let sample: Vec<Vec<Write>> =
            (0..64).map(|n: u32| vec![write("t", n.to_string()), write("i", "one".to_owned())]).collect();
        let model = Model::new(&sample);
        assert_eq!(model.settled(), Limit { events: 1000.0, by: "i one".to_owned() });
        about(model.run(4000.0).last, 0.25);
    }

    #[test]
    fn the_quota_ends_what_keys_would_bear() {
        let model = Model::new(&stored(Shape::Spread, 64));
        about(model.quota().events, QUOTA);
        assert!(model.settled().events > QUOTA);
        about(model.run(100_000.0).last, 0.4);
    }
}
