//! Reading a payload: validate it by its type's schema, then take out the fields.

use jiff::{SignedDuration, Timestamp};
use jsonschema::Validator;
use serde_json::Value;

use crate::arrival::Attributes;
use crate::catalog::{Catalog, EventType};
use crate::event::{Fields, Scope};
use crate::id::ProducerId;
use crate::json::{self, Parsed};
use crate::rules::{Found, Rules, all, first};
use crate::time;
use crate::violation::{Refused, Violation};

/// 2000-01-01T00:00:00Z in seconds since 1970: ids begin here.
const EARLIEST_S: i64 = 946_684_800;
/// How far a producer's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// The longest text, in bytes, that an event can be found by. An index takes no more than 2 KB.
pub(crate) const MAX_TEXT: usize = 1024;
/// The longest payload, in bytes: the longest that can be read back, since a Lambda answers with at
/// most 6 MB.
const MAX_PAYLOAD: usize = 4_500_000;
/// The most entities of an event: each is found by an item of its own.
const MAX_ENTITIES: usize = 1000;
/// How many violations are told.
const MAX_VIOLATIONS: usize = 100;
/// Of a payload with more values than this only one violation is told: the validator collects all of
/// them first, and they could take more memory than a function has.
const MAX_VALUES_IN_DETAIL: usize = 20_000;

/// What was read out of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The fields that events are found by.
    pub fields: Fields,
    /// The producer's own id for the event.
    pub producer_id: Option<ProducerId>,
}

impl Catalog {
    /// Reads one payload, the JSON of one event.
    ///
    /// The schema of its type decides whether it is accepted, the catalog's base schema where the
    /// type has none. `received_at` stands in for the time where the event has none. Times before
    /// 2000, or more than an hour after `received_at`, are refused, and so are payloads over 4.5 MB.
    pub fn read(&self, payload: &[u8], received_at: Timestamp) -> Result<Reading, Refused> {
        self.read_with(payload, &Attributes::default(), received_at)
    }

    /// The same, with what was said of the event beside it.
    pub(crate) fn read_with(
        &self,
        payload: &[u8],
        attributes: &Attributes,
        received_at: Timestamp,
    ) -> Result<Reading, Refused> {
        let refused = |violation| Refused { event_type: None, violations: vec![violation] };
        if payload.len() > MAX_PAYLOAD {
            let message = format!("expected at most {MAX_PAYLOAD} bytes, found {}", payload.len());
            return Err(refused(Violation::new("", "maxLength", message)));
        }
        let Parsed { value: payload, values } = json::parse(payload).map_err(refused)?;
        let found = self.rules.event_type(&payload);
        let found = found.or_else(|| Some(("", attributes.event_type.clone()?))).or_else(|| self.rules.untyped());
        let known = found.as_ref().and_then(|(_, name)| self.event_type(name));
        let validator = known.map_or_else(|| self.validator(), EventType::validator);
        let mut check = Check { violations: violations(validator, &payload, values) };
        let event_type = check.event_type(found, &self.rules);
        let given = check.time(&self.rules, &payload, attributes, received_at);
        let mut fields = check.fields(&self.rules, &payload, attributes);
        fields.event_type = event_type;
        fields.time = given.unwrap_or(received_at);
        fields.time_given = given.is_some();
        fields.schema_version = known.map(|known| known.version);

        match check.violations() {
            violations if violations.is_empty() => {
                Ok(Reading { fields, producer_id: self.rules.producer_id(&payload) })
            }
            violations => {
                Err(Refused { event_type: Some(fields.event_type).filter(|name| !name.is_empty()), violations })
            }
        }
    }
}

/// What a schema finds wrong with a payload of this many values.
fn violations(validator: &Validator, payload: &Value, values: usize) -> Vec<Violation> {
    if values > MAX_VALUES_IN_DETAIL {
        return validator.validate(payload).err().into_iter().map(Violation::from).collect();
    }
    // Nearly every event is fine, and asking only that is cheaper than asking what is not.
    if validator.is_valid(payload) {
        return Vec::new();
    }
    validator.iter_errors(payload).take(MAX_VIOLATIONS).map(Violation::from).collect()
}

/// Collects violations, so that whoever must mend the event hears of all of them at once. Where
/// something is wrong, what is read is a stand-in that is never handed out.
struct Check {
    violations: Vec<Violation>,
}

impl Check {
    fn event_type(&mut self, found: Option<Found>, rules: &Rules) -> String {
        if found.is_none() && self.violations.is_empty() {
            let at = rules.event_type.last().map_or("", |place| place.at);
            self.violations.push(Violation::new(at, "type", "expected the event's type, found none"));
        }
        self.text(found).unwrap_or_default()
    }

