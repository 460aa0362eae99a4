//! Ids, order and duplicates: each event is stored once and delivered once.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Api, MAX_WAIT, Receiver, Stack, unleash_event, within};
use events::Fingerprint;
use futures::future::join_all;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

fn sample_time() -> Timestamp {
    "2026-05-01T00:00:00Z".parse().expect("a time")
}

fn events(ids: impl Iterator<Item = u64>) -> Vec<Value> {
    ids.map(|id| unleash_event(id, sample_time(), &format!("flag-{id}"), "web", "import")).collect()
}

async fn post_all(api: &Api, events: &[Value]) -> Vec<Value> {
    let response = api.post("/v1/events", &json!(events)).await.expect(200);
    response["results"].as_array().expect("results").clone()
}

fn ids(results: &[Value]) -> Vec<u64> {
    results.iter().map(|result| result["id"].as_u64().expect("an id")).collect()
}

fn count(results: &[Value], status: &str) -> usize {
    results.iter().filter(|result| result["status"] == status).count()
}

/// Returns every event that a search finds, newest first.
async fn search(stack: &Stack, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.read().get(&format!("/v1/events?limit=1000&{query}{cursor}")).await.expect(200);
        found.extend(page["events"].as_array().expect("events").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Creates another source of the Unleash catalog and returns a client with its ingest key.
async fn create_unleash_source(stack: &Stack, name: &str) -> Api {
    stack.manage().post("/v1/sources", &json!({ "name": name, "catalog": "unleash" })).await.expect(201);
    let key = json!({ "name": name, "scope": "ingest", "source": name });
    let created = stack.manage().post("/v1/keys", &key).await.expect(201);
    stack.anonymous().with_token(created["token"].as_str().expect("a token"))
}

#[tokio::test]
async fn events_imported_with_one_timestamp_keep_their_order() {
    let stack = start().await;
    let import = events(27_000..27_296);
    let results = post_all(&stack.ingest("unleash"), &import).await;
    assert_eq!(count(&results, "stored"), 296);
    assert!(ids(&results).is_sorted(), "ids follow the producer's order");
    let found: Vec<u64> =
        search(&stack, "source=unleash").await.iter().filter_map(|e| e["payload"]["id"].as_u64()).collect();
    assert_eq!(found, (27_000..27_296).rev().collect::<Vec<_>>());
    // Ids contain the time in milliseconds, so the range of one millisecond has all events.
    let range = format!("from={}&to={}", sample_time(), sample_time());
    assert_eq!(
        stack.read().get(&format!("/v1/events?limit=1000&{range}")).await.expect(200)["events"]
            .as_array()
            .map(Vec::len),
        Some(296)
    );
}

#[tokio::test]
async fn two_sources_may_use_the_same_event_ids() {
    let stack = start().await;
    let other = create_unleash_source(&stack, "unleash-other").await;
    let import = events(1..151);
    let (one, two) = (stack.ingest("unleash"), other);
    let (first, second) = futures::join!(post_all(&one, &import), post_all(&two, &import));
    assert_eq!((count(&first, "stored"), count(&second, "stored")), (150, 150));
    let all: BTreeSet<u64> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 300, "each event has its own id");
    let again = post_all(&two, &import).await;
    assert_eq!((count(&again, "duplicate"), ids(&again)), (150, ids(&second)));
}

#[tokio::test]
async fn a_full_millisecond_spills_into_the_next() {
    let stack = start().await;
    let unleash = stack.ingest("unleash");
    let import = events(1..4201);
    let mut all = Vec::new();
    for part in import.chunks(300) {
        let results = post_all(&unleash, part).await;
        assert_eq!(count(&results, "stored"), 300);
        all.extend(ids(&results));
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4200);
    let again = post_all(&unleash, &import[4000..]).await;
    assert_eq!((count(&again, "duplicate"), ids(&again)), (200, all[4000..].to_vec()));
    let range = format!("from={}&to={}", sample_time(), sample_time());
    assert_eq!(search(&stack, &range).await.len(), 4200, "searches use the event time, not the id");
}

/// Returns lines with signals of one instant.
fn signals_of_one_instant(numbers: std::ops::Range<u64>) -> String {
    let signal = |number| json!({ "type": "import", "time": "2025-01-01T00:00:00Z", "n": number }).to_string();
    numbers.map(signal).collect::<Vec<_>>().join("\n")
}

async fn post_lines(api: &Api, lines: String) -> Vec<Value> {
    let request = api.request(Method::POST, "/v1/events").header("content-type", "application/x-ndjson");
    let response = api.send(request.body(lines)).await.expect(200);
    response["results"].as_array().expect("results").clone()
}

#[tokio::test]
async fn any_number_of_events_of_one_instant_is_stored_and_recognised() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    let mut all = Vec::new();
    // More events than a millisecond has slots.
    for first in (0..6000).step_by(300) {
        let results = post_lines(&signal, signals_of_one_instant(first..first + 300)).await;
        assert_eq!(count(&results, "stored"), 300, "{first}");
        all.extend(ids(&results));
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 6000);
    for first in [0, 3000, 5700] {
        let again = post_lines(&signal, signals_of_one_instant(first..first + 300)).await;
        let first = usize::try_from(first).expect("small");
        assert_eq!((count(&again, "duplicate"), ids(&again)), (300, all[first..first + 300].to_vec()));
    }
    let range = "source=signal&from=2025-01-01T00:00:00Z&to=2025-01-01T00:00:00Z";
    assert_eq!(search(&stack, range).await.len(), 6000, "searches use the event time, not the id");
}

