//! Sample events of several shapes, and the writes that they cause.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
use aws_sdk_dynamodb::types::AttributeValue;
use events::{AcceptedEvent, DedupKey, Event, EventId, Fields, Fingerprint, ProducerId, Scope};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use model::{RecordedStatus, Retention};
use store::{EventTable, SlotKey, status_key};

/// Number of events in a sample: a multiple of 64, so that consecutive numbers fill every shard equally.
pub(crate) const SAMPLE_EVENTS: u32 = 1024;

/// The indexes of the `events` table: name, partition key, and whether the index projects all attributes.
const INDEXES: [(&str, &str, bool); 5] = [
    ("by_subject", "ks", false),
    ("by_actor", "ka", false),
    ("by_project", "kp", false),
    ("by_type", "kt", false),
    ("by_late", "kl", true),
];

/// The attributes that the other indexes project in addition to the keys, as in infra/template.yaml.
pub(crate) const PROJECTED_ATTRIBUTES: [&str; 12] = ["s", "c", "o", "t", "a", "u", "e", "p", "v", "l", "tm", "expires"];

/// The distribution of field values in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Many projects, types, features and users, some of them much more frequent than others.
    Spread,
    /// Like `Spread`, but all events have one project.
    OneProject,
    /// Like `Spread`, but all events have one type.
    OneType,
    /// Like `Spread`, but all events have one feature.
    OneFeature,
    /// Like `Spread`, but the sequence numbers of the producer are multiples of four.
    InSteps,
    /// Like `Spread`, but the events happened a year ago.
    Import,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] =
        [Self::Spread, Self::OneProject, Self::OneType, Self::OneFeature, Self::InSteps, Self::Import];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread (Zipf)",
            Self::OneProject => "one project",
            Self::OneType => "one type",
            Self::OneFeature => "one feature",
            Self::InSteps => "numbers in steps of 4",
            Self::Import => "import of old events",
        }
    }
}

/// The write units that one event consumes at a partition key of a table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) table: &'static str,
    pub(crate) key: String,
    pub(crate) units: u32,
}

/// Returns the writes of a sample to the `events` table and its indexes, in a log of `shards` shards.
pub(crate) fn event_writes(shape: Shape, shards: u16) -> Vec<Vec<Write>> {
    // A fixed seed makes the sample reproducible.
    let (mut rng, events, key) = (Rng::with_seed(7), event_table(shards), SlotKey::from_bytes([7; 32]));
    (0..SAMPLE_EVENTS)
        .map(|number| item_writes(&events.item(&accepted(shape, number, &mut rng), &key).expect("an item")))
        .collect()
}

/// Returns the writes of the deliveries of a sample to one target: one write each if the target accepts them, and three
/// attempts and the final status if it rejects them.
pub(crate) fn delivery_writes(accepts: bool) -> Vec<Vec<Write>> {
    let (target, mut rng) = ("audit", Rng::with_seed(7));
    let write = |table, key: &str, units| Write { table, key: key.to_owned(), units };
    let waiting = status_key(target, RecordedStatus::Waiting);
    (0..SAMPLE_EVENTS)
        .map(|number| {
            let id = format!("{}-{number}", accepted(Shape::Spread, number, &mut rng).event.id);
            if accepts {
                return vec![write("deliveries", &id, 1), write("by_target", target, 1)];
            }
            // Recorded after each attempt, and removed from the waiting deliveries after the last one.
            vec![
                write("deliveries", &id, 3),
                write("by_target", target, 3),
                write("by_status", &waiting, 3),
                write("by_status", &status_key(target, RecordedStatus::Failed), 1),
            ]
        })
        .collect()
}

/// Returns the writes of rejected events of one source.
pub(crate) fn quarantine_writes() -> Vec<Vec<Write>> {
    let write = Write { table: "quarantine", key: "unleash".to_owned(), units: 1 };
    vec![vec![write]; SAMPLE_EVENTS as usize]
}

/// Returns a table whose functions are used without calls to DynamoDB.
fn event_table(shards: u16) -> EventTable {
    let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
    EventTable::new(client, "events".to_owned(), shards, Retention::new(None, now))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("a time")
}

