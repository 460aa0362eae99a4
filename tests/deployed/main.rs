//! End-to-end test of the deployed stack: the same flow as on a laptop, through API Gateway, Lambda, DynamoDB streams,
//! SQS and KMS. ministack restricts every function to the actions that its role allows.
//!
//! ministack does not support the following, which other tests cover:
//! - partial failures of a stream batch: it ignores `batchItemFailures`; `crates/local/src/event_source/stream_poller_tests.rs`;
//! - compressed `application/json`: it damages the bytes, as AWS may also do (docs/ingest.md); this test compresses NDJSON,
//!   and JSON is tested in `tests/local/ingest_formats.rs`;
//! - CORS: it responds to `OPTIONS` itself; `tests/local/read_api.rs`;
//! - throttling by DynamoDB and SQS: it does not throttle; `functions/ingest/src/tests.rs` and `tests/local/webhooks`;
//! - `dynamodb:LeadingKeys`, which restricts a role to some kinds of the config table: it ignores this condition;
//!   `tests/policies/roles.rs` compares the conditions with the code;
//! - alarms on metric math: `infra/ministack/deploy.py` omits them; `tests/policies/metrics.rs`;
//! - features of AWS itself: expiry, backups, alarms, API throttling, fair queueing between message groups, scaling. The
//!   template configures them; cfn-lint and `tests/policies/main.rs` check it.
//!
//! The following are not tested with the functions' roles at all: packing a segment (pack runs, but has too few events),
//! the slow queue, automatic pauses of targets, and the stream's dead-letter queue.

mod operator_tasks;
mod read_api;

use std::time::Duration;

use e2e::{Api, Deployment, MAX_WAIT, Receiver, example, examples, sample_event, within};
use reqwest::Method;
use serde_json::{Value, json};

/// Time after which no function uses a cached target: a second, and a margin.
const CACHES_EXPIRE_AFTER: Duration = Duration::from_secs(2);

/// Query parameter that selects the sources of this test. Changes of the deployment are events of the source `tidings`.
const SOURCES_FILTER: &str = "&source=unleash,migration-manager";

/// API clients with the keys of the test.
struct Clients {
    manage: Api,
    read: Api,
    unleash: Api,
    migration_manager: Api,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_deploys_and_handles_events_end_to_end() {
    let token = web::token::generate().expect("randomness");
    // The subnets do not exist: ministack runs the functions on this machine.
    let parameters = [
        format!("ManageKeySha256={}", web::token::sha256(&token)),
        "AllowedCidrs=127.0.0.0/8".to_owned(),
        "SubnetIds=subnet-0123456789abcdef0".to_owned(),
        "SecurityGroupIds=sg-0123456789abcdef0".to_owned(),
    ];
    let deployment = Deployment::start(&parameters).await;
    let api = deployment.api();
    within(MAX_WAIT, "a response of /healthz", || async { (api.get("/healthz").await.status == 200).then_some(()) })
        .await;

    requests_without_a_valid_key_are_rejected(&api).await;
    let clients = create_clients(&api, &token).await;
    let receiver = Receiver::start().await;
    let target = json!({ "name": "audit", "address": receiver.url(), "level": "DEBUG", "retry_timeout": "1s" });
    let created = clients.manage.post("/v1/targets", &target).await.expect(201);
    let secret = created["signing_secret"].as_str().expect("a secret").to_owned();

    let ids = every_example_is_stored_and_found(&clients).await;
    let received = receiver.wait_for(ids.len()).await;
    for webhook in &received {
        webhook.verify(&secret);
    }
    let mut bodies: Vec<&[u8]> = received.iter().map(|webhook| webhook.body.as_slice()).collect();
    let mut payloads: Vec<&[u8]> = ids.iter().map(|(_, payload)| payload.as_bytes()).collect();
    bodies.sort_unstable();
    bodies.dedup();
    payloads.sort_unstable();
    assert!(bodies == payloads, "every event arrives unchanged");
    for (id, _) in &ids {
        wait_for_delivery(&clients, *id, "delivered").await;
    }

    failed_attempts_are_retried(&clients, &receiver).await;
    targets_are_changed_paused_resumed_and_tested(&clients, &receiver).await;
    invalid_events_are_quarantined(&clients).await;
    quarantined_events_are_reingested_or_discarded(&clients).await;
    compressed_ndjson_is_accepted(&clients).await;
    keys_show_when_they_were_last_used(&clients).await;
    read_api::pages_are_complete(&clients, ids.len() + 5).await;
    read_api::every_read_endpoint_works(&clients, ids.len() + 5).await;
    read_api::every_filter_matches_a_naive_search(&clients).await;
    read_api::exports_are_complete_in_every_format(&clients, ids.len() + 5).await;
    read_api::the_web_ui_is_served(&api).await;
    unknown_paths_and_methods_are_rejected(&clients).await;
    operator_tasks::failed_deliveries_are_retried_and_the_log_is_replayed(&clients, &receiver).await;
    operator_tasks::unreadable_messages_go_to_the_dead_letter_queue(&deployment).await;
    operator_tasks::removed_keys_stop_working(&clients, &api).await;
    operator_tasks::functions_accept_empty_batches(&deployment).await;
    operator_tasks::functions_log_their_metrics(&deployment).await;
}

async fn requests_without_a_valid_key_are_rejected(api: &Api) {
    api.get("/v1/events").await.expect_problem(401);
    api.post("/v1/events", &json!({})).await.expect_problem(401);
    api.with_token("tdg_00000000000000000000000000000000000000").get("/v1/targets").await.expect_problem(401);
}

async fn create_clients(api: &Api, token: &str) -> Clients {
    let manage = api.with_token(token);
    let key = |name: &'static str, scope: &'static str, source: Option<&'static str>| {
        let manage = manage.clone();
        async move {
            let mut new = json!({ "name": name, "scope": scope });
            if let Some(source) = source {
                let body = json!({ "name": source, "catalog": source });
                manage.post("/v1/sources", &body).await.expect(201);
                new["source"] = json!(source);
            }
            let created = manage.post("/v1/keys", &new).await.expect(201);
            manage.with_token(created["token"].as_str().expect("a token"))
        }
    };
    Clients {
        read: key("read", "read", None).await,
        unleash: key("unleash", "ingest", Some("unleash")).await,
        migration_manager: key("migration-manager", "ingest", Some("migration-manager")).await,
        manage: manage.clone(),
    }
}