    /// When it happened, where that is said; a time that is wrong is none.
    fn time(
        &mut self,
        rules: &Rules,
        payload: &Value,
        attributes: &Attributes,
        received_at: Timestamp,
    ) -> Option<Timestamp> {
        let (at, time, text) = match first(rules.time, payload).map(|(at, text)| (at, time::parse(&text), text)) {
            Some((at, Some(time), text)) => (at, time, text),
            Some((at, None, text)) if !rules.lenient_time => {
                // The schema has said so already, unless it has no format for it.
                if self.violations.iter().all(|violation| violation.pointer != at) {
                    let message = format!("expected a time such as 2024-10-03T11:09:53.225Z, found {text}");
                    self.violations.push(Violation::new(at, "time", message));
                }
                return None;
            }
            _ => attributes.time.map(|time| ("", time, time.to_string()))?,
        };
        let expected = if time.as_second() < EARLIEST_S {
            "expected a time after 1999"
        } else if time.duration_since(received_at) > AHEAD {
            "expected a time that is not in the future: is the producer's clock right?"
        } else {
            return Some(time);
        };
        self.violations.push(Violation::new(at, "time", format!("{expected}, found {text}")));
        None
    }

    fn fields(&mut self, rules: &Rules, payload: &Value, attributes: &Attributes) -> Fields {
        let scope = rules.scope(payload);
        let mut entities = all(rules.entities, payload);
        if entities.len() > MAX_ENTITIES {
            let message = format!("expected at most {MAX_ENTITIES} entities, found {}", entities.len());
            self.violations.push(Violation::new(entities[0].0, "maxItems", message));
            entities.truncate(1);
        }
        let entities: Vec<_> = entities.into_iter().filter_map(|found| self.text(Some(found))).collect();
        let mut text = |found| self.text(found);
        Fields {
            scope,
            event_type: String::new(),
            time: Timestamp::UNIX_EPOCH,
            time_given: false,
            actor: text(first(rules.actor, payload)),
            subject: text(first(rules.subject, payload))
                .or_else(|| entities.first().cloned())
                .or_else(|| text(attributes.subject.clone().map(|subject| ("", subject)))),
            project: text(first(rules.project, payload)),
            environment: text(first(rules.environment, payload)),
            entities,
            level: (scope == Scope::Logging).then(|| rules.level(payload)).flatten(),
            schema_version: None,
        }
    }

    /// The text, unless it is too long to be found by.
    fn text(&mut self, found: Option<Found>) -> Option<String> {
        let (at, text) = found?;
        if text.len() <= MAX_TEXT {
            return Some(text);
        }
        let message = format!("expected at most {MAX_TEXT} bytes, found {}", text.len());
        self.violations.push(Violation::new(at, "maxLength", message));
        None
    }

    fn violations(mut self) -> Vec<Violation> {
        self.violations.sort();
        self.violations.dedup();
        self.violations
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Level, catalog};

    fn read(name: &str, payload: &Value) -> Result<Reading, Refused> {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        catalog(name).unwrap().read(payload.to_string().as_bytes(), received_at)
    }

    fn example(name: &str, event_type: &str) -> Value {
        let known = catalog(name).unwrap().event_type(event_type).unwrap();
        serde_json::from_str(known.examples[0]).unwrap()
    }

    /// The one violation's pointer and keyword.
    #[track_caller]
    fn violation(refused: Result<Reading, Refused>) -> (String, String) {
        let [violation] = &refused.unwrap_err().violations[..] else { panic!("more than one violation") };
        (violation.pointer.clone(), violation.keyword.clone())
    }

    #[test]
    fn unleash_s_fields() {
        let reading = read("unleash", &example("unleash", "feature-created")).unwrap();
        assert_eq!(reading.producer_id, Some(ProducerId::Number(27332)));
        assert_eq!(
            reading.fields,
            Fields {
                scope: Scope::Lifecycle,
                event_type: "feature-created".to_owned(),
                time: "2024-10-03T11:09:53.225Z".parse().unwrap(),
                time_given: true,
                actor: Some("user@getunleash.io".to_owned()),
                subject: Some("test-flag".to_owned()),
                entities: Vec::new(),
                project: Some("test-project".to_owned()),
                environment: None,
                level: None,
                schema_version: Some(1),
            }
        );
    }

    #[test]
    fn migration_manager_s_fields() {
        let fields = read("migration-manager", &example("migration-manager", "migration-created")).unwrap().fields;
        assert_eq!(fields.scope, Scope::Lifecycle);
        assert_eq!(fields.event_type, "migration-created");
        assert_eq!(fields.entities.len(), 2);
        assert_eq!(fields.subject.as_ref(), fields.entities.first());

        let fields = read("migration-manager", &example("migration-manager", "instance-imported")).unwrap().fields;
        assert_eq!(fields.time, "2025-12-09T23:41:17.482913605Z".parse().unwrap());
        let actor = "a57be4e28ab1f1d315e9d3b174a54221b47dca44f2e5c7c436d9cf558e3f8b7e";
        assert_eq!(fields.actor.as_deref(), Some(actor));

        let reading = read("migration-manager", &example("migration-manager", "logging")).unwrap();
        assert_eq!(reading.producer_id, None);
        assert_eq!(reading.fields.scope, Scope::Logging);
        assert_eq!(reading.fields.level, Some(Level::Info));
        assert_eq!(reading.fields.time, "2025-12-09T23:17:28Z".parse().unwrap());
    }

