//! Tasks of operators: retries, replays, dead letters, removed keys and metrics.

use e2e::{Api, Deployment, MAX_WAIT, Receiver, unleash_event, within};
use serde_json::{Value, json};

use crate::{CACHES_EXPIRE_AFTER, Clients, wait_for_delivery};

/// A failed delivery is retried by hand, and a replay sends each event that a search finds once.
pub(crate) async fn failed_deliveries_are_retried_and_the_log_is_replayed(clients: &Clients, receiver: &Receiver) {
    clients.manage.patch("/v1/targets/audit", &json!({ "retry_count": 1 })).await.expect(200);
    // This time must pass: functions may have cached the target before the change.
    tokio::time::sleep(CACHES_EXPIRE_AFTER).await;
    receiver.respond_next(&[500]);
    let event = unleash_event(900_006, "2026-05-02T00:00:00Z".parse().expect("a time"), "flag", "web", "ada");
    let stored = clients.unleash.post("/v1/events", &event).await.expect(201);
    let id = stored["id"].as_u64().expect("an id");
    wait_for_delivery(clients, id, "failed").await;
    let listed = clients.read.get("/v1/deliveries?target=audit&status=failed").await.expect(200);
    assert_eq!(listed["deliveries"][0]["event"], id, "{listed}");
    clients.manage.post(&format!("/v1/deliveries/{id}/audit/retry"), &Value::Null).await.expect(202);
    wait_for_delivery(clients, id, "delivered").await;

    let path = "/v1/targets/audit/replay?subject=flag&from=2026-05-02&to=2026-05-02";
    let dry = clients.manage.post(&format!("{path}&dry_run=true"), &Value::Null).await.expect(200);
    assert_eq!(dry["events"], 1, "{dry}");
    let before = receiver.count();
    let replay = clients.manage.post(path, &Value::Null).await.expect(202);
    let name = replay["name"].as_str().expect("a name");
    let ended = within(MAX_WAIT, "the end of the replay", || async {
        let replay = clients.manage.get(&format!("/v1/replays/{name}")).await.expect(200);
        (replay["state"] == "done").then_some(replay)
    })
    .await;
    assert_eq!(ended["sent"], 1, "{ended}");
    within(MAX_WAIT, "the replayed webhook", || async { (receiver.count() > before).then_some(()) }).await;
}

/// An unreadable message is retried and then moved to the dead-letter queue.
pub(crate) async fn unreadable_messages_go_to_the_dead_letter_queue(deployment: &Deployment) {
    let (queue, dead) = (deployment.output("DeliveryQueueUrl"), deployment.output("DeliveryDeadLettersUrl"));
    let arn = deployment.sqs("GetQueueAttributes", &json!({ "QueueUrl": dead, "AttributeNames": ["QueueArn"] })).await;
    // On AWS a message is received a thousand times before it is moved, nine minutes apart.
    let redrive = json!({ "deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 2 });
    let attributes = json!({ "VisibilityTimeout": "1", "RedrivePolicy": redrive.to_string() });
    deployment.sqs("SetQueueAttributes", &json!({ "QueueUrl": queue, "Attributes": attributes })).await;
    deployment.sqs("SendMessage", &json!({ "QueueUrl": queue, "MessageBody": "not a message" })).await;
    let body = within(MAX_WAIT, "the dead letter", || async {
        let received = deployment.sqs("ReceiveMessage", &json!({ "QueueUrl": dead })).await;
        received["Messages"][0]["Body"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(body, "not a message");
}

/// A removed key is rejected.
pub(crate) async fn removed_keys_stop_working(clients: &Clients, api: &Api) {
    let new = json!({ "name": "short", "scope": "read" });
    let created = clients.manage.post("/v1/keys", &new).await.expect(201);
    let short = api.with_token(created["token"].as_str().expect("a token"));
    assert_eq!(short.get("/v1/key").await.expect(200)["name"], "short");
    clients.manage.delete("/v1/keys/short").await.expect(204);
    within(MAX_WAIT, "the key to be rejected", || async { (short.get("/v1/key").await.status == 401).then_some(()) })
        .await;
}

/// Invokes the functions without an address as the workflow `deploy.yml` does to check them. Pack is tested only here,
/// because its schedule starts after five minutes.
pub(crate) async fn functions_accept_empty_batches(deployment: &Deployment) {
    let nothing = json!({ "Records": [] });
    assert_eq!(deployment.invoke("FanoutFunction", &nothing).await["batchItemFailures"], json!([]));
    assert_eq!(deployment.invoke("DeliverFunction", &nothing).await["batchItemFailures"], json!([]));
    assert_eq!(deployment.invoke("PackFunction", &json!({})).await, Value::Null);
}

/// Checks the metrics that `CloudWatch` extracts from the functions' logs.
pub(crate) async fn functions_log_their_metrics(deployment: &Deployment) {
    let expected = [
        ("ingest", vec!["stored", "quarantined", "not_kept", "write_units"]),
        ("query", vec!["searches", "read_units", "partial", "search_ms"]),
        ("fanout", vec!["events", "messages", "held", "failed_batches", "replayed"]),
        ("deliver", vec!["delivered", "failed_attempts", "given_up", "attempt_ms", "delay_ms", "unhandled"]),
    ];
    for (function, names) in expected {
        let lines = deployment.log_lines(function).await;
        let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for name in names {
            let has = |line: &Value| {
                let directive = &line["_aws"]["CloudWatchMetrics"][0];
                let metrics =
                    directive["Metrics"].as_array().is_some_and(|all| all.iter().any(|one| one["Name"] == name));
                // The template's alarms use these dimensions.
                let dimensions = directive["Dimensions"] == json!([["stack", "function"]])
                    && (&line["stack"], &line["function"]) == (&json!("tidings"), &json!(function));
                directive["Namespace"] == "Tidings" && metrics && dimensions && line[name].is_number()
            };
            assert!(lines.iter().any(has), "{function} logs {name}");
        }
    }
}