/// Posts every example twice and returns the ids and payloads.
async fn every_example_is_stored_and_found(clients: &Clients) -> Vec<(u64, &'static str)> {
    let mut ids = Vec::new();
    for example in examples() {
        let api = match example.catalog {
            "unleash" => &clients.unleash,
            "migration-manager" => &clients.migration_manager,
            _ => continue,
        };
        let id = api.post_bytes("/v1/events", example.payload).await.expect(201)["id"].as_u64().expect("an id");
        let again = api.post_bytes("/v1/events", example.payload).await.expect(200);
        assert_eq!(again["id"], id, "sent twice, stored once");
        let event = clients.read.get(&format!("/v1/events/{id}")).await.expect(200);
        assert_eq!(event["payload"], serde_json::from_str::<Value>(example.payload).expect("JSON"));
        within(MAX_WAIT, "the event by its type", || async {
            let found = clients.read.get(&format!("/v1/events?type={}", example.event_type)).await.expect(200);
            found["events"].as_array().expect("events").iter().any(|event| event["id"] == id).then_some(())
        })
        .await;
        ids.push((id, example.payload));
    }
    assert!(ids.len() >= 12, "both seeds' examples");
    ids
}

/// Waits until an event's delivery has this status, and returns the delivery.
async fn wait_for_delivery(clients: &Clients, event: u64, status: &str) -> Value {
    within(MAX_WAIT, status, || async {
        let explained = clients.read.get(&format!("/v1/events/{event}/deliveries")).await.expect(200);
        Some(explained["deliveries"][0].clone()).filter(|delivery| delivery["status"] == status)
    })
    .await
}

async fn failed_attempts_are_retried(clients: &Clients, receiver: &Receiver) {
    receiver.respond_next(&[500]);
    let mut event: Value = serde_json::from_str(example("user-created").payload).expect("JSON");
    event["id"] = json!(900_001);
    let stored = clients.unleash.post("/v1/events", &event).await.expect(201);
    let delivery = wait_for_delivery(clients, stored["id"].as_u64().expect("an id"), "delivered").await;
    let statuses: Vec<&Value> =
        delivery["attempts"].as_array().expect("attempts").iter().map(|a| &a["status"]).collect();
    assert_eq!(statuses, [500, 204], "{delivery}");
}