    #[test]
    fn levels_in_any_spelling() {
        let mut event = example("migration-manager", "logging");
        for (text, level) in [
            ("debug", Some(Level::Debug)),
            ("INFO", Some(Level::Info)),
            ("Warning", Some(Level::Warn)),
            ("ERROR+2", Some(Level::Error)),
            ("loud", None),
        ] {
            event["metadata"]["level"] = json!(text);
            assert_eq!(read("migration-manager", &event).unwrap().fields.level, level, "{text}");
        }
    }

    #[test]
    fn a_signal_is_any_object() {
        for (signal, event_type, time) in [
            (json!({}), "signal", "2026-01-01T00:00:00Z"),
            (json!({"type": "deployed", "time": "2025-06-01T10:00:00"}), "deployed", "2025-06-01T10:00:00Z"),
            (json!({"type": ["odd"], "time": 1_700_000_000, "id": {}}), "signal", "2026-01-01T00:00:00Z"),
            (json!({"type": 7, "time": "yesterday", "project": "web"}), "7", "2026-01-01T00:00:00Z"),
        ] {
            let fields = read("signal", &signal).unwrap_or_else(|e| panic!("{signal}: {e}")).fields;
            assert_eq!((fields.scope, fields.event_type.as_str()), (Scope::Signal, event_type), "{signal}");
            assert_eq!(fields.time, time.parse().unwrap(), "{signal}");
        }
        assert_eq!(violation(read("signal", &json!([]))), (String::new(), "type".to_owned()));
        let old = json!({"time": "1999-01-01T00:00:00Z"});
        assert_eq!(violation(read("signal", &old)), ("/time".to_owned(), "time".to_owned()));
    }

    #[test]
    fn the_base_decides_on_unknown_types() {
        let mut event = json!({"id": 1, "type": "flag-renamed", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z", "data": {}, "more": [1]});
        let fields = read("unleash", &event).unwrap().fields;
        assert_eq!(fields.event_type, "flag-renamed");
        assert_eq!(fields.schema_version, None);

        event["createdBy"] = json!(7);
        assert_eq!(violation(read("unleash", &event)), ("/createdBy".to_owned(), "type".to_owned()));

        let event = json!({"time": "2025-12-09T23:17:28", "type": "lifecycle", "metadata": {"entities": []}});
        assert_eq!(violation(read("migration-manager", &event)), ("/metadata".to_owned(), "required".to_owned()));
    }

    #[test]
    fn times_out_of_range() {
        let mut event = example("unleash", "feature-created");
        let time = |event: &mut Value, time: &str| {
            event["createdAt"] = json!(time);
            read("unleash", event)
        };
        for accepted in ["2000-01-01T00:00:00Z", "2026-01-01T01:00:00Z"] {
            assert!(time(&mut event, accepted).is_ok(), "{accepted}");
        }
        for refused in ["1999-12-31T23:59:59.999Z", "2026-01-01T01:00:00.001Z"] {
            assert_eq!(violation(time(&mut event, refused)), ("/createdAt".to_owned(), "time".to_owned()));
        }
    }

    #[test]
    fn what_is_no_event_at_all() {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let deep = "[".repeat(100_000);
        for payload in [&b""[..], b"{", b"\xff", b"{} {}", deep.as_bytes()] {
            let refused = catalog("unleash").unwrap().read(payload, received_at);
            assert_eq!(violation(refused), (String::new(), "json".to_owned()));
        }
        for payload in [json!(null), json!([]), json!("text")] {
            assert_eq!(violation(read("unleash", &payload)), (String::new(), "type".to_owned()));
        }
    }

    #[test]
    fn every_violation_is_told_in_order() {
        let refused = read("unleash", &json!({"type": "feature-created", "tags": 1, "id": "1"})).unwrap_err();
        assert_eq!(refused.event_type.as_deref(), Some("feature-created"));
        let told: Vec<_> = refused.violations.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "createdAt is required",
                "createdBy is required",
                "data is required",
                "/id: expected integer, found \"1\"",
                "/tags: expected null or array, found 1",
            ]
        );
    }

    #[test]
    fn payloads_are_not_endless() {
        let mut event = example("unleash", "feature-created");
        event["data"]["description"] = json!("x".repeat(MAX_PAYLOAD));
        assert_eq!(violation(read("unleash", &event)), (String::new(), "maxLength".to_owned()));
    }

    #[test]
    fn what_events_are_found_by_is_short() {
        let mut event = example("unleash", "feature-created");
        event["featureName"] = json!("x".repeat(MAX_TEXT + 1));
        assert_eq!(violation(read("unleash", &event)), ("/featureName".to_owned(), "maxLength".to_owned()));
    }
}
