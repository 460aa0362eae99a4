//! The AWS protocol: JSON 1.0, the call named in a header.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::api::{
    BatchAnswer, ChangeMessageVisibility, DeleteMessage, Fault, GetQueueAttributes, GetQueueUrl, Receive,
    ReceiveMessage, SendEntry, SendMessage, SendMessageBatch, named,
};
use super::{ACCOUNT, Message, Queue, Queues, Receipt, Visibility, url};

/// A megabyte of messages, escaped at worst.
const MAX_BODY: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone)]
struct Api {
    queues: Arc<Queues>,
    endpoint: String,
}

/// SQS, at any path: some clients call the endpoint, some the queue's address.
pub(super) fn router(queues: Arc<Queues>, endpoint: String) -> Router {
    Router::new().fallback(call).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Api { queues, endpoint })
}

async fn call(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (status, answer) = match api.dispatch(target.trim_start_matches("AmazonSQS."), &body).await {
        Ok(Ok(answer)) => (StatusCode::OK, answer),
        Ok(Err(Fault { code, message })) => {
            (StatusCode::BAD_REQUEST, json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message }))
        }
        Err(error) => {
            tracing::error!(target, error = format!("{error:#}"), "SQS failed");
            (StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "com.amazonaws.sqs#InternalFailure" }))
        }
    };
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer.to_string()).into_response()
}

/// The outer error is ours, the inner one the caller's.
type Answer = anyhow::Result<Result<Value, Fault>>;

/// The value, or the caller's fault as the call's answer.
macro_rules! check {
    ($checked:expr) => {
        match $checked {
            Ok(value) => value,
            Err(fault) => return Ok(Err(fault)),
        }
    };
}

impl Api {
    async fn dispatch(&self, call: &str, body: &[u8]) -> Answer {
        match call {
            "SendMessage" => self.send(check!(read(body))).await,
            "SendMessageBatch" => self.send_batch(check!(read(body))).await,
            "ReceiveMessage" => self.receive(check!(read(body))).await,
            "DeleteMessage" => self.delete(check!(read(body))).await,
            "ChangeMessageVisibility" => self.change_visibility(check!(read(body))).await,
            "GetQueueUrl" => Ok(self.queue_url(check!(read(body)))),
            "GetQueueAttributes" => self.queue_attributes(check!(read(body))).await,
            _ => Ok(Err(Fault::new("UnsupportedOperation", format!("The local SQS does not know {call:?}.")))),
        }
    }

    async fn send(&self, request: SendMessage) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        let message = check!(request.check());
        let md5 = md5(&message.body);
        let ids = queue.send(vec![message]).await?;
        Ok(Ok(json!({ "MessageId": ids[0], "MD5OfMessageBody": md5 })))
    }

    async fn send_batch(&self, request: SendMessageBatch) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        check!(request.check());
        let mut answer = BatchAnswer::default();
        let mut accepted = Vec::new();
        let mut messages = Vec::new();
        for entry in request.entries {
            let id = entry.id.clone();
            match SendEntry::check(entry) {
                Ok(message) => {
                    accepted.push((id, md5(&message.body)));
                    messages.push(message);
                }
                Err(Fault { code, message }) => {
                    answer.failed.push(json!({ "Id": id, "Code": code, "Message": message, "SenderFault": true }));
                }
            }
        }
        let numbers = queue.send(messages).await?;
        for ((id, md5), number) in accepted.into_iter().zip(numbers) {
            answer.successful.push(json!({ "Id": id, "MessageId": number, "MD5OfMessageBody": md5 }));
        }
        Ok(Ok(serde_json::to_value(answer)?))
    }

    async fn receive(&self, request: ReceiveMessage) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        let Receive { max, visibility, wait, attributes } = check!(request.check());
        let visibility = visibility.unwrap_or(queue.config().visibility);
        let deadline = Instant::now() + wait;
        let mut arrivals = queue.arrivals();
        let messages = loop {
            let messages = queue.receive(max, visibility).await?;
            if !messages.is_empty() {
                break messages;
            }
            match timeout_at(deadline, arrivals.wait()).await {
                Ok(arrived) => arrived?,
                Err(_) => break messages,
            }
        };
        let messages: Vec<Value> = messages.iter().map(|message| received(message, &attributes)).collect();
        Ok(Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) }))
    }

    async fn delete(&self, request: DeleteMessage) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        let receipt = check!(receipt(&request.receipt_handle));
        // As on AWS, a stale handle deletes nothing and is no error.
        queue.delete(vec![receipt]).await?;
        Ok(Ok(json!({})))
    }

    async fn change_visibility(&self, request: ChangeMessageVisibility) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        let receipt = check!(receipt(&request.receipt_handle));
        let visibility = check!(request.visibility());
        Ok(match queue.set_visibility(receipt, visibility).await? {
            Visibility::Changed => Ok(json!({})),
            Visibility::NotInFlight => Err(Fault::new("MessageNotInflight", "The message is not in flight.")),
            Visibility::Unknown => Err(Fault::value(format!(
                "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                 available for visibility timeout change.",
                request.receipt_handle
            ))),
        })
    }

    fn queue_url(&self, request: GetQueueUrl) -> Result<Value, Fault> {
        let queue = self.queue(&request.queue_name)?;
        Ok(json!({ "QueueUrl": url(&self.endpoint, &queue.config().name) }))
    }

    async fn queue_attributes(&self, request: GetQueueAttributes) -> Answer {
        let queue = check!(self.queue(&request.queue_url));
        let counts = queue.counts().await?;
        let mut all = vec![
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("QueueArn", queue.arn()),
            ("VisibilityTimeout", queue.config().visibility.as_secs().to_string()),
        ];
        if let Some(redrive) = &queue.config().redrive
            && let Some(dead_letters) = self.queues.find(&redrive.dead_letters)
        {
            let policy = json!({ "deadLetterTargetArn": dead_letters.arn(), "maxReceiveCount": redrive.max_receives });
            all.push(("RedrivePolicy", policy.to_string()));
        }
        Ok(Ok(json!({ "Attributes": named(all, &request.attribute_names) })))
    }

    /// The queue that an address, or a name, ends in.
    fn queue(&self, url: &str) -> Result<Queue, Fault> {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.queues.find(name).ok_or_else(|| Fault::new("QueueDoesNotExist", "The specified queue does not exist."))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::value(format!("The local SQS cannot read this: {error}.")))
}

fn receipt(handle: &str) -> Result<Receipt, Fault> {
    let invalid = || Fault::new("ReceiptHandleIsInvalid", format!("The receipt handle {handle:?} is invalid."));
    Receipt::parse(handle).ok_or_else(invalid)
}

fn received(message: &Message, attributes: &[String]) -> Value {
    let mut answer = json!({
        "MessageId": message.id(),
        "ReceiptHandle": message.receipt.handle(),
        "MD5OfBody": md5(&message.body),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        answer["Attributes"] = Value::Object(named(message.attributes(), attributes));
    }
    answer
}

impl Message {
    /// What SQS says about the message next to its body.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("ApproximateReceiveCount", self.receives().to_string()),
            ("SentTimestamp", self.sent_at.to_string()),
            ("SenderId", ACCOUNT.to_owned()),
            ("ApproximateFirstReceiveTimestamp", self.first_received_at.to_string()),
        ];
        all.extend(self.group.clone().map(|group| ("MessageGroupId", group)));
        all
    }
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}
