use std::sync::{Arc, Mutex};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::*;

/// An SQS that rejects one message for a number of calls, and records the calls.
#[derive(Debug, Clone, Default)]
struct FakeSqs {
    /// Index of the rejected message within its batch.
    rejected: Option<&'static str>,
    rejections: Arc<Mutex<u32>>,
    calls: Arc<Mutex<Vec<Value>>>,
}

impl FakeSqs {
    fn rejecting(index: &'static str, calls: u32) -> Self {
        Self { rejected: Some(index), rejections: Arc::new(Mutex::new(calls)), ..Self::default() }
    }

    fn queue(&self) -> Queue {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Queue::new(SqsClient::from_conf(config.build()), "https://sqs.example.com/1/work".to_owned())
    }

    /// Returns the ids in each batch, in order.
    fn batches(&self) -> Vec<Vec<String>> {
        let ids = |call: &Value| {
            let entries = call["Entries"].as_array().unwrap();
            entries.iter().map(|entry| entry["Id"].as_str().unwrap().to_owned()).collect()
        };
        let mut batches: Vec<Vec<String>> = self.calls.lock().unwrap().iter().map(ids).collect();
        // Full batches are sent together.
        batches.sort_by_key(|batch| std::cmp::Reverse(batch.len()));
        batches
    }
}

impl HttpConnector for FakeSqs {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (mut sent, mut failed) = (Vec::new(), Vec::new());
        for entry in call["Entries"].as_array().into_iter().flatten() {
            let mut rejections = self.rejections.lock().unwrap();
            if self.rejected == entry["Id"].as_str() && *rejections > 0 {
                *rejections -= 1;
                failed.push(json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }));
            } else {
                sent.push(json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" }));
            }
        }
        self.calls.lock().unwrap().push(call);
        let body = json!({ "MessageId": "m", "Successful": sent, "Failed": failed }).to_string();
        let mut response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}

#[derive(Serialize)]
struct TestMessage(usize);

impl GroupedMessage for TestMessage {
    fn group(&self) -> &'static str {
        "target"
    }
}

fn messages(count: usize) -> Vec<TestMessage> {
    (0..count).map(TestMessage).collect()
}

#[tokio::test(start_paused = true)]
async fn only_the_rejected_message_of_a_batch_is_sent_again() {
    let sqs = FakeSqs::rejecting("1", 2);
    assert_eq!(sqs.queue().send_batch(&messages(3)).await, Ok(()));
    assert_eq!(sqs.batches(), [vec!["0", "1", "2"], vec!["1"], vec!["1"]]);
}

#[tokio::test(start_paused = true)]
async fn the_first_message_that_is_always_rejected_is_reported() {
    let sqs = FakeSqs::rejecting("4", u32::MAX);
    assert_eq!(sqs.queue().send_batch(&messages(25)).await, Err(4));
    let sqs = FakeSqs::rejecting("7", u32::MAX);
    assert_eq!(sqs.queue().send_batch(&messages(5)).await, Ok(()), "no batch has this message");
    assert_eq!(sqs.queue().send_batch(&[] as &[TestMessage]).await, Ok(()));
    assert_eq!(sqs.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_are_sent_with_their_group_or_delay() {
    let sqs = FakeSqs::default();
    sqs.queue().send(&TestMessage(5)).await.unwrap();
    sqs.queue().send_delayed(&TestMessage(6), Duration::from_secs(20)).await.unwrap();
    sqs.queue().send_delayed(&TestMessage(7), Duration::MAX).await.unwrap();
    sqs.queue().hide(Some("handle"), Duration::from_millis(1001)).await;
    sqs.queue().hide(Some("handle"), Duration::MAX).await;
    let url = "https://sqs.example.com/1/work";
    assert_eq!(
        *sqs.calls.lock().unwrap(),
        [
            json!({ "QueueUrl": url, "MessageBody": "5", "MessageGroupId": "target" }),
            json!({ "QueueUrl": url, "MessageBody": "6", "DelaySeconds": 20 }),
            json!({ "QueueUrl": url, "MessageBody": "7", "DelaySeconds": 900 }),
            json!({ "QueueUrl": url, "ReceiptHandle": "handle", "VisibilityTimeout": 2 }),
            json!({ "QueueUrl": url, "ReceiptHandle": "handle", "VisibilityTimeout": 43_000 }),
        ]
    );
    assert_eq!(sqs.queue().name(), "work");
}
