//! What those who run a deployment rely on: retries, replays, dead letters, keys that end, metrics.

use e2e::{Api, Deployment, Receiver, unleash_event, within};
use serde_json::{Value, json};

use crate::{Keys, PATIENCE, explained};

/// A delivery that failed for good is retried by hand, and a replay of the log sends what a search finds, each once.
pub(crate) async fn failed_deliveries_are_retried_and_the_log_is_replayed(keys: &Keys, receiver: &Receiver) {
    keys.manage.patch("/v1/targets/audit", &json!({ "retry_count": 1 })).await.expect(200);
    // A function may have read the target a moment ago.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    receiver.respond_next(&[500]);
    let event = unleash_event(900_006, "2026-05-02T00:00:00Z".parse().expect("a time"), "flag", "web", "ada");
    let stored = keys.unleash.post("/v1/events", &event).await.expect(201);
    let id = stored["id"].as_u64().expect("an id");
    explained(keys, id, "failed").await;
    let listed = keys.read.get("/v1/deliveries?target=audit&status=failed").await.expect(200);
    assert_eq!(listed["deliveries"][0]["event"], id, "{listed}");
    keys.manage.post(&format!("/v1/deliveries/{id}/audit/retry"), &Value::Null).await.expect(202);
    explained(keys, id, "delivered").await;

    let path = "/v1/targets/audit/replay?subject=flag&from=2026-05-02&to=2026-05-02";
    let dry = keys.manage.post(&format!("{path}&dry_run=true"), &Value::Null).await.expect(200);
    assert_eq!(dry["events"], 1, "{dry}");
    let before = receiver.count();
    let replay = keys.manage.post(path, &Value::Null).await.expect(202);
    let name = replay["name"].as_str().expect("a name");
    let ended = within(PATIENCE, "the end of the replay", || async {
        let replay = keys.manage.get(&format!("/v1/replays/{name}")).await.expect(200);
        (replay["state"] == "done").then_some(replay)
    })
    .await;
    assert_eq!(ended["sent"], 1, "{ended}");
    within(PATIENCE, "its webhook", || async { (receiver.count() > before).then_some(()) }).await;
}

/// A message that is none comes back, and then stands with the dead letters; the queue goes on.
pub(crate) async fn unreadable_messages_go_to_the_dead_letter_queue(deployment: &Deployment) {
    let (queue, dead) = (deployment.output("DeliveryQueueUrl"), deployment.output("DeliveryDeadLettersUrl"));
    let arn = deployment.sqs("GetQueueAttributes", &json!({ "QueueUrl": dead, "AttributeNames": ["QueueArn"] })).await;
    // On AWS a message comes a thousand times before it is given up, and hidden for nine minutes in between.
    let redrive = json!({ "deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 2 });
    let attributes = json!({ "VisibilityTimeout": "1", "RedrivePolicy": redrive.to_string() });
    deployment.sqs("SetQueueAttributes", &json!({ "QueueUrl": queue, "Attributes": attributes })).await;
    deployment.sqs("SendMessage", &json!({ "QueueUrl": queue, "MessageBody": "no message of ours" })).await;
    let body = within(PATIENCE, "the dead letter", || async {
        let received = deployment.sqs("ReceiveMessage", &json!({ "QueueUrl": dead })).await;
        received["Messages"][0]["Body"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(body, "no message of ours");
}

/// A key that is removed, or over, lets nobody in.
pub(crate) async fn removed_keys_stop_working(keys: &Keys, api: &Api) {
    let new = json!({ "name": "short", "scope": "read" });
    let created = keys.manage.post("/v1/keys", &new).await.expect(201);
    let short = api.with_token(created["token"].as_str().expect("a token"));
    assert_eq!(short.get("/v1/key").await.expect(200)["name"], "short");
    keys.manage.delete("/v1/keys/short").await.expect(204);
    within(PATIENCE, "the key's end", || async { (short.get("/v1/key").await.status == 401).then_some(()) }).await;
}

/// As the workflow `deploy.yml` asks those without an address whether they are there. For pack it is all: its rule
/// calls it after five minutes.
pub(crate) async fn functions_accept_empty_batches(deployment: &Deployment) {
    let nothing = json!({ "Records": [] });
    assert_eq!(deployment.invoke("FanoutFunction", &nothing).await["batchItemFailures"], json!([]));
    assert_eq!(deployment.invoke("DeliverFunction", &nothing).await["batchItemFailures"], json!([]));
    assert_eq!(deployment.invoke("PackFunction", &json!({})).await, Value::Null);
}

/// Metrics that `CloudWatch` reads out of the functions' logs.
pub(crate) async fn functions_log_their_metrics(deployment: &Deployment) {
    let told = [
        ("ingest", vec!["stored", "quarantined", "not_kept", "write_units"]),
        ("query", vec!["searches", "read_units", "partial", "search_ms"]),
        ("fanout", vec!["events", "messages", "held", "failed_batches", "replayed"]),
        ("deliver", vec!["delivered", "failed_attempts", "given_up", "attempt_ms", "delay_ms", "unhandled"]),
    ];
    for (function, names) in told {
        let lines = deployment.log_lines(function).await;
        let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for name in names {
            let has = |line: &Value| {
                let described = &line["_aws"]["CloudWatchMetrics"][0];
                let metrics =
                    described["Metrics"].as_array().is_some_and(|all| all.iter().any(|one| one["Name"] == name));
                // As the template's alarms look for them.
                let dimensions = described["Dimensions"] == json!([["stack", "function"]])
                    && (&line["stack"], &line["function"]) == (&json!("tidings"), &json!(function));
                described["Namespace"] == "Tidings" && metrics && dimensions && line[name].is_number()
            };
            assert!(lines.iter().any(has), "{function} tells {name}");
        }
    }
}
