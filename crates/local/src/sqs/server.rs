//! The AWS protocol of SQS: an operation and its parameters in JSON.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::message::{ACCOUNT_ID, Message, Receipt, VisibilityOutcome};
use super::protocol::{
    BatchResponse, ChangeMessageVisibility, DeleteMessage, GetQueueAttributes, GetQueueUrl, ReceiveMessage,
    ReceiveOptions, SendEntry, SendMessage, SendMessageBatch, SqsError, select_attributes,
};
use super::queue::{Queue, Queues};
use crate::aws_response::AwsResponse;

/// The queues, called through the AWS protocol.
#[derive(Debug)]
pub(super) struct SqsServer {
    queues: Queues,
    endpoint: String,
}

/// A response. The outer error is the server's, the inner one the caller's.
type CallResult = anyhow::Result<Result<Value, SqsError>>;

/// Evaluates to the value, or returns the caller's error.
macro_rules! check {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}

impl SqsServer {
    /// Creates the server of `queues`, whose URLs begin with `endpoint`.
    pub(super) fn new(queues: Queues, endpoint: String) -> Self {
        Self { queues, endpoint }
    }

    /// The queues.
    pub(super) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The URL of a queue.
    pub(super) fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{name}", self.endpoint)
    }

    /// Calls an operation.
    pub(super) async fn call(&self, operation: &str, body: &[u8]) -> AwsResponse {
        match self.dispatch(operation, body).await {
            Ok(Ok(response)) => AwsResponse { status: 200, body: response.to_string() },
            Ok(Err(SqsError { code, message })) => {
                AwsResponse::error(400, &format!("com.amazonaws.sqs#{code}"), &message)
            }
            Err(error) => {
                tracing::error!(operation, error = format!("{error:#}"), "failed to handle an SQS request");
                AwsResponse::error(500, "com.amazonaws.sqs#InternalFailure", "the local SQS failed")
            }
        }
    }

    async fn dispatch(&self, call: &str, body: &[u8]) -> CallResult {
        match call {
            "SendMessage" => self.send(check!(parse(body))).await,
            "SendMessageBatch" => self.send_batch(check!(parse(body))).await,
            "ReceiveMessage" => self.receive(check!(parse(body))).await,
            "DeleteMessage" => self.delete(check!(parse(body))).await,
            "ChangeMessageVisibility" => self.change_visibility(check!(parse(body))).await,
            "GetQueueUrl" => Ok(self.get_queue_url(check!(parse(body)))),
            "GetQueueAttributes" => self.get_queue_attributes(check!(parse(body))).await,
            _ => Ok(Err(SqsError::new("UnsupportedOperation", format!("The local SQS does not implement {call:?}.")))),
        }
    }

    async fn send(&self, request: SendMessage) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        let message = check!(request.validate());
        let md5 = md5(&message.body);
        let ids = queue.send(vec![message]).await?;
        Ok(Ok(json!({ "MessageId": ids[0], "MD5OfMessageBody": md5 })))
    }

    async fn send_batch(&self, request: SendMessageBatch) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        check!(request.validate());
        let mut response = BatchResponse::default();
        let mut accepted = Vec::new();
        let mut messages = Vec::new();
        for entry in request.entries {
            let id = entry.id.clone();
            match SendEntry::validate(entry) {
                Ok(message) => {
                    accepted.push((id, md5(&message.body)));
                    messages.push(message);
                }
                Err(SqsError { code, message }) => {
                    response.failed.push(json!({ "Id": id, "Code": code, "Message": message, "SenderSqsError": true }));
                }
            }
        }
        let numbers = queue.send(messages).await?;
        for ((id, md5), number) in accepted.into_iter().zip(numbers) {
            response.successful.push(json!({ "Id": id, "MessageId": number, "MD5OfMessageBody": md5 }));
        }
        Ok(Ok(serde_json::to_value(response)?))
    }

    async fn receive(&self, request: ReceiveMessage) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        let ReceiveOptions { max, visibility_timeout, wait, attributes } = check!(request.validate());
        let visibility_timeout = visibility_timeout.unwrap_or(queue.config().visibility_timeout);
        let deadline = Instant::now() + wait;
        let mut arrivals = queue.arrivals();
        let messages = loop {
            let messages = queue.receive(max, visibility_timeout).await?;
            if !messages.is_empty() {
                break messages;
            }
            match timeout_at(deadline, arrivals.wait()).await {
                Ok(arrived) => arrived?,
                Err(_) => break messages,
            }
        };
        let messages: Vec<Value> = messages.iter().map(|message| received_message(message, &attributes)).collect();
        Ok(Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) }))
    }

    async fn delete(&self, request: DeleteMessage) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        let receipt = check!(parse_receipt(&request.receipt_handle));
        // As on AWS, a stale handle is not an error and deletes nothing.
        queue.delete(vec![receipt]).await?;
        Ok(Ok(json!({})))
    }

    async fn change_visibility(&self, request: ChangeMessageVisibility) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        let receipt = check!(parse_receipt(&request.receipt_handle));
        let visibility_timeout = check!(request.visibility_timeout());
        Ok(match queue.set_visibility_timeout(receipt, visibility_timeout).await? {
            VisibilityOutcome::Changed => Ok(json!({})),
            VisibilityOutcome::NotInFlight => Err(SqsError::new("MessageNotInflight", "The message is not in flight.")),
            VisibilityOutcome::Unknown => Err(SqsError::invalid_value(format!(
                "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                 available for visibility timeout change.",
                request.receipt_handle
            ))),
        })
    }

    fn get_queue_url(&self, request: GetQueueUrl) -> Result<Value, SqsError> {
        let queue = self.queue(&request.queue_name)?;
        Ok(json!({ "QueueUrl": self.queue_url(&queue.config().name) }))
    }

    async fn get_queue_attributes(&self, request: GetQueueAttributes) -> CallResult {
        let queue = check!(self.queue(&request.queue_url));
        let counts = queue.counts().await?;
        let mut all = vec![
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("QueueArn", queue.arn()),
            ("VisibilityTimeout", queue.config().visibility_timeout.as_secs().to_string()),
        ];
        if let Some(redrive) = &queue.config().redrive
            && let Some(dead_letters) = self.queues.find(&redrive.dead_letter_queue)
        {
            let policy = json!({ "deadLetterTargetArn": dead_letters.arn(), "maxReceiveCount": redrive.max_receives });
            all.push(("RedrivePolicy", policy.to_string()));
        }
        Ok(Ok(json!({ "Attributes": select_attributes(all, &request.attribute_names) })))
    }

    /// The queue of a URL or name.
    fn queue(&self, url: &str) -> Result<Queue, SqsError> {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.queues.find(name).ok_or_else(|| SqsError::new("QueueDoesNotExist", "The specified queue does not exist."))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body)
        .map_err(|error| SqsError::invalid_value(format!("The local SQS failed to parse the request: {error}.")))
}

fn parse_receipt(handle: &str) -> Result<Receipt, SqsError> {
    let invalid = || SqsError::new("ReceiptHandleIsInvalid", format!("The receipt handle {handle:?} is invalid."));
    Receipt::parse(handle).ok_or_else(invalid)
}

fn received_message(message: &Message, attributes: &[String]) -> Value {
    let mut received = json!({
        "MessageId": message.id(),
        "ReceiptHandle": message.receipt.handle(),
        "MD5OfBody": md5(&message.body),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        received["Attributes"] = Value::Object(select_attributes(message.attributes(), attributes));
    }
    received
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}