fn accepted(shape: Shape, number: u32, rng: &mut Rng) -> AcceptedEvent {
    let number = u64::from(number);
    let own = if shape == Shape::InSteps { number * 4 } else { number };
    let mut value = |kind: &str, of: u32| format!("{kind}-{}", zipf(of, rng));
    let event_type = value("feature-changed", 40);
    let (project, subject, actor) = (value("project", 50), value("feature", 1000), value("user", 200));
    let back = if shape == Shape::Import { SignedDuration::from_hours(24 * 365) } else { SignedDuration::ZERO };
    let millisecond = i64::try_from(number / 100).expect("a small number");
    let time = now() - back + SignedDuration::from_millis(millisecond);
    let payload = format!(
        r#"{{"id":{own},"type":"{event_type}","createdBy":"{actor}@example.org","createdAt":"{time}",
        "featureName":"{subject}","project":"{project}","environment":"production",
        "data":{{"name":"flexibleRollout","constraints":[{{"contextName":"userId","operator":"IN",
        "values":["1","2","3"]}}],"parameters":{{"groupId":"{subject}","rollout":"50","stickiness":"default"}}}}}}"#
    );
    let only = |shape_of: Shape, value: String, kind: &str| if shape == shape_of { kind.to_owned() } else { value };
    let fields = Fields {
        scope: Scope::Lifecycle,
        event_type: only(Shape::OneType, event_type, "feature-environment-enabled"),
        time,
        time_given: true,
        actor: Some(format!("{actor}@example.org")),
        subject: Some(only(Shape::OneFeature, subject, "dark-mode")),
        entities: Vec::new(),
        project: Some(only(Shape::OneProject, project, "web")),
        environment: Some("production".to_owned()),
        level: None,
        schema_version: Some(1),
    };
    let producer = ProducerId::Number(own);
    let fingerprint = Fingerprint::of("unleash", &fields.event_type, Some(&producer), payload.as_bytes());
    let event = Event {
        id: EventId::at(time, 0).expect("an id"),
        source: "unleash".to_owned(),
        catalog: "unleash".to_owned(),
        received_at: now(),
        stored_at: None,
        hops: 0,
        nudge: None,
        fields,
        payload: payload.into_bytes(),
    };
    AcceptedEvent { event, fingerprint, dedup_key: DedupKey::ProducerId, counter: Some(own) }
}

/// Returns a rank from 1 to `of` with a Zipf distribution: rank 2 is half as frequent as rank 1, rank 3 a third.
fn zipf(of: u32, rng: &mut Rng) -> u32 {
    let weight = |rank: u32| 1.0 / f64::from(rank);
    let mut left = rng.f64() * (1..=of).map(weight).sum::<f64>();
    for rank in 1..of {
        left -= weight(rank);
        if left <= 0.0 {
            return rank;
        }
    }
    of
}

/// Returns the writes of an item to the table and to each index that includes it.
fn item_writes(item: &HashMap<String, AttributeValue>) -> Vec<Write> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let all: Vec<&str> = item.keys().map(String::as_str).collect();
    let mut writes =
        vec![Write { table: "events", key: text("pk").expect("a partition key"), units: write_units(item, &all) }];
    for (table, key, is_full) in INDEXES {
        let Some(value) = text(key) else { continue };
        let own = ["pk", "sk", key];
        let names: Vec<&str> =
            if is_full { all.clone() } else { PROJECTED_ATTRIBUTES.into_iter().chain(own).collect() };
        writes.push(Write { table, key: value, units: write_units(item, &names) });
    }
    writes
}

/// Returns the write units of these attributes of an item: one per started kilobyte.
fn write_units(item: &HashMap<String, AttributeValue>, names: &[&str]) -> u32 {
    let bytes =
        names.iter().filter_map(|name| item.get(*name).map(|value| name.len() + value_bytes(value))).sum::<usize>();
    u32::try_from(bytes.div_ceil(1024)).expect("a small number").max(1)
}

/// Returns the size of a value as DynamoDB counts it, in bytes.
fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indexes_match_the_template() {
        let template = include_str!("../../../../infra/template.yaml");
        let projection = format!("NonKeyAttributes: [{}]", PROJECTED_ATTRIBUTES.join(", "));
        assert_eq!(template.matches(&projection).count(), INDEXES.iter().filter(|(_, _, is_full)| !is_full).count());
        for (name, key, _) in INDEXES {
            let declared = format!("IndexName: {name}\n          KeySchema:\n            - {{ AttributeName: {key}, ");
            assert!(template.contains(&declared), "{name}");
        }
    }

    #[test]
    fn an_event_is_written_to_the_table_and_its_indexes() {
        let tables = |shape| event_writes(shape, 4)[0].iter().map(|write| write.table).collect::<Vec<_>>();
        assert_eq!(tables(Shape::Spread), ["events", "by_subject", "by_actor", "by_project", "by_type"]);
        assert_eq!(tables(Shape::Import).last(), Some(&"by_late"));
    }

    #[test]
    fn write_units_are_started_kilobytes() {
        let item = |bytes: usize| HashMap::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes - 1)))]);
        for (bytes, expected) in [(1, 1), (1024, 1), (1025, 2), (4096, 4)] {
            assert_eq!(write_units(&item(bytes), &["a", "b"]), expected, "{bytes}");
        }
    }
}
