use std::sync::Mutex;

use aws_lambda_events::event::streams::DynamoDbBatchItemFailure;
use aws_sdk_dynamodb::Client;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::dynamodb::tests::put;
use crate::event_source::test_poller::{RunningPoller, TEST_TIMEOUT};
use crate::sqs::Sqs;
use crate::stop_signal::stop_channel;
use crate::{dynamodb, sqs, tables};

/// A table with a stream, and a queue for its dead letters.
struct TestStream {
    dynamodb: DynamoDb,
    client: Client,
    sqs: Sqs,
    written: Arc<Notify>,
    _folders: [TempDir; 2],
}

impl TestStream {
    async fn start() -> Self {
        let (dynamodb, client, folder) = dynamodb::tests::start().await;
        let (sqs, other) = sqs::tests::start();
        let written = Arc::new(Notify::new());
        Self { dynamodb, client, sqs, written, _folders: [folder, other] }
    }

    fn start_poller<H, F>(&self, handler: H) -> RunningPoller
    where
        H: Fn(Event) -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let (stop, stopped) = stop_channel();
        let poller = StreamPoller {
            dynamodb: self.dynamodb.clone(),
            table: tables::EVENTS.to_owned(),
            written: Arc::clone(&self.written),
            delay: Duration::ZERO,
            dead_letters: self.sqs.queue("dead").unwrap(),
        };
        RunningPoller { stop, poller: tokio::spawn(poller.run(handler, stopped)) }
    }

    async fn is_empty(&self) -> bool {
        self.dynamodb.read_stream(tables::EVENTS, 1).await.unwrap().records.is_empty()
    }

    async fn wait_until_empty(&self) {
        let emptied = async {
            while !self.is_empty().await {
                tokio::task::yield_now().await;
            }
        };
        timeout(TEST_TIMEOUT, emptied).await.expect("the stream is not empty");
    }
}

fn ids(batch: &Event) -> Vec<u64> {
    let id = |record: &EventRecord| serde_dynamo::from_attribute_value(record.change.keys["sk"].clone()).unwrap();
    batch.records.iter().map(id).collect()
}

fn failure(record: &EventRecord) -> DynamoDbEventResponse {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = record.change.sequence_number.clone();
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures.push(failure);
    response
}

#[tokio::test]
async fn only_new_events_are_processed_and_other_records_are_deleted() {
    let stream = TestStream::start().await;
    for (pk, id) in [("E#0", 1), ("X#flag#0", 1), ("E#0", 1), ("E#1", 2), ("X#flag#0", 2)] {
        put(&stream.client, pk, id).await;
    }
    let (sender, mut seen) = mpsc::unbounded_channel();
    let running = stream.start_poller(move |batch| {
        sender.send(ids(&batch)).unwrap();
        async { Ok(DynamoDbEventResponse::default()) }
    });
    stream.wait_until_empty().await;
    put(&stream.client, "E#0", 3).await;
    stream.written.notify_one();
    stream.wait_until_empty().await;
    running.stop().await;
    assert_eq!(seen.recv().await.unwrap(), [1, 2]);
    assert_eq!(seen.recv().await.unwrap(), [3]);
    assert_eq!(seen.recv().await, None);
}

#[tokio::test]
async fn failed_record_is_redelivered_with_its_successors() {
    let stream = TestStream::start().await;
    for id in 1..=4 {
        put(&stream.client, "E#0", id).await;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = stream.start_poller(move |batch| {
        let mut log = log.lock().unwrap();
        log.push(ids(&batch));
        let first_time = log.len() == 1;
        async move { Ok(if first_time { failure(&batch.records[2]) } else { DynamoDbEventResponse::default() }) }
    });
    stream.wait_until_empty().await;
    running.stop().await;
    assert_eq!(*seen.lock().unwrap(), [vec![1, 2, 3, 4], vec![3, 4]]);
}

#[tokio::test]
async fn only_the_record_that_always_fails_becomes_a_dead_letter() {
    let stream = TestStream::start().await;
    for id in 1..=10 {
        put(&stream.client, "E#0", id).await;
    }
    // The delays between its retries pass immediately.
    tokio::time::pause();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = stream.start_poller(move |batch| {
        let log = Arc::clone(&log);
        async move {
            assert!(!ids(&batch).contains(&7), "record 7 always fails");
            log.lock().unwrap().extend(ids(&batch));
            Ok(DynamoDbEventResponse::default())
        }
    });
    for _ in 0..1000 {
        sleep(Duration::from_secs(1)).await;
        if stream.is_empty().await {
            break;
        }
    }
    running.stop().await;
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4, 5, 6, 8, 9, 10]);
    let dead = stream.sqs.queue("dead").unwrap().receive(10, TEST_TIMEOUT).await.unwrap();
    let [dead] = dead.as_slice() else { panic!("{dead:?}") };
    let record: EventRecord = serde_json::from_str(&dead.body).unwrap();
    assert_eq!(record.change.keys["sk"], serde_dynamo::AttributeValue::N("7".to_owned()));
}

#[test]
fn failure_with_an_unknown_identifier_means_the_whole_batch() {
    let sequences = ["1", "2", "3"].map(str::to_owned);
    let first_failure_of = |ids: &[&str]| {
        let mut response = DynamoDbEventResponse::default();
        for id in ids {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some((*id).to_owned());
            response.batch_item_failures.push(failure);
        }
        first_failure(&response, &sequences)
    };
    assert_eq!(first_failure_of(&[]), None);
    assert_eq!(first_failure_of(&["3", "2"]), Some(1));
    assert_eq!(first_failure_of(&["3", "nonsense"]), Some(0));
}