#[tokio::test]
async fn no_producer_can_take_the_slots_of_another_sources_event() {
    /// Slots that an event could take in each of the next 64 milliseconds, when they were derived from public values.
    const SLOTS: u16 = 8;
    let stack = start().await;
    let victim = unleash_event(27_332, sample_time(), "dark-mode", "web", "ada");
    let slot = 27_332 % 4096;
    // The attacker chooses signals whose hashes are the slots of the event.
    let mut attack = Vec::new();
    for millisecond in 0..64 {
        let time = sample_time() + jiff::SignedDuration::from_millis(millisecond);
        let chosen = (0_u64..).map(|nonce| json!({ "time": time, "nonce": nonce }).to_string()).filter(|signal| {
            let fingerprint = Fingerprint::of_bytes("signal", signal.as_bytes());
            let hash = u16::from_be_bytes([fingerprint.as_bytes()[0], fingerprint.as_bytes()[1]]);
            (slot..slot + SLOTS).contains(&(hash % 4096))
        });
        attack.extend(chosen.take(usize::from(SLOTS)));
    }
    let taken = ids(&post_lines(&stack.ingest("signal"), attack.join("\n")).await);
    assert_eq!(taken.len(), 512);
    let aimed = taken.iter().filter(|id| (slot..slot + SLOTS).contains(&u16::try_from(*id % 4096).expect("small")));
    assert!(aimed.count() < 32, "the slots of the signals do not depend on public values only");
    // The partitions cannot be aimed at either.
    for shard in 0..4 {
        let count = taken.iter().filter(|id| *id % 4 == shard).count();
        assert!((64..256).contains(&count), "{count} of 512 events in shard {shard}");
    }
    let stored = stack.ingest("unleash").post("/v1/events", &victim).await.expect(201);
    stack.read().get(&format!("/v1/events/{}", stored["id"])).await.expect(200);
}

#[tokio::test]
async fn the_slot_key_survives_a_restart() {
    let mut stack = start().await;
    let import = events(1..101);
    let stored = post_all(&stack.ingest("unleash"), &import).await;
    stack.kill().await;
    stack.restart().await;
    let again = post_all(&stack.ingest("unleash"), &import).await;
    assert_eq!((count(&again, "duplicate"), ids(&again)), (100, ids(&stored)));
}

#[tokio::test]
async fn concurrent_and_repeated_posts_of_a_batch_are_stored_once() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    let unleash = stack.ingest("unleash");
    let batch = events(1..101);
    // Half of the batch was stored before the sender lost its connection.
    post_all(&unleash, &batch[..50]).await;
    let responses = join_all((0..4).map(|_| post_all(&unleash, &batch))).await;
    assert_eq!(responses.iter().map(|results| count(results, "stored")).sum::<usize>(), 50);
    assert!(responses.iter().all(|results| ids(results) == ids(&responses[0])));
    receiver.wait_for(100).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.received().len(), 100);
}

async fn post_with_id(api: &Api, name: &str, id: &str, body: &Value) -> e2e::Response {
    api.send(api.request(Method::POST, "/v1/events").header(name, id).body(body.to_string())).await
}

