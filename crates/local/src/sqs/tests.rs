use std::time::Instant;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry};
use tempfile::TempDir;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// Queues `work` and `dead`, and the folder with their data.
pub(crate) async fn start() -> (Sqs, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&folder).await, folder)
}

async fn open(folder: &TempDir) -> Sqs {
    let redrive = Redrive { dead_letters: "dead".to_owned(), max_receives: 2 };
    let queues = vec![
        QueueConfig { name: "work".to_owned(), visibility: LONG, redrive: Some(redrive) },
        QueueConfig { name: "dead".to_owned(), visibility: LONG, redrive: None },
    ];
    Sqs::start(&folder.path().join("sqs.sqlite3"), queues).await.unwrap()
}

fn client(sqs: &Sqs) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(sqs.endpoint());
    Client::from_conf(config.build())
}

pub(crate) fn message(body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), ..Outgoing::default() }
}

/// The code of the error that a call was answered with.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(answer: Result<T, E>) -> String {
    answer.unwrap_err().code().unwrap().to_owned()
}

#[tokio::test]
async fn the_sdk_sends_receives_hides_and_deletes() {
    let (sqs, _folder) = start().await;
    let client = client(&sqs);
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
    assert_eq!(code(change.visibility_timeout(9).send().await), "MessageNotInflight");
    client.delete_message().queue_url(&url).receipt_handle(handle).send().await.unwrap();
    assert_eq!(sqs.queue("work").unwrap().counts().await.unwrap(), Counts::default());
}

#[tokio::test]
async fn a_batch_keeps_what_is_valid_and_names_what_is_not() {
    let (sqs, _folder) = start().await;
    let client = client(&sqs);
    let entry =
        |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let batch = client.send_message_batch().queue_url(sqs.url("work"));
    let answer = batch
        .clone()
        .entries(entry("good", "a"))
        .entries(entry("bad", "\u{1}"))
        .entries(entry("empty", ""))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.successful()[0].id(), "good");
    let failed: Vec<_> = answer.failed().iter().map(|failed| (failed.id(), failed.code())).collect();
    assert_eq!(failed, [("bad", "InvalidMessageContents"), ("empty", "MissingParameter")]);

    let refused = batch.clone().entries(entry("same", "a")).entries(entry("same", "b")).send().await;
    assert_eq!(code(refused), "BatchEntryIdsNotDistinct");
    let long = "x".repeat(600 * 1024);
    let refused = batch.clone().entries(entry("one", &long)).entries(entry("two", &long)).send().await;
    assert_eq!(code(refused), "BatchRequestTooLong");
    let many = (0..11).map(|n| entry(&n.to_string(), "a")).collect();
    assert_eq!(code(batch.set_entries(Some(many)).send().await), "TooManyEntriesInBatchRequest");
}

#[tokio::test]
async fn what_is_wrong_is_answered_as_on_aws() {
    let (sqs, _folder) = start().await;
    let client = client(&sqs);
    let send = client.send_message().queue_url(sqs.url("work")).message_body("a");
    assert_eq!(code(send.clone().queue_url(sqs.url("nothing")).send().await), "QueueDoesNotExist");
    assert_eq!(code(send.clone().delay_seconds(901).send().await), "InvalidParameterValue");
    assert_eq!(code(send.clone().message_group_id("two words").send().await), "InvalidParameterValue");
    assert_eq!(code(send.message_body("x".repeat(1024 * 1024 + 1)).send().await), "InvalidParameterValue");
    let delete = client.delete_message().queue_url(sqs.url("work"));
    assert_eq!(code(delete.receipt_handle("nonsense").send().await), "ReceiptHandleIsInvalid");
    let gone = client.change_message_visibility().queue_url(sqs.url("work")).receipt_handle("7.1");
    assert_eq!(code(gone.visibility_timeout(1).send().await), "InvalidParameterValue");
    assert_eq!(code(client.list_queues().send().await), "UnsupportedOperation");
}

#[tokio::test]
async fn attributes_count_the_messages() {
    let (sqs, _folder) = start().await;
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("a"), message("b"), message("c")]).await.unwrap();
    queue.send(vec![Outgoing { delay: LONG, ..message("later") }]).await.unwrap();
    queue.receive(1, LONG).await.unwrap();
    let asked = client(&sqs).get_queue_attributes().queue_url(sqs.url("work"));
    let answer = asked.attribute_names(QueueAttributeName::All).send().await.unwrap();
    let attributes = answer.attributes().unwrap();
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessages], "2");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible], "1");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesDelayed], "1");
    assert!(attributes[&QueueAttributeName::RedrivePolicy].contains(":dead\""), "{attributes:?}");
}

#[tokio::test]
async fn a_wait_ends_when_something_is_sent_and_when_something_is_due() {
    let (sqs, _folder) = start().await;
    let queue = sqs.queue("work").unwrap();
    let mut arrivals = queue.arrivals();
    queue.send(vec![message("before the wait")]).await.unwrap();
    arrivals.wait().await.unwrap();
    let soon = Duration::from_millis(50);
    let received = queue.receive(1, soon).await.unwrap();
    let began = Instant::now();
    let again = loop {
        arrivals.wait().await.unwrap();
        if let Some(message) = queue.receive(1, LONG).await.unwrap().pop() {
            break message;
        }
    };
    assert!(began.elapsed() < LONGEST_NAP, "{:?}", began.elapsed());
    assert_eq!((again.id(), again.receives()), (received[0].id(), 2));
}

#[tokio::test]
async fn a_long_poll_is_answered_by_the_next_message() {
    let (sqs, _folder) = start().await;
    let poll = client(&sqs).receive_message().queue_url(sqs.url("work")).wait_time_seconds(20).send();
    let poll = tokio::spawn(poll);
    sqs.queue("work").unwrap().send(vec![message("a")]).await.unwrap();
    assert_eq!(poll.await.unwrap().unwrap().messages().len(), 1);
}

#[tokio::test]
async fn no_message_is_handed_to_two_receivers() {
    let (sqs, _folder) = start().await;
    let queue = sqs.queue("work").unwrap();
    queue.send((0..200).map(|n| message(&n.to_string())).collect()).await.unwrap();
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let messages = queue.receive(7, LONG).await.unwrap();
                    if messages.is_empty() {
                        return taken;
                    }
                    taken.extend(messages.into_iter().map(|message| message.id()));
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for receiver in receivers {
        taken.extend(receiver.await.unwrap());
    }
    assert_eq!(taken.len(), 200);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 200);
}

#[tokio::test]
async fn messages_and_receives_outlast_the_process() {
    let (sqs, folder) = start().await;
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("a"), message("b")]).await.unwrap();
    let receipt = queue.receive(1, LONG).await.unwrap()[0].receipt;
    // Opened a second time without the first being closed, as after a kill.
    let queue = open(&folder).await.queue("work").unwrap();
    assert_eq!(queue.counts().await.unwrap(), Counts { visible: 1, in_flight: 1, delayed: 0 });
    queue.delete(vec![receipt]).await.unwrap();
    assert_eq!(queue.receive(10, LONG).await.unwrap()[0].body, "b");
}
