//! Events of a shape, and the keys under which the store writes them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
use aws_sdk_dynamodb::types::AttributeValue;
use events::{Accepted, Event, EventId, Fields, Fingerprint, KnownBy, ProducerId, Scope, first_slot};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use model::{RecordedStatus, Retention};
use store::{EventTable, status_key};

/// How many events stand for all: a multiple of 64, so that numbers that are counted fill every shard alike.
pub(crate) const SAMPLE: u32 = 1024;

/// The indexes of the table of events, each with its partition key, and whether it has all that the table has.
const INDEXES: [(&str, &str, bool); 5] = [
    ("by_subject", "ks", false),
    ("by_actor", "ka", false),
    ("by_project", "kp", false),
    ("by_type", "kt", false),
    ("by_late", "kl", true),
];

/// What the others of them have besides their keys, as in infra/template.yaml.
pub(crate) const INDEXED: [&str; 12] = ["s", "c", "o", "t", "a", "u", "e", "p", "v", "l", "tm", "expires"];

/// What kind of events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Many projects, types, features and people, some of them much more often than others.
    Spread,
    /// The same, all of one project.
    OneProject,
    /// The same, all of one type.
    OneType,
    /// The same, all of one feature.
    OneFeature,
    /// The same, from a producer whose numbers are multiples of four.
    InSteps,
    /// The same, of last year.
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

/// What one event writes: a number of units to a partition key of a table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) table: &'static str,
    pub(crate) key: String,
    pub(crate) units: u32,
}

/// What some events of a shape write to the table of events and its indexes, in a log with this many shards.
pub(crate) fn stored(shape: Shape, shards: u16) -> Vec<Vec<Write>> {
    // The same events each time.
    let (mut rng, events) = (Rng::with_seed(7), log(shards));
    (0..SAMPLE).map(|number| writes(&events.item(&accepted(shape, number, &mut rng)).expect("an item"))).collect()
}

/// What deliveries of events to one target write: one write each where the target takes them, and where it
/// takes none, three attempts and what is noted last.
pub(crate) fn delivered(takes: bool) -> Vec<Vec<Write>> {
    let (target, mut rng) = ("audit", Rng::with_seed(7));
    let write = |table, key: &str, units| Write { table, key: key.to_owned(), units };
    let waiting = status_key(target, RecordedStatus::Waiting);
    (0..SAMPLE)
        .map(|number| {
            let id = accepted(Shape::Spread, number, &mut rng).event.id.to_string();
            if takes {
                return vec![write("deliveries", &id, 1), write("by_target", target, 1)];
            }
            // Noted, noted again, and taken out when the last attempt has failed.
            vec![
                write("deliveries", &id, 3),
                write("by_target", target, 3),
                write("by_status", &waiting, 3),
                write("by_status", &status_key(target, RecordedStatus::Failed), 1),
            ]
        })
        .collect()
}

/// What refused events of one source write.
pub(crate) fn refused() -> Vec<Vec<Write>> {
    let write = Write { table: "quarantine", key: "unleash".to_owned(), units: 1 };
    vec![vec![write]; SAMPLE as usize]
}

/// The log's own functions, which ask DynamoDB nothing here.
fn log(shards: u16) -> EventTable {
    let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
    EventTable::new(client, "events".to_owned(), shards, Retention::new(None, now))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("a time")
}

fn accepted(shape: Shape, number: u32, rng: &mut Rng) -> Accepted {
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
        id: EventId::at(time, first_slot(Some(&producer), fingerprint)).expect("an id"),
        source: "unleash".to_owned(),
        catalog: "unleash".to_owned(),
        received_at: now(),
        stored_at: None,
        fields,
        payload: payload.into_bytes(),
    };
    Accepted { event, fingerprint, known_by: KnownBy::Event }
}

/// One of `of` things, of which the second comes half as often as the first, the third a third as often.
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

/// What an item writes to the table and to each index that it stands in.
fn writes(item: &HashMap<String, AttributeValue>) -> Vec<Write> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let all: Vec<&str> = item.keys().map(String::as_str).collect();
    let mut writes =
        vec![Write { table: "events", key: text("pk").expect("a partition key"), units: units(item, &all) }];
    for (table, key, whole) in INDEXES {
        let Some(value) = text(key) else { continue };
        let own = ["pk", "sk", key];
        let names: Vec<&str> = if whole { all.clone() } else { INDEXED.into_iter().chain(own).collect() };
        writes.push(Write { table, key: value, units: units(item, &names) });
    }
    writes
}

/// The write units of what an item has of these attributes: one for each kilobyte that is begun.
fn units(item: &HashMap<String, AttributeValue>, names: &[&str]) -> u32 {
    let bytes = names.iter().filter_map(|name| item.get(*name).map(|value| name.len() + size(value))).sum::<usize>();
    u32::try_from(bytes.div_ceil(1024)).expect("a small number").max(1)
}

/// The bytes that DynamoDB counts for a value.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indexes_are_those_of_the_template() {
        let template = include_str!("../../../../infra/template.yaml");
        let carried = format!("NonKeyAttributes: [{}]", INDEXED.join(", "));
        assert_eq!(template.matches(&carried).count(), INDEXES.iter().filter(|(_, _, whole)| !whole).count());
        for (name, key, _) in INDEXES {
            let declared = format!("IndexName: {name}\n          KeySchema:\n            - {{ AttributeName: {key}, ");
            assert!(template.contains(&declared), "{name}");
        }
    }

    #[test]
    fn an_event_writes_to_the_table_and_each_index_that_has_a_value_for_it() {
        let tables = |shape| stored(shape, 4)[0].iter().map(|write| write.table).collect::<Vec<_>>();
        assert_eq!(tables(Shape::Spread), ["events", "by_subject", "by_actor", "by_project", "by_type"]);
        assert_eq!(tables(Shape::Import).last(), Some(&"by_late"));
    }

    #[test]
    fn units_are_kilobytes_that_are_begun() {
        let item = |bytes: usize| HashMap::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes - 1)))]);
        for (bytes, expected) in [(1, 1), (1024, 1), (1025, 2), (4096, 4)] {
            assert_eq!(units(&item(bytes), &["a", "b"]), expected, "{bytes}");
        }
    }
}
