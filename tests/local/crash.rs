//! `kill -9` at random moments: acknowledged events are stored once, and every stored event is delivered.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::{MAX_WAIT, Receiver, Stack, unleash_event, within};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::start;

/// Posts batches of `batch` events until the process is gone, and records the acknowledged ids by event number.
async fn post_until_killed(stack: &Stack, batch: u64, next: &Mutex<u64>, acknowledged: &Mutex<HashMap<u64, u64>>) {
    let api = stack.ingest("unleash");
    loop {
        let first = {
            let mut next = next.lock().expect("no poster panicked");
            *next += batch;
            *next - batch + 1
        };
        let time: Timestamp = "2026-05-01T00:00:00Z".parse().expect("a time");
        let event = |number| unleash_event(number, time, &format!("flag-{}", number % 7), "p", "load");
        let events: Vec<Value> = (first..first + batch).map(event).collect();
        let request = api.request(reqwest::Method::POST, "/v1/events").body(json!(events).to_string());
        let Ok(response) = api.try_send(request).await else { return };
        let results = response.expect(200)["results"].clone();
        let ids = results.as_array().expect("results").iter().map(|result| result["id"].as_u64().expect("an id"));
        acknowledged.lock().expect("no poster panicked").extend((first..).zip(ids));
    }
}

/// Runs random actions on the target until the process is gone.
async fn operate_until_killed(stack: &Stack, actions: &[&str], mut random: fastrand::Rng) {
    let api = stack.manage();
    while let Some(action) = random.choice(actions) {
        let request = api.request(reqwest::Method::POST, &format!("/v1/targets/audit/{action}"));
        let Ok(response) = api.try_send(request).await else { return };
        assert!([200, 202].contains(&response.status), "{action}: {}", response.text);
        // Random moments: no condition describes them.
        tokio::time::sleep(Duration::from_millis(random.u64(..200))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_when_the_process_is_killed_at_random() {
    check_random_kills(10, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_when_pauses_and_replays_are_killed_at_random() {
    check_random_kills(6, &["pause", "resume", "resume", "replay?from=2026-05-01"]).await;
}

/// Kills the process at random moments while events are posted and `actions` are run on their target.
async fn check_random_kills(rounds: u32, actions: &[&str]) {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    let secret = stack.create_target("audit", receiver.url(), &json!({})).await;
    let next = Arc::new(Mutex::new(0));
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    // The moments differ between runs, to find cases that no one thought of.
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..rounds {
        let before = acknowledged.lock().expect("no poster panicked").len();
        // Counts events rather than time, so that a busy machine kills at the same moments.
        let events = before + random.usize(..12);
        let after = Duration::from_micros(random.u64(..if actions.is_empty() { 100_000 } else { 500_000 }));
        let posting = {
            let posters = [1, 1, 10, 40].map(|batch| post_until_killed(&stack, batch, &next, &acknowledged));
            let all = futures::future::join_all(posters);
            let killed = async {
                within(MAX_WAIT, "acknowledged events", || async {
                    (acknowledged.lock().expect("no poster panicked").len() >= events).then_some(())
                })
                .await;
                // A random moment: no condition describes it.
                tokio::time::sleep(after).await;
                kill(&stack);
            };
            let operator = operate_until_killed(&stack, actions, fastrand::Rng::with_seed(random.u64(..)));
            futures::future::join3(all, killed, operator)
        };
        posting.await;
        stack.kill().await;
        stack.restart().await;
        eprintln!(
            "seed {seed}, round {round}: killed {after:?} after event {events}, {} events acknowledged so far",
            acknowledged.lock().expect("no poster panicked").len()
        );
    }

    let acknowledged = acknowledged.lock().expect("no poster panicked").clone();
    assert!(!acknowledged.is_empty(), "no event was acknowledged");
    for (number, id) in &acknowledged {
        let event = stack.read().get(&format!("/v1/events/{id}")).await.expect(200);
        assert_eq!(event["payload"]["id"], *number);
    }

    // No event is stored twice, acknowledged or not.
    let mut numbers: Vec<u64> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = stack.read().get(&format!("/v1/events?limit=1000{cursor}")).await.expect(200);
        numbers.extend(page["events"].as_array().expect("events").iter().filter_map(|e| e["payload"]["id"].as_u64()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len());

    stack.manage().post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    // Every stored event is delivered with a valid signature, at least once.
    within(MAX_WAIT, "every delivery", || async {
        let arrived: HashSet<u64> = receiver
            .received()
            .iter()
            .map(|webhook| {
                webhook.verify(&secret);
                let event: serde_json::Value = serde_json::from_slice(&webhook.body).expect("JSON");
                event["id"].as_u64().expect("an id")
            })
            .collect();
        distinct.is_subset(&arrived).then_some(())
    })
    .await;
    stack.wait_until_idle().await;
}

/// Sends SIGKILL to the stack's process while other tasks still borrow the stack.
fn kill(stack: &Stack) {
    let id = stack.process_id().expect("a running process").to_string();
    let killed = std::process::Command::new("kill").args(["-9", &id]).status().expect("the kill command");
    assert!(killed.success());
}

#[tokio::test]
async fn a_restart_keeps_the_log_the_keys_and_the_targets() {
    let mut stack = start().await;
    let receiver = Receiver::start().await;
    let secret = stack.create_target("audit", receiver.url(), &json!({})).await;
    let (before, url) = (stack.read(), stack.url().to_owned());
    let event = unleash_event(1, "2026-05-01T00:00:00Z".parse().expect("a time"), "f", "p", "u");
    let stored = stack.ingest("unleash").post("/v1/events", &event).await.expect(201);
    receiver.wait_for(1).await;
    stack.kill().await;
    stack.restart().await;
    assert_eq!(stack.url(), url);
    before.get(&format!("/v1/events/{}", stored["id"])).await.expect(200);
    let again = stack.ingest("unleash").post("/v1/events", &event).await.expect(200);
    assert_eq!(again["id"], stored["id"]);
    let other = unleash_event(2, "2026-05-01T00:00:01Z".parse().expect("a time"), "f", "p", "u");
    stack.ingest("unleash").post("/v1/events", &other).await.expect(201);
    within(MAX_WAIT, "the second event", || async {
        receiver
            .received()
            .iter()
            .find(|w| w.body == other.to_string().as_bytes())
            .map(|webhook| webhook.verify(&secret))
    })
    .await;
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn the_token_file_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let stack = start().await;
    let file = std::fs::metadata(stack.data_dir().join("dev.json")).expect("dev.json");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
