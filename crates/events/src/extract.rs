//! Extraction of an event's fields: validates a payload by the schema of its type, then extracts the fields.

use jiff::{SignedDuration, Timestamp};
use jsonschema::Validator;
use serde_json::Value;

use crate::catalog::{Catalog, EventType};
use crate::event::{Fields, Scope};
use crate::fingerprint::ProducerId;
use crate::limits::{
    MAX_ENTITIES, MAX_INDEXED_BYTES, MAX_PAYLOAD_BYTES, MAX_REPORTED_VIOLATIONS, MAX_VALUES_FOR_ALL_VIOLATIONS,
};
use crate::raw_event::Attributes;
use crate::rules::{FoundText, FoundTime, Rules, find_all, find_first};
use crate::strict_json::{self, ParsedPayload};
use crate::violation::{Rejection, Violation};

/// Earliest time that an event ID can hold, 2000-01-01T00:00:00Z, in seconds since 1970.
const MIN_TIME_SECONDS: i64 = 946_684_800;
/// Maximum time by which a producer's clock may be ahead.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Description of a readable time, for messages.
pub(crate) const TIME_EXAMPLE: &str = "a time such as 2024-10-03T11:09:53.225Z, or a Unix time as a number";

/// The information that a catalog extracts from a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedFields {
    /// Fields that events are found by.
    pub fields: Fields,
    /// ID that the producer gave the event.
    pub producer_id: Option<ProducerId>,
}

impl Catalog {
    /// Validates a payload, the JSON of one event, and extracts its fields.
    ///
    /// The schema of the event's type decides whether it is valid, or the catalog's base schema if the type is unknown. An
    /// event without a time gets the time `received_at`.
    ///
    /// # Errors
    /// All violations of the schema. Times before 2000 or more than an hour after `received_at`, and payloads larger than
    /// 4.5 MB, are violations as well.
    pub fn extract(&self, payload: &[u8], received_at: Timestamp) -> Result<ExtractedFields, Rejection> {
        self.extract_with(payload, &Attributes::default(), received_at, received_at)
    }

    /// As [`extract`](Self::extract), with attributes that the payload may lack. Times more than an hour after `now` are
    /// violations.
    pub(crate) fn extract_with(
        &self,
        payload: &[u8],
        attributes: &Attributes,
        received_at: Timestamp,
        now: Timestamp,
    ) -> Result<ExtractedFields, Rejection> {
        let reject = |violation| Rejection { event_type: None, violations: vec![violation] };
        if payload.len() > MAX_PAYLOAD_BYTES {
            let message = format!("expected at most {MAX_PAYLOAD_BYTES} bytes, found {}", payload.len());
            return Err(reject(Violation::new("", "maxLength", message)));
        }
        let ParsedPayload { value: payload, value_count } = strict_json::parse(payload).map_err(reject)?;
        let found = self.rules.event_type(&payload);
        let found = found.or_else(|| Some(("", attributes.event_type.clone()?))).or_else(|| self.rules.untyped());
        let known = found.as_ref().and_then(|(_, name)| self.event_type(name));
        let validator = known.map_or_else(|| self.validator(), EventType::validator);
        let mut extraction = Extraction { violations: validate(validator, &payload, value_count) };
        let event_type = extraction.event_type(found, &self.rules);
        let given = extraction.time(&self.rules, &payload, attributes, now);
        let mut fields = extraction.fields(&self.rules, &payload, attributes);
        fields.event_type = event_type;
        fields.time = given.unwrap_or(received_at);
        fields.time_given = given.is_some();
        fields.schema_version = known.map(|known| known.version);

        match extraction.violations() {
            violations if violations.is_empty() => {
                Ok(ExtractedFields { fields, producer_id: self.rules.producer_id(&payload) })
            }
            violations => {
                Err(Rejection { event_type: Some(fields.event_type).filter(|name| !name.is_empty()), violations })
            }
        }
    }
}

/// Returns the violations of a schema in a payload that consists of `value_count` values.
fn validate(validator: &Validator, payload: &Value, value_count: usize) -> Vec<Violation> {
    if value_count > MAX_VALUES_FOR_ALL_VIOLATIONS {
        return validator.validate(payload).err().into_iter().map(Violation::from).collect();
    }
    // Nearly every event is valid, and `is_valid` is cheaper than collecting errors.
    if validator.is_valid(payload) {
        return Vec::new();
    }
    validator.iter_errors(payload).take(MAX_REPORTED_VIOLATIONS).map(Violation::from).collect()
}

/// Extracts fields and collects violations, so that the producer sees all of them in one response. If there are
/// violations, the extracted fields are placeholders that are never returned.
struct Extraction {
    violations: Vec<Violation>,
}

impl Extraction {
    fn event_type(&mut self, found: Option<FoundText>, rules: &Rules) -> String {
        if found.is_none() && self.violations.is_empty() {
            let at = rules.event_type.last().map_or("", |path| path.pointer);
            self.violations.push(Violation::new(at, "type", "expected the event's type, found none"));
        }
        self.text(found).unwrap_or_default()
    }

