use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};
use tempfile::TempDir;

use super::queue::MAX_ARRIVALS_WAIT;
use super::*;
use crate::aws::LocalAws;
use crate::dynamodb::DynamoDb;

/// Longer than every test.
const LONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts an SQS with the queues `work` and `dead`. Returns it with its data folder.
pub(crate) fn start() -> (Sqs, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&folder), folder)
}

fn open(folder: &TempDir) -> Sqs {
    let redrive = RedrivePolicy { dead_letter_queue: "dead".to_owned(), max_receives: 2 };
    let queues = vec![
        QueueConfig { name: "work".to_owned(), visibility_timeout: LONG_TIMEOUT, redrive: Some(redrive) },
        QueueConfig { name: "dead".to_owned(), visibility_timeout: LONG_TIMEOUT, redrive: None },
    ];
    let file = folder.path().join("sqs.sqlite3");
    Sqs::open(&file, queues, "http://sqs.local", Durability::Durable, &Health::default()).unwrap()
}

async fn client(sqs: &Sqs) -> Client {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.sqlite3");
    let dynamodb = DynamoDb::open(&file, Durability::Relaxed, &Health::default()).await.unwrap();
    let aws = LocalAws { dynamodb, sqs: sqs.clone() };
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url("http://sqs.local")
        .http_client(aws.http_client());
    Client::from_conf(config.build())
}

pub(crate) fn message(body: &str) -> NewMessage {
    NewMessage { body: body.to_owned(), ..NewMessage::default() }
}

/// The error code of a failed call.
fn error_code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(result: Result<T, E>) -> String {
    result.unwrap_err().code().unwrap().to_owned()
}

#[tokio::test]
async fn sdk_can_send_receive_hide_and_delete_messages() {
    let (sqs, _folder) = start();
    let client = client(&sqs).await;
    let url = client.get_queue_url().queue_name("work").send().await.unwrap().queue_url.unwrap();
    assert_eq!(url, sqs.url("work"));
    let sent = client.send_message().queue_url(&url).message_body("a").message_group_id("t").send().await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("0cc175b9c0f1b6a831c399e269772661"));

    let all = MessageSystemAttributeName::All;
    let received = client.receive_message().queue_url(&url).message_system_attribute_names(all).send().await.unwrap();
    let message = &received.messages()[0];
    assert_eq!((message.body(), message.message_id()), (Some("a"), sent.message_id()));
    let attributes = message.attributes().unwrap();
    assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(attributes[&MessageSystemAttributeName::MessageGroupId], "t");

    let handle = message.receipt_handle().unwrap();
    let change = client.change_message_visibility().queue_url(&url).receipt_handle(handle);
    change.clone().visibility_timeout(0).send().await.unwrap();
    assert_eq!(error_code(change.visibility_timeout(9).send().await), "MessageNotInflight");
    client.delete_message().queue_url(&url).receipt_handle(handle).send().await.unwrap();
    assert_eq!(sqs.queue("work").unwrap().counts().await.unwrap(), MessageCounts::default());
}

#[tokio::test]
async fn batch_sends_valid_messages_and_reports_invalid_ones() {
    let (sqs, _folder) = start();
    let client = client(&sqs).await;
    let entry =
        |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let batch = client.send_message_batch().queue_url(sqs.url("work"));
    let response = batch
        .clone()
        .entries(entry("good", "a"))
        .entries(entry("bad", "\u{1}"))
        .entries(entry("empty", ""))
        .send()
        .await
        .unwrap();
    assert_eq!(response.successful()[0].id(), "good");
    let failed: Vec<_> = response.failed().iter().map(|failed| (failed.id(), failed.code())).collect();
    assert_eq!(failed, [("bad", "InvalidMessageContents"), ("empty", "MissingParameter")]);

    let rejected = batch.clone().entries(entry("same", "a")).entries(entry("same", "b")).send().await;
    assert_eq!(error_code(rejected), "BatchEntryIdsNotDistinct");
    let long = "x".repeat(600 * 1024);
    let rejected = batch.clone().entries(entry("one", &long)).entries(entry("two", &long)).send().await;
    assert_eq!(error_code(rejected), "BatchRequestTooLong");
    let many = (0..11).map(|n| entry(&n.to_string(), "a")).collect();
    assert_eq!(error_code(batch.set_entries(Some(many)).send().await), "TooManyEntriesInBatchRequest");
}