/// Uses KMS for secrets, the config table for pauses, and the replay queue for held events.
async fn targets_are_changed_paused_resumed_and_tested(clients: &Clients, receiver: &Receiver) {
    let change = clients.manage.patch("/v1/targets/audit", &json!({ "headers": { "x-team": "ops" } })).await;
    assert_eq!(change.expect(200)["secrets"], json!(["signing_secret", "headers.x-team"]));
    clients.manage.post("/v1/targets/audit/pause", &json!({ "reason": "a test" })).await.expect(200);
    // This time must pass: functions use a cached target for a second.
    tokio::time::sleep(CACHES_EXPIRE_AFTER).await;
    let event = sample_event(900_005);
    let stored = clients.unleash.post("/v1/events", &event).await.expect(201);
    let id = stored["id"].as_u64().expect("an id");
    let held = wait_for_delivery(clients, id, "held").await;
    assert!(held["reason"].as_str().is_some_and(|reason| reason.contains("a test")), "{held}");
    let tested = clients.manage.post("/v1/targets/audit/test", &Value::Null).await;
    assert!([200, 202].contains(&tested.status), "{}", tested.text);
    let resumed = clients.manage.post("/v1/targets/audit/resume", &Value::Null).await.expect(200);
    wait_for_delivery(clients, id, "delivered").await;
    let replay = resumed["replay"].as_str().expect("a replay");
    within(MAX_WAIT, "the end of the replay", || async {
        let replay = clients.manage.get(&format!("/v1/replays/{replay}")).await.expect(200);
        (replay["state"] == "done").then_some(())
    })
    .await;
    assert!(receiver.received().iter().any(|webhook| webhook.headers.get("x-team").is_some()));
    let health = clients.read.get("/v1/targets/audit/health").await.expect(200);
    assert_eq!((&health["held"], &health["paused"]), (&json!(0), &Value::Null), "{health}");
}

async fn invalid_events_are_quarantined(clients: &Clients) {
    let refused = clients.unleash.post("/v1/events", &json!({ "type": "feature-created" })).await.expect_problem(422);
    let listed = clients.manage.get("/v1/quarantine?source=unleash").await.expect(200);
    assert_eq!(listed["quarantined"][0]["id"], refused["quarantine"]);
}

async fn quarantined_events_are_reingested_or_discarded(clients: &Clients) {
    let event = sample_event(900_002);
    let request = clients.unleash.request(Method::POST, "/v1/events").header("accept", "text/html");
    let rejected = clients.unleash.send(request.body(event.to_string())).await.expect_problem(406);
    let id = rejected["quarantine"].as_str().expect("an id");
    let path = format!("/v1/quarantine/unleash/{id}");
    let replay = clients.manage.request(Method::POST, &format!("{path}/replay"));
    assert_eq!(clients.manage.send(replay).await.expect(200)["status"], "stored");
    clients.manage.get(&path).await.expect_problem(404);
    let all = clients.manage.request(Method::POST, "/v1/quarantine/replay?source=unleash&reason=required");
    assert_eq!(clients.manage.send(all).await.expect(200)["refused"], 1);
    let discard = clients.manage.request(Method::POST, "/v1/quarantine/discard?source=unleash");
    assert_eq!(clients.manage.send(discard).await.expect(200)["discarded"], 1);
}

async fn compressed_ndjson_is_accepted(clients: &Clients) {
    let event = |id| sample_event(id);
    let lines = format!("{}\n{}\n", event(900_003), event(900_004));
    let body = zstd::encode_all(lines.as_bytes(), 0).expect("memory");
    let request = clients.unleash.request(Method::POST, "/v1/events");
    let request = request.header("content-type", "application/x-ndjson").header("content-encoding", "zstd").body(body);
    let response = clients.unleash.send(request).await.expect(200);
    let statuses: Vec<&Value> =
        response["results"].as_array().expect("results").iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["stored", "stored"]);
}

async fn keys_show_when_they_were_last_used(clients: &Clients) {
    within(MAX_WAIT, "the days of the keys' last use", || async {
        let list = clients.manage.get("/v1/keys").await.expect(200);
        list["keys"].as_array().expect("keys").iter().all(|key| key["last_used"].is_string()).then_some(())
    })
    .await;
}

async fn unknown_paths_and_methods_are_rejected(clients: &Clients) {
    clients.read.get("/v1/nothing").await.expect_problem(404);
    let request = clients.manage.request(Method::PUT, "/v1/events");
    clients.manage.send(request).await.expect_problem(405);
}