    /// Extracts the time of the event; `None` if it is missing or invalid.
    fn time(&mut self, rules: &Rules, payload: &Value, attributes: &Attributes, now: Timestamp) -> Option<Timestamp> {
        let (at, time, found) = match rules.time(payload) {
            Some(FoundTime { pointer, time: Some(time), found }) => (pointer, time, found),
            Some(FoundTime { pointer, time: None, found }) => {
                // The schema has reported this already, unless it specifies no format.
                if self.violations.iter().all(|violation| violation.pointer != pointer) {
                    let message = format!("expected {TIME_EXAMPLE}, found {found}");
                    self.violations.push(Violation::new(pointer, "time", message));
                }
                return None;
            }
            // Only CloudEvents envelopes have a time attribute.
            None => attributes.time.map(|time| ("/time", time, time.to_string()))?,
        };
        let expected = if time.as_second() < MIN_TIME_SECONDS {
            "expected a time after 1999"
        } else if time.duration_since(now) > MAX_CLOCK_SKEW {
            "expected a time that is at most an hour in the future (check the producer's clock, or ingest the event again \
             after its time)"
        } else {
            return Some(time);
        };
        self.violations.push(Violation::new(at, "time", format!("{expected}, found {found}")));
        None
    }

    fn fields(&mut self, rules: &Rules, payload: &Value, attributes: &Attributes) -> Fields {
        let scope = rules.scope(payload);
        let mut entities = find_all(rules.entities, payload);
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
            actor: text(find_first(rules.actor, payload)),
            subject: text(find_first(rules.subject, payload))
                .or_else(|| entities.first().cloned())
                .or_else(|| text(attributes.subject.clone().map(|subject| ("", subject)))),
            project: text(find_first(rules.project, payload)),
            environment: text(find_first(rules.environment, payload)),
            entities,
            level: (scope == Scope::Logging).then(|| rules.level(payload)).flatten(),
            schema_version: None,
        }
    }

    /// Returns a text, unless it is too long for an index.
    fn text(&mut self, found: Option<FoundText>) -> Option<String> {
        let (at, text) = found?;
        if text.len() <= MAX_INDEXED_BYTES {
            return Some(text);
        }
        let message = format!("expected at most {MAX_INDEXED_BYTES} bytes, found {}", text.len());
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

    fn extract(name: &str, payload: &Value) -> Result<ExtractedFields, Rejection> {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        catalog(name).unwrap().extract(payload.to_string().as_bytes(), received_at)
    }

    fn example(name: &str, event_type: &str) -> Value {
        let known = catalog(name).unwrap().event_type(event_type).unwrap();
        serde_json::from_str(known.examples[0]).unwrap()
    }

    /// The pointer and keyword of the only violation.
    #[track_caller]
    fn violation(result: Result<ExtractedFields, Rejection>) -> (String, String) {
        let [violation] = &result.unwrap_err().violations[..] else { panic!("more than one violation") };
        (violation.pointer.clone(), violation.keyword.clone())
    }

    #[test]
    fn unleash_fields_are_extracted() {
        let extracted = extract("unleash", &example("unleash", "feature-created")).unwrap();
        assert_eq!(extracted.producer_id, Some(ProducerId::Number(27332)));
        assert_eq!(
            extracted.fields,
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
    fn migration_manager_fields_are_extracted() {
        let fields = extract("migration-manager", &example("migration-manager", "migration-created")).unwrap().fields;
        assert_eq!(fields.scope, Scope::Lifecycle);
        assert_eq!(fields.event_type, "migration-created");
        assert_eq!(fields.entities.len(), 2);
        assert_eq!(fields.subject.as_ref(), fields.entities.first());

        let fields = extract("migration-manager", &example("migration-manager", "instance-imported")).unwrap().fields;
        assert_eq!(fields.time, "2025-12-09T23:41:17.482913605Z".parse().unwrap());
        let actor = "a57be4e28ab1f1d315e9d3b174a54221b47dca44f2e5c7c436d9cf558e3f8b7e";
        assert_eq!(fields.actor.as_deref(), Some(actor));

        let extracted = extract("migration-manager", &example("migration-manager", "logging")).unwrap();
        assert_eq!(extracted.producer_id, None);
        assert_eq!(extracted.fields.scope, Scope::Logging);
        assert_eq!(extracted.fields.level, Some(Level::Info));
        assert_eq!(extracted.fields.time, "2025-12-09T23:17:28Z".parse().unwrap());
    }

    #[test]
    fn levels_are_recognised_in_any_spelling() {
        let mut event = example("migration-manager", "logging");
        for (text, level) in [
            ("debug", Some(Level::Debug)),
            ("INFO", Some(Level::Info)),
            ("Warning", Some(Level::Warn)),
            ("ERROR+2", Some(Level::Error)),
            ("loud", None),
        ] {
            event["metadata"]["level"] = json!(text);
            assert_eq!(extract("migration-manager", &event).unwrap().fields.level, level, "{text}");
        }
    }

    #[test]
    fn any_object_is_a_signal() {
        for (signal, event_type, time) in [
            (json!({}), "signal", "2026-01-01T00:00:00Z"),
            (json!({"type": "deployed", "time": "2025-06-01T10:00:00"}), "deployed", "2025-06-01T10:00:00Z"),
            (json!({"type": ["odd"], "time": 1_700_000_000, "id": {}}), "signal", "2023-11-14T22:13:20Z"),
            (json!({"type": "ms", "time": 1_700_000_000_123_u64}), "ms", "2023-11-14T22:13:20.123Z"),
            (json!({"type": "float", "time": 1_700_000_000.5}), "float", "2023-11-14T22:13:20.5Z"),
            (json!({"type": "sql", "time": "2025-06-01 10:00:00+02"}), "sql", "2025-06-01T08:00:00Z"),
            (json!({"type": 7, "time": null, "project": "web"}), "7", "2026-01-01T00:00:00Z"),
        ] {
            let fields = extract("signal", &signal).unwrap_or_else(|e| panic!("{signal}: {e}")).fields;
            assert_eq!((fields.scope, fields.event_type.as_str()), (Scope::Signal, event_type), "{signal}");
            assert_eq!(fields.time, time.parse().unwrap(), "{signal}");
        }
        assert_eq!(violation(extract("signal", &json!([]))), (String::new(), "type".to_owned()));
    }

    #[test]
    fn times_that_cannot_be_read_are_rejected() {
        for time in [
            json!("yesterday"),
            json!(""),
            json!("2026-01-01"),
            json!("1700000000"),
            json!("2025-06-01T10:00:00+24:00"),
            json!("2025-06-01T10:00:60Z"),
            json!("1999-01-01T00:00:00Z"),
            json!("2026-01-01T01:00:01Z"),
            json!(0),
            json!(-1),
            json!(20_250_601),
            json!(1_800_000_000),
            json!(1e300),
            json!(true),
            json!([]),
            json!({"seconds": 1_700_000_000}),
        ] {
            let rejected = extract("signal", &json!({"type": "t", "time": time}));
            assert_eq!(violation(rejected), ("/time".to_owned(), "time".to_owned()), "{time}");
        }
    }

    #[test]
    fn unknown_types_are_validated_by_the_base_schema() {
        let mut event = json!({"id": 1, "type": "flag-renamed", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z", "data": {}, "more": [1]});
        let fields = extract("unleash", &event).unwrap().fields;
        assert_eq!(fields.event_type, "flag-renamed");
        assert_eq!(fields.schema_version, None);

        event["createdBy"] = json!(7);
        assert_eq!(violation(extract("unleash", &event)), ("/createdBy".to_owned(), "type".to_owned()));

        let event = json!({"time": "2025-12-09T23:17:28", "type": "lifecycle", "metadata": {"entities": []}});
        assert_eq!(violation(extract("migration-manager", &event)), ("/metadata".to_owned(), "required".to_owned()));
    }

    #[test]
    fn times_out_of_range_are_rejected() {
        let mut event = example("unleash", "feature-created");
        let time = |event: &mut Value, time: &str| {
            event["createdAt"] = json!(time);
            extract("unleash", event)
        };
        for valid in ["2000-01-01T00:00:00Z", "2026-01-01T01:00:00Z"] {
            assert!(time(&mut event, valid).is_ok(), "{valid}");
        }
        for invalid in ["1999-12-31T23:59:59.999Z", "2026-01-01T01:00:00.001Z"] {
            assert_eq!(violation(time(&mut event, invalid)), ("/createdAt".to_owned(), "time".to_owned()));
        }
    }

    #[test]
    fn payloads_that_are_not_objects_are_rejected() {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let deep = "[".repeat(100_000);
        for payload in [&b""[..], b"{", b"\xff", b"{} {}", deep.as_bytes()] {
            let result = catalog("unleash").unwrap().extract(payload, received_at);
            assert_eq!(violation(result), (String::new(), "json".to_owned()));
        }
        for payload in [json!(null), json!([]), json!("text")] {
            assert_eq!(violation(extract("unleash", &payload)), (String::new(), "type".to_owned()));
        }
    }

    #[test]
    fn all_violations_are_reported_in_order() {
        let rejection = extract("unleash", &json!({"type": "feature-created", "tags": 1, "id": "1"})).unwrap_err();
        assert_eq!(rejection.event_type.as_deref(), Some("feature-created"));
        let reported: Vec<_> = rejection.violations.iter().map(ToString::to_string).collect();
        assert_eq!(
            reported,
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
    fn oversized_payloads_are_rejected() {
        let mut event = example("unleash", "feature-created");
        event["data"]["description"] = json!("x".repeat(MAX_PAYLOAD_BYTES));
        assert_eq!(violation(extract("unleash", &event)), (String::new(), "maxLength".to_owned()));
    }

    #[test]
    fn oversized_fields_are_rejected() {
        let mut event = example("unleash", "feature-created");
        event["featureName"] = json!("x".repeat(MAX_INDEXED_BYTES + 1));
        assert_eq!(violation(extract("unleash", &event)), ("/featureName".to_owned(), "maxLength".to_owned()));
    }
}
