//! The quarantine: listing, reading, reingesting and discarding rejected events.

use e2e::{Api, Receiver, Stack, sample_event};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

async fn call(api: &Api, path: &str) -> Value {
    api.send(api.request(Method::POST, path)).await.expect(200)
}

/// Returns the ids of a list.
fn listed_ids(list: &Value) -> Vec<&str> {
    list["quarantined"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn quarantine_is_listed_by_source_type_reason_and_time() {
    let stack = start().await;
    let manage = stack.manage();
    let (unleash, signal) = (stack.ingest("unleash"), stack.ingest("signal"));
    let mut ids = Vec::new();
    for (api, body) in [
        (&unleash, r#"{"type": "feature-created"}"#),
        (&unleash, r#"{"type": "feature-archived", "id": "x"}"#),
        (&unleash, "{"),
        (&signal, "[1"),
        (&signal, r#"{"time": "1999-01-01T00:00:00Z"}"#),
    ] {
        let problem = api.post_bytes("/v1/events", body).await.json();
        ids.push(problem["quarantine"].as_str().unwrap_or_else(|| panic!("{problem}")).to_owned());
    }
    for (query, places) in [
        ("", &[4, 3, 2, 1, 0][..]),
        ("source=unleash", &[2, 1, 0]),
        ("type=feature-created", &[0]),
        ("reason=json", &[3, 2]),
        ("source=signal&reason=json", &[3]),
        ("reason=required&type=feature-archived", &[1]),
        ("reason=time", &[4]),
        ("from=2000-01-01&to=2000-12-31", &[]),
        ("from=2000-01-01", &[4, 3, 2, 1, 0]),
    ] {
        let list = manage.get(&format!("/v1/quarantine?{query}")).await.expect(200);
        let expected: Vec<&String> = places.iter().map(|place| &ids[*place]).collect();
        assert_eq!(listed_ids(&list), expected, "{query}");
        assert_eq!(list["next"], Value::Null, "{query}");
    }
    // A time range includes both ends.
    let received_at = ids[2].split('~').next().expect("a time");
    let list = manage.get(&format!("/v1/quarantine?from={received_at}&to={received_at}")).await.expect(200);
    assert!(listed_ids(&list).contains(&ids[2].as_str()), "{received_at}: {list}");
    // A page before the start of the range is empty.
    let before = "2026-01-01T00:00:00.000Z~0000000000000000";
    for (method, action) in [(Method::GET, ""), (Method::POST, "/replay"), (Method::POST, "/discard")] {
        let path = format!("/v1/quarantine{action}?source=signal&from=2027-01-01&before={before}");
        let response = manage.send(manage.request(method, &path)).await;
        assert_eq!(response.status, 200, "{path}: {}", response.json());
    }
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let list = manage.get(&format!("/v1/quarantine?limit=2{before}")).await.expect(200);
        paged.extend(listed_ids(&list).into_iter().map(str::to_owned));
        match list["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!(paged, ids);
}

#[tokio::test]
async fn reingested_events_keep_their_time_of_receipt() {
    let stack = start().await;
    let manage = stack.manage();
    // These events are valid; their requests were rejected. Reingesting therefore succeeds, as after a schema fix.
    let unleash = stack.ingest("unleash");
    let mut quarantined = Vec::new();
    for id in 1..=3 {
        let event = sample_event(id);
        let request = unleash.request(Method::POST, "/v1/events").header("accept", "text/html").body(event.to_string());
        let problem = unleash.send(request).await.expect_problem(406);
        quarantined.push(problem["quarantine"].as_str().expect("an id").to_owned());
    }
    unleash.post("/v1/events", &json!({ "type": "feature-created" })).await.expect_problem(422);
    let signal = stack.ingest("signal");
    let request = signal.request(Method::POST, "/v1/events").header("accept", "text/html").body("{}");
    signal.send(request).await.expect_problem(406);

    let one = call(&manage, &format!("/v1/quarantine/unleash/{}/replay", quarantined[0])).await;
    assert_eq!(one["status"], "stored");
    let event = stack.read().get(&format!("/v1/events/{}", one["id"])).await.expect(200);
    // Compare times, not texts: one of them omits trailing zeros.
    let parse_time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let received = parse_time(quarantined[0].split('~').next().expect("a time"));
    assert_eq!(parse_time(event["received_at"].as_str().expect("a time")), received, "{event}");
    manage.get(&format!("/v1/quarantine/unleash/{}", quarantined[0])).await.expect_problem(404);

    let all = call(&manage, "/v1/quarantine/replay?source=unleash&limit=1").await;
    assert_eq!(all, json!({ "stored": 2, "duplicates": 0, "refused": 1, "next": null }));
    let rest = manage.get("/v1/quarantine?source=unleash").await.expect(200);
    assert_eq!(listed_ids(&rest).len(), 1);
    let logged = logged_data(&stack, "quarantine-modified").await;
    let counts = |stored: u64, refused: u64| json!({ "source": "unleash", "stored": stored, "duplicates": 0, "refused": refused });
    assert_eq!(logged, [counts(1, 0), counts(1, 0), counts(1, 0)], "the last page had only rejected events");
    let refused = rest["quarantined"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/quarantine/unleash/{refused}/replay");
    manage.send(manage.request(Method::POST, &path)).await.expect_problem(422);
    assert_eq!(logged_data(&stack, "quarantine-failed").await, [counts(0, 1), counts(0, 1)]);

    // A signal without a time has its time of receipt.
    let signals = call(&manage, "/v1/quarantine/replay?source=signal").await;
    assert_eq!(signals["stored"], 1);
    let found = stack.read().get("/v1/events?source=signal").await.expect(200);
    assert_eq!(found["events"][0]["time"], found["events"][0]["received_at"]);
}

#[tokio::test]
async fn quarantined_events_are_discarded_on_request() {
    let stack = start().await;
    let manage = stack.manage();
    for body in ["{", "[", r#"{"type": "feature-created"}"#] {
        stack.ingest("unleash").post_bytes("/v1/events", body).await;
    }
    let first = manage.get("/v1/quarantine").await.expect(200);
    let path = format!("/v1/quarantine/unleash/{}", listed_ids(&first)[0]);
    manage.delete(&path).await.expect(204);
    manage.delete(&path).await.expect_problem(404);
    let discarded = json!({ "source": "unleash", "count": 1, "ids": [listed_ids(&first)[0]] });
    assert_eq!(
        logged_data(&stack, "quarantine-removed").await,
        [discarded],
        "logged once, and not for the missing body"
    );
    let report = call(&manage, "/v1/quarantine/discard?source=unleash&reason=json&limit=1").await;
    assert_eq!(report, json!({ "discarded": 2, "next": null }));
    assert!(listed_ids(&manage.get("/v1/quarantine").await.expect(200)).is_empty());
    assert_eq!(logged_data(&stack, "quarantine-removed").await.len(), 3);
}

#[tokio::test]
async fn quarantine_alert_fires_once_a_minute() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("ops", receiver.url(), &json!({ "sources": ["tidings"] })).await;
    let began = Timestamp::now();
    for _ in 0..3 {
        stack.ingest("unleash").post("/v1/events", &json!({ "type": "feature-created" })).await.expect_problem(422);
    }
    stack.ingest("signal").post_bytes("/v1/events", "{").await.expect_problem(400);
    let minutes = (Timestamp::now().as_second() / 60 - began.as_second() / 60) + 1;
    let (mut unleash, mut signal) = (0, 0);
    for data in logged_data(&stack, "quarantine-created").await {
        let first = data["first"].as_str().expect("an id").to_owned();
        let source = data["source"].as_str().expect("a source").to_owned();
        stack.manage().get(&format!("/v1/quarantine/{source}/{first}")).await.expect(200);
        let (count, expected) = match source.as_str() {
            "unleash" => (
                &mut unleash,
                json!({ "source": source, "first": first, "type": "feature-created", "reason": "required" }),
            ),
            _ => (&mut signal, json!({ "source": source, "first": first, "type": null, "reason": "json" })),
        };
        *count += 1;
        assert_eq!(data, expected);
    }
    assert!((1..=minutes).contains(&unleash) && signal == 1, "{unleash} times in {minutes} minutes, {signal}");
    let sent =
        |received: &e2e::Received| serde_json::from_slice::<Value>(&received.body).expect("JSON")["type"].clone();
    let received = receiver.wait_for(3).await;
    assert!(received.iter().any(|received| sent(received) == "quarantine-created"), "{received:?}");
}

/// Returns the `data` of all logged events of this type, oldest first.
async fn logged_data(stack: &Stack, event_type: &str) -> Vec<Value> {
    let path = format!("/v1/events?source=tidings&order=asc&type={event_type}");
    let found = stack.read().get(&path).await.expect(200);
    let events = found["events"].as_array().expect("events");
    events.iter().map(|event| event["payload"]["data"].clone()).collect()
}

#[tokio::test]
async fn binary_bodies_are_returned_in_base64() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    let request = unleash.request(Method::POST, "/v1/events").header("content-encoding", "br").body(vec![0xff, 0, 1]);
    let problem = unleash.send(request).await.expect_problem(415);
    let path = format!("/v1/quarantine/unleash/{}", problem["quarantine"].as_str().expect("an id"));
    assert_eq!(stack.manage().get(&path).await.expect(200)["body_base64"], "/wAB");
}
