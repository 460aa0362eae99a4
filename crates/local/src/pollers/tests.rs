use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::bail;
use aws_lambda_events::event::streams::DynamoDbBatchItemFailure;
use aws_sdk_dynamodb::Client;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::dynamodb::tests::put;
use crate::sqs::tests::message;
use crate::sqs::{Counts, Sqs};
use crate::{dynamodb, sqs, tables};

/// Longer than anything here takes, so that a mistake ends a test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What ends a poller, and what shows that it has ended.
struct Running {
    stop: watch::Sender<bool>,
    poller: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.poller).await.unwrap().unwrap();
    }
}

struct Stream {
    dynamodb: Arc<DynamoDb>,
    client: Client,
    sqs: Sqs,
    written: Arc<Notify>,
    _folders: [TempDir; 2],
}

impl Stream {
    async fn start() -> Self {
        let (dynamodb, client, folder) = dynamodb::tests::start().await;
        let (sqs, other) = sqs::tests::start().await;
        let written = Arc::new(Notify::new());
        Self { dynamodb: Arc::new(dynamodb), client, sqs, written, _folders: [folder, other] }
    }

    fn poll<H, F>(&self, handler: H) -> Running
    where
        H: Fn(Event) -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<DynamoDbEventResponse>> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let poller = StreamPoller {
            dynamodb: Arc::clone(&self.dynamodb),
            table: tables::EVENTS.to_owned(),
            written: Arc::clone(&self.written),
            dead_letters: self.sqs.queue("dead").unwrap(),
        };
        Running { stop, poller: tokio::spawn(poller.run(handler, stopped)) }
    }

    async fn is_empty(&self) -> bool {
        self.dynamodb.stream_batch(tables::EVENTS, 1).await.unwrap().records.is_empty()
    }

    async fn until_empty(&self) {
        let emptied = async {
            while !self.is_empty().await {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, emptied).await.expect("the stream is emptied");
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
async fn only_new_events_are_handed_over_and_the_rest_is_taken_away() {
    let stream = Stream::start().await;
    for (pk, id) in [("E#0", 1), ("X#flag#0", 1), ("E#0", 1), ("E#1", 2), ("X#flag#0", 2)] {
        put(&stream.client, pk, id).await;
    }
    let (handed, mut seen) = mpsc::unbounded_channel();
    let running = stream.poll(move |batch| {
        handed.send(ids(&batch)).unwrap();
        async { Ok(DynamoDbEventResponse::default()) }
    });
    stream.until_empty().await;
    put(&stream.client, "E#0", 3).await;
    stream.written.notify_one();
    stream.until_empty().await;
    running.end().await;
    assert_eq!(seen.recv().await.unwrap(), [1, 2]);
    assert_eq!(seen.recv().await.unwrap(), [3]);
    assert_eq!(seen.recv().await, None);
}

#[tokio::test]
async fn a_record_that_is_named_is_given_again_with_those_after_it() {
    let stream = Stream::start().await;
    for id in 1..=4 {
        put(&stream.client, "E#0", id).await;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = stream.poll(move |batch| {
        let mut log = log.lock().unwrap();
        log.push(ids(&batch));
        let first_time = log.len() == 1;
        async move { Ok(if first_time { failure(&batch.records[2]) } else { DynamoDbEventResponse::default() }) }
    });
    stream.until_empty().await;
    running.end().await;
    assert_eq!(*seen.lock().unwrap(), [vec![1, 2, 3, 4], vec![3, 4]]);
}

#[tokio::test]
async fn a_record_that_fails_every_batch_goes_to_the_dead_letters_alone() {
    let stream = Stream::start().await;
    for id in 1..=10 {
        put(&stream.client, "E#0", id).await;
    }
    // The waits between its retries pass at once.
    tokio::time::pause();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = stream.poll(move |batch| {
        let log = Arc::clone(&log);
        async move {
            assert!(!ids(&batch).contains(&7), "this is poison");
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
    running.end().await;
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4, 5, 6, 8, 9, 10]);
    let dead = stream.sqs.queue("dead").unwrap().receive(10, PATIENCE).await.unwrap();
    let [dead] = dead.as_slice() else { panic!("{dead:?}") };
    let record: EventRecord = serde_json::from_str(&dead.body).unwrap();
    assert_eq!(record.change.keys["sk"], serde_dynamo::AttributeValue::N("7".to_owned()));
}

#[test]
fn a_failure_that_names_nothing_known_stands_for_the_whole_batch() {
    let sequences = ["1", "2", "3"].map(str::to_owned);
    let named = |names: &[&str]| {
        let mut answer = DynamoDbEventResponse::default();
        for name in names {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some((*name).to_owned());
            answer.batch_item_failures.push(failure);
        }
        first_failure(&answer, &sequences)
    };
    assert_eq!(named(&[]), None);
    assert_eq!(named(&["3", "2"]), Some(1));
    assert_eq!(named(&["3", "nonsense"]), Some(0));
}

fn poll<H, F>(queue: &Queue, concurrency: usize, handler: H) -> Running
where
    H: Fn(SqsEvent) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<SqsBatchResponse>> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let poller = QueuePoller { queue: queue.clone(), batch_size: 10, concurrency };
    Running { stop, poller: tokio::spawn(poller.run(handler, stopped)) }
}

async fn until(queue: &Queue, expected: Counts) {
    let reached = async {
        while queue.counts().await.unwrap() != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the queue holds what is expected");
}

fn bodies(batch: &SqsEvent) -> Vec<String> {
    batch.records.iter().map(|record| record.body.clone().unwrap()).collect()
}

#[tokio::test]
async fn what_the_function_handled_is_deleted_and_what_it_names_stays() {
    let (sqs, _folder) = sqs::tests::start().await;
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("good"), message("bad"), message("fine")]).await.unwrap();
    let running = poll(&queue, 4, |batch| async move {
        assert_eq!(bodies(&batch), ["good", "bad", "fine"]);
        assert_eq!(batch.records[0].attributes["ApproximateReceiveCount"], "1");
        let mut answer = SqsBatchResponse::default();
        answer.add_failure(batch.records[1].message_id.clone().unwrap());
        Ok(answer)
    });
    until(&queue, Counts { in_flight: 1, ..Counts::default() }).await;
    running.end().await;
}

#[tokio::test]
async fn a_function_that_fails_or_panics_leaves_its_messages_to_come_again() {
    let (sqs, _folder) = sqs::tests::start().await;
    let queue = sqs.queue("work").unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let running = poll(&queue, 4, move |batch| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match bodies(&batch)[0].as_str() {
                "panic" => panic!("as asked"),
                "fail" => bail!("as asked"),
                _ => Ok(SqsBatchResponse::default()),
            }
        }
    });
    for (body, in_flight) in [("panic", 1), ("fail", 2), ("good", 2)] {
        queue.send(vec![message(body)]).await.unwrap();
        until(&queue, Counts { in_flight, ..Counts::default() }).await;
    }
    running.end().await;
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_batch_that_takes_long_does_not_hold_up_others_and_is_finished_on_stop() {
    let (sqs, _folder) = sqs::tests::start().await;
    let queue = sqs.queue("work").unwrap();
    let (release, released) = watch::channel(false);
    let running = poll(&queue, 2, move |batch| {
        let mut released = released.clone();
        async move {
            if bodies(&batch) == ["slow"] {
                released.wait_for(|released| *released).await?;
            }
            Ok(SqsBatchResponse::default())
        }
    });
    queue.send(vec![message("slow")]).await.unwrap();
    until(&queue, Counts { in_flight: 1, ..Counts::default() }).await;
    for n in 0..20 {
        queue.send(vec![message(&n.to_string())]).await.unwrap();
    }
    until(&queue, Counts { in_flight: 1, ..Counts::default() }).await;
    running.stop.send_replace(true);
    release.send_replace(true);
    running.end().await;
    assert_eq!(queue.counts().await.unwrap(), Counts::default());
}

#[tokio::test]
async fn no_more_batches_are_in_hand_than_allowed() {
    let (sqs, _folder) = sqs::tests::start().await;
    let queue = sqs.queue("work").unwrap();
    queue.send((0..100).map(|n| message(&n.to_string())).collect()).await.unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = Arc::clone(&most);
    let running = poll(&queue, 3, move |_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(SqsBatchResponse::default())
        }
    });
    until(&queue, Counts::default()).await;
    running.end().await;
    assert_eq!(highest.load(Ordering::Relaxed), 3);
}
