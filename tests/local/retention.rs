//! Retention: expired items are hidden even if DynamoDB has not deleted them yet.

use std::borrow::Cow;

use e2e::MAX_WAIT;
use events::{Attributes, Form, RawEvent, Rejection, Violation, catalog};
use jiff::{SignedDuration, Timestamp};
use model::{Attempt, AttemptOutcome, DeliveryKey, RecordedStatus, Retention};
use serde_json::{Value, json};
use store::{ConfigTable, DeliveryTable, EventTable, InsertOutcome, Quarantine};
use tokio::time::Instant;

use crate::{start, start_with};

/// Returns a signal that was received `hours` hours ago.
fn signal(hours: i64) -> RawEvent<'static> {
    RawEvent {
        source: "signal",
        bytes: Cow::Owned(format!(r#"{{"type": "alert", "subject": "old", "hours": {hours}}}"#).into_bytes()),
        form: Form::Event,
        attributes: Attributes::default(),
        received_at: Timestamp::now() - SignedDuration::from_hours(hours),
    }
}

#[tokio::test]
async fn expired_items_are_not_found() {
    let stack = start().await;
    let database = stack.database();
    // Items expire after a day, but the local database does not delete them here.
    let retention = Retention::new(Some(1), runtime::now);
    let log = EventTable::new(database.clone(), "events".to_owned(), 4, retention)
        .with_slot_key(ConfigTable::new(database.clone(), "config".to_owned()));
    let quarantine = Quarantine::new(database.clone(), "quarantine".to_owned(), retention);
    let deadline = Instant::now() + MAX_WAIT;
    let mut ids = Vec::new();
    for hours in [1, 25] {
        let accepted = catalog("signal").expect("its catalog").accept(&signal(hours)).expect("a signal");
        let InsertOutcome::Stored(id) = log.insert(&accepted, deadline).await.expect("written").outcome else {
            panic!("it is new")
        };
        ids.push(id);
        let violations = vec![Violation::new("", "type", "")];
        quarantine.put(&signal(hours), &Rejection { event_type: None, violations }, deadline).await.expect("written");
    }
    let read = stack.read();
    for query in ["", "?type=alert", "?subject=old&source=signal"] {
        let found = read.get(&format!("/v1/events{query}")).await.expect(200);
        let found: Vec<u64> =
            found["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_u64()).collect();
        assert_eq!(found, [ids[0].as_u64()], "{query}");
    }
    read.get(&format!("/v1/events/{}", ids[0])).await.expect(200);
    read.get(&format!("/v1/events/{}", ids[1])).await.expect_problem(404);
    let list = stack.manage().get("/v1/quarantine?source=signal").await.expect(200);
    assert_eq!(list["quarantined"].as_array().map(Vec::len), Some(1), "{list}");

    let deliveries = DeliveryTable::new(database, "deliveries".to_owned(), retention);
    for hours in [1, 25] {
        let at = Timestamp::now() - SignedDuration::from_hours(hours);
        let attempt = Attempt { at, duration_ms: 1, status: Some(204), ..Attempt::default() };
        let outcome = AttemptOutcome {
            attempt: &attempt,
            status: RecordedStatus::Delivered,
            made: 1,
            next_attempt_at: None,
            before: 0,
        };
        let target = format!("target-{hours}");
        let key =
            DeliveryKey { event: ids[0], target: &target, target_created_at: None, run: None, undelivered: false };
        deliveries.record_attempt(key, outcome).await.expect("written");
    }
    let found = deliveries.list_by_event(ids[0]).await.expect("read");
    assert_eq!(found.iter().map(|delivery| delivery.target.as_str()).collect::<Vec<_>>(), ["target-1"]);
}

#[tokio::test]
async fn received_items_have_an_expiry_time() {
    let stack = start_with(&["--retention-days", "30"]).await;
    let request = stack.ingest("signal").request(reqwest::Method::POST, "/v1/events").header("idempotency-key", "1");
    let sent = json!({ "type": "alert" });
    stack.ingest("signal").send(request.body(sent.to_string())).await.expect(201);
    stack.ingest("signal").post("/v1/events", &Value::Null).await.expect_problem(422);
    let database = stack.database();
    let in_30_days = (Timestamp::now() + SignedDuration::from_hours(30 * 24)).as_second();
    for (table, items) in [("events", 3), ("quarantine", 1)] {
        let found = database.scan().table_name(table).send().await.expect("a response");
        assert_eq!(found.items().len(), items, "the event, its idempotency key, and the quarantine alert");
        for item in found.items() {
            let expires: i64 = item["expires"].as_n().expect("a number").parse().expect("a number");
            assert!((in_30_days - 60..=in_30_days).contains(&expires), "{table}: {item:?}");
        }
    }
}