#[tokio::test]
async fn errors_are_the_same_as_on_aws() {
    let (sqs, _folder) = start();
    let client = client(&sqs).await;
    let send = client.send_message().queue_url(sqs.url("work")).message_body("a");
    assert_eq!(error_code(send.clone().queue_url(sqs.url("nothing")).send().await), "QueueDoesNotExist");
    assert_eq!(error_code(send.clone().delay_seconds(901).send().await), "InvalidParameterValue");
    assert_eq!(error_code(send.clone().message_group_id("two words").send().await), "InvalidParameterValue");
    assert_eq!(error_code(send.message_body("x".repeat(1024 * 1024 + 1)).send().await), "InvalidParameterValue");
    let delete = client.delete_message().queue_url(sqs.url("work"));
    assert_eq!(error_code(delete.receipt_handle("nonsense").send().await), "ReceiptHandleIsInvalid");
    let gone = client.change_message_visibility().queue_url(sqs.url("work")).receipt_handle("7.1");
    assert_eq!(error_code(gone.visibility_timeout(1).send().await), "InvalidParameterValue");
    assert_eq!(error_code(client.list_queues().send().await), "UnsupportedOperation");
}

#[tokio::test]
async fn queue_attributes_count_the_messages() {
    let (sqs, _folder) = start();
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("a"), message("b"), message("c")]).await.unwrap();
    queue.send(vec![NewMessage { delay: LONG_TIMEOUT, ..message("later") }]).await.unwrap();
    queue.receive(1, LONG_TIMEOUT).await.unwrap();
    let asked = client(&sqs).await.get_queue_attributes().queue_url(sqs.url("work"));
    let response = asked.attribute_names(QueueAttributeName::All).send().await.unwrap();
    let attributes = response.attributes().unwrap();
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessages], "2");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible], "1");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesDelayed], "1");
    assert!(attributes[&QueueAttributeName::RedrivePolicy].contains(":dead\""), "{attributes:?}");
}

#[tokio::test]
async fn wait_ends_when_a_message_is_sent_or_becomes_visible() {
    let (sqs, _folder) = start();
    let queue = sqs.queue("work").unwrap();
    let mut arrivals = queue.arrivals();
    queue.send(vec![message("before the wait")]).await.unwrap();
    arrivals.wait().await.unwrap();
    let soon = Duration::from_millis(50);
    let received = queue.receive(1, soon).await.unwrap();
    let began = Instant::now();
    let again = loop {
        arrivals.wait().await.unwrap();
        if let Some(message) = queue.receive(1, LONG_TIMEOUT).await.unwrap().pop() {
            break message;
        }
    };
    assert!(began.elapsed() < MAX_ARRIVALS_WAIT, "{:?}", began.elapsed());
    assert_eq!((again.id(), again.receives()), (received[0].id(), 2));
}

#[tokio::test]
async fn long_poll_returns_the_next_message() {
    let (sqs, _folder) = start();
    let poll = client(&sqs).await.receive_message().queue_url(sqs.url("work")).wait_time_seconds(20).send();
    let poll = tokio::spawn(poll);
    sqs.queue("work").unwrap().send(vec![message("a")]).await.unwrap();
    assert_eq!(poll.await.unwrap().unwrap().messages().len(), 1);
}

#[tokio::test]
async fn no_message_is_received_twice() {
    let (sqs, _folder) = start();
    let queue = sqs.queue("work").unwrap();
    queue.send((0..200).map(|n| message(&n.to_string())).collect()).await.unwrap();
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut received = Vec::new();
                loop {
                    let messages = queue.receive(7, LONG_TIMEOUT).await.unwrap();
                    if messages.is_empty() {
                        return received;
                    }
                    received.extend(messages.into_iter().map(|message| message.id()));
                }
            })
        })
        .collect();
    let mut received = Vec::new();
    for receiver in receivers {
        received.extend(receiver.await.unwrap());
    }
    assert_eq!(received.len(), 200);
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 200);
}

#[tokio::test]
async fn messages_and_receive_counts_survive_a_kill() {
    let (sqs, folder) = start();
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("a"), message("b")]).await.unwrap();
    let receipt = queue.receive(1, LONG_TIMEOUT).await.unwrap()[0].receipt;
    // Opened again without closing the first, as after a kill.
    let queue = open(&folder).queue("work").unwrap();
    assert_eq!(queue.counts().await.unwrap(), MessageCounts { visible: 1, in_flight: 1, delayed: 0 });
    queue.delete(vec![receipt]).await.unwrap();
    assert_eq!(queue.receive(10, LONG_TIMEOUT).await.unwrap()[0].body, "b");
}
