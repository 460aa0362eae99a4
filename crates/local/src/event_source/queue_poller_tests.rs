use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::bail;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::event_source::test_poller::{RunningPoller, TEST_TIMEOUT};
use crate::sqs::tests::message;
use crate::sqs::{self, MessageCounts};
use crate::stop_signal::stop_channel;

fn start_poller<H, F>(queue: &Queue, max_concurrent_batches: usize, handler: H) -> RunningPoller
where
    H: Fn(SqsEvent) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<SqsBatchResponse>> + Send + 'static,
{
    let (stop, stopped) = stop_channel();
    let poller = QueuePoller { queue: queue.clone(), batch_size: 10, max_concurrent_batches };
    RunningPoller { stop, poller: tokio::spawn(poller.run(handler, stopped)) }
}

async fn wait_for_counts(queue: &Queue, expected: MessageCounts) {
    let reached = async {
        while queue.counts().await.unwrap() != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, reached).await.expect("the queue does not have the expected messages");
}

fn bodies(batch: &SqsEvent) -> Vec<String> {
    batch.records.iter().map(|record| record.body.clone().unwrap()).collect()
}

#[tokio::test]
async fn processed_messages_are_deleted_and_failed_ones_are_kept() {
    let (sqs, _folder) = sqs::tests::start();
    let queue = sqs.queue("work").unwrap();
    queue.send(vec![message("good"), message("bad"), message("fine")]).await.unwrap();
    let running = start_poller(&queue, 4, |batch| async move {
        assert_eq!(bodies(&batch), ["good", "bad", "fine"]);
        assert_eq!(batch.records[0].attributes["ApproximateReceiveCount"], "1");
        let mut response = SqsBatchResponse::default();
        response.add_failure(batch.records[1].message_id.clone().unwrap());
        Ok(response)
    });
    wait_for_counts(&queue, MessageCounts { in_flight: 1, ..MessageCounts::default() }).await;
    running.stop().await;
}

#[tokio::test]
async fn messages_are_kept_if_the_function_fails_or_panics() {
    let (sqs, _folder) = sqs::tests::start();
    let queue = sqs.queue("work").unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let running = start_poller(&queue, 4, move |batch| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match bodies(&batch)[0].as_str() {
                "panic" => panic!("requested by the test"),
                "fail" => bail!("requested by the test"),
                _ => Ok(SqsBatchResponse::default()),
            }
        }
    });
    for (body, in_flight) in [("panic", 1), ("fail", 2), ("good", 2)] {
        queue.send(vec![message(body)]).await.unwrap();
        wait_for_counts(&queue, MessageCounts { in_flight, ..MessageCounts::default() }).await;
    }
    running.stop().await;
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn slow_batch_does_not_delay_others_and_is_finished_on_stop() {
    let (sqs, _folder) = sqs::tests::start();
    let queue = sqs.queue("work").unwrap();
    let (release, released) = watch::channel(false);
    let running = start_poller(&queue, 2, move |batch| {
        let mut released = released.clone();
        async move {
            if bodies(&batch) == ["slow"] {
                released.wait_for(|released| *released).await?;
            }
            Ok(SqsBatchResponse::default())
        }
    });
    queue.send(vec![message("slow")]).await.unwrap();
    wait_for_counts(&queue, MessageCounts { in_flight: 1, ..MessageCounts::default() }).await;
    for n in 0..20 {
        queue.send(vec![message(&n.to_string())]).await.unwrap();
    }
    wait_for_counts(&queue, MessageCounts { in_flight: 1, ..MessageCounts::default() }).await;
    running.stop.send_replace(true);
    release.send_replace(true);
    running.stop().await;
    assert_eq!(queue.counts().await.unwrap(), MessageCounts::default());
}

#[tokio::test]
async fn concurrent_batches_are_limited() {
    let (sqs, _folder) = sqs::tests::start();
    let queue = sqs.queue("work").unwrap();
    queue.send((0..100).map(|n| message(&n.to_string())).collect()).await.unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = Arc::clone(&most);
    let running = start_poller(&queue, 3, move |_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(SqsBatchResponse::default())
        }
    });
    wait_for_counts(&queue, MessageCounts::default()).await;
    running.stop().await;
    assert_eq!(highest.load(Ordering::Relaxed), 3);
}