#[tokio::test]
async fn idempotency_keys_identify_events_without_ids() {
    let stack = start().await;
    let signal = stack.ingest("signal");
    // The event has no time of its own, so a repeated request arrives at another time.
    let sent = json!({ "type": "deployed" });
    let stored = post_with_id(&signal, "idempotency-key", "\"d-1\"", &sent).await.expect(201);
    for _ in 0..3 {
        let again = post_with_id(&signal, "idempotency-key", "d-1", &sent).await.expect(200);
        assert_eq!(again["id"], stored["id"]);
    }
    post_with_id(&signal, "webhook-id", "msg_1", &sent).await.expect(201);
    post_with_id(&signal, "webhook-id", "msg_1", &sent).await.expect(200);
    let at_once = join_all((0..8).map(|_| post_with_id(&signal, "idempotency-key", "d-2", &sent))).await;
    assert_eq!(at_once.iter().filter(|response| response.status == 201).count(), 1);
    assert_eq!(at_once.iter().filter(|response| response.status == 200).count(), 7);

    // Another event under the same key is neither taken for the first one nor lost.
    for (id, time) in [("d-1", None), ("d-3", Some("2026-05-01T10:00:00Z"))] {
        let with = |version: u64| match time {
            None => json!({ "type": "deployed", "version": version }),
            Some(time) => json!({ "type": "deployed", "version": version, "time": time }),
        };
        post_with_id(&signal, "idempotency-key", id, &with(1)).await;
        let other = post_with_id(&signal, "idempotency-key", id, &with(2)).await.expect_problem(422);
        assert_eq!(other["violations"][0]["keyword"], "idempotency-key", "{other}");
        let path = format!("/v1/quarantine/signal/{}/replay", other["quarantine"].as_str().expect("an id"));
        let replayed = stack.manage().send(stack.manage().request(Method::POST, &path)).await.expect(200);
        assert_eq!(replayed["status"], "stored", "an operator can confirm that it is another event");
    }

    // Without a key, equal events are distinct.
    let equal = json!([{ "type": "a" }, { "type": "a" }]);
    for _ in 0..2 {
        let results = signal.post("/v1/events", &equal).await.expect(200);
        assert_eq!(count(results["results"].as_array().expect("results"), "stored"), 2);
    }

    // One key for a whole batch.
    let batch = json!([{ "type": "a" }, { "type": "a" }, { "type": "b" }]);
    let first = post_with_id(&signal, "idempotency-key", "b-1", &batch).await.expect(200);
    assert_eq!(count(first["results"].as_array().expect("results"), "stored"), 3);
    let again = post_with_id(&signal, "idempotency-key", "b-1", &batch).await.expect(200);
    assert_eq!(ids(again["results"].as_array().expect("results")), ids(first["results"].as_array().expect("results")));
    assert_eq!(count(again["results"].as_array().expect("results"), "duplicate"), 3);
}

#[tokio::test]
async fn events_with_many_entities_are_stored_completely() {
    let stack = start().await;
    let entities: Vec<String> = (0..250).map(|n| format!("/1.0/instances/{n}")).collect();
    let mut event: Value = serde_json::from_str(e2e::example("migration-created").payload).expect("JSON");
    event["metadata"]["action"] = json!("something-new");
    event["metadata"]["entities"] = json!(entities);
    let stored = stack.ingest("migration-manager").post("/v1/events", &event).await.expect(201);
    let read = stack.read().get(&format!("/v1/events/{}", stored["id"])).await.expect(200);
    assert_eq!(read["entities"].as_array().map(Vec::len), Some(250));
    stack.ingest("migration-manager").post("/v1/events", &event).await.expect(200);
    event["metadata"]["entities"] = json!((0..1001).map(|n| format!("/1.0/instances/{n}")).collect::<Vec<_>>());
    stack.ingest("migration-manager").post("/v1/events", &event).await.expect_problem(422);
}

/// Generates overlapping and repeated requests with events in a few shared milliseconds.
fn requests() -> impl Strategy<Value = Vec<Vec<u64>>> {
    prop::collection::vec(prop::collection::vec(0..40_u64, 1..12), 1..12)
}

/// Returns an event of a test case in one of three milliseconds. Half of the events compete for the slots of others.
fn numbered_event(case: u64, number: u64) -> Value {
    let later = i64::try_from(number % 3).expect("small");
    let time = sample_time() + jiff::SignedDuration::from_millis(later);
    unleash_event(case * 1000 + number % 20 * 4096 + number / 20, time, &format!("{case}-{number}"), "web", "load")
}

#[tokio::test(flavor = "multi_thread")]
async fn any_interleaving_of_retries_stores_and_delivers_each_event_once() {
    let stack = start().await;
    let receiver = Receiver::start().await;
    stack.create_target("audit", receiver.url(), &json!({})).await;
    let unleash = stack.ingest("unleash");
    let mut runner = TestRunner::default();
    let mut sent: BTreeMap<String, u64> = BTreeMap::new();
    for case in 0..12 {
        let requests = requests().new_tree(&mut runner).expect("a case").current();
        let posts = requests.iter().map(|request| {
            let batch: Vec<Value> = request.iter().map(|number| numbered_event(case, *number)).collect();
            let unleash = unleash.clone();
            async move { (request, post_all(&unleash, &batch).await) }
        });
        for (request, results) in join_all(posts).await {
            for (number, id) in request.iter().zip(ids(&results)) {
                let before = sent.insert(format!("{case}-{number}"), id);
                assert!(before.is_none_or(|before| before == id), "{case}-{number}: {before:?} and {id}: {requests:?}");
            }
        }
    }
    let stored: Vec<String> = search(&stack, "source=unleash")
        .await
        .iter()
        .filter_map(|event| event["subject"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(stored.iter().cloned().collect::<BTreeSet<_>>(), sent.keys().cloned().collect());
    assert_eq!(stored.len(), sent.len(), "each event is stored once");
    within(MAX_WAIT, "every webhook", || async { (receiver.received().len() >= sent.len()).then_some(()) }).await;
    stack.wait_until_idle().await;
    let delivered: Vec<String> = receiver
        .received()
        .iter()
        .map(|webhook| serde_json::from_slice::<Value>(&webhook.body).expect("JSON")["featureName"].to_string())
        .collect();
    assert_eq!(delivered.len(), sent.len(), "each event is delivered once");
    assert_eq!(delivered.iter().collect::<BTreeSet<_>>().len(), sent.len());
}
