//! Nudges that cannot be sent.

use std::net::TcpListener;
use std::time::Instant;

use runtime::Env;
use runtime::sqs::{Queue, SqsClient};

use super::*;

/// Longer than a nudge may delay a response on a busy machine, and shorter than the SDK's four attempts of five seconds.
const MAX_DELAY: Duration = Duration::from_secs(5);

fn nudger(dynamodb: &FakeDynamoDb, sqs: &str) -> Nudger {
    let lookup = |name: &str| match name {
        "AWS_ENDPOINT_URL_SQS" => Some(sqs.to_owned()),
        "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
        _ => None,
    };
    let client = SqsClient::new(&Env::new(&lookup).aws("SQS").unwrap());
    Nudger::new(Queue::new(client, format!("{sqs}/1/nudges")), ConfigTable::new(dynamodb.client(), "config".to_owned()))
}

#[tokio::test]
async fn a_failed_nudge_neither_fails_nor_delays_the_response() {
    let dynamodb = FakeDynamoDb::new(TOKEN, "unleash").with_storage();
    // The kernel accepts connections, and no program answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sqs = format!("http://{}", silent.local_addr().unwrap());
    let nudger = Some(nudger(&dynamodb, &sqs));
    let state = State { nudger, ..state(&dynamodb, Duration::from_secs(20)) };
    let started = Instant::now();
    assert_eq!(post(&state, &batch(3)).await.status(), StatusCode::OK);
    assert!(started.elapsed() < MAX_DELAY, "{:?}", started.elapsed());

    // The events of a request store the same nudge, so that the stream claims it once.
    let nudges: Vec<Value> = dynamodb.items("events").iter().map(|item| item["n"]["N"].clone()).collect();
    assert_eq!(nudges.len(), 3);
    assert!(nudges[0].is_string() && nudges.iter().all(|nudge| *nudge == nudges[0]), "{nudges:?}");

    // Nothing listens any more.
    drop(silent);
    assert_eq!(post(&state, &unleash_event(9, now(), "flag", "web", "ada")).await.status(), StatusCode::CREATED);
    assert!(started.elapsed() < 2 * MAX_DELAY, "{:?}", started.elapsed());
}
