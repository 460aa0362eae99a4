//! A simulated SQS: messages are delivered at least once, in any order, and late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::faults::{CallFault, Faults, retry_partition};
use crate::trace;

/// Names of the queues.
pub(crate) const DELIVERY: &str = "delivery";
pub(crate) const SLOW_DELIVERY: &str = "slow-delivery";
pub(crate) const REPLAYS: &str = "replays";
pub(crate) const NUDGES: &str = "nudges";

/// Maximum latency of a request, in each direction.
const MAX_LATENCY: Duration = Duration::from_millis(20);

/// Time for which a received message is hidden.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(90);

/// A message of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Number of the message, which is also its receipt.
    pub(crate) number: usize,
    /// Body of the message.
    pub(crate) body: String,
    /// Number of receives.
    pub(crate) receives: u32,
    visible_at: Instant,
}

/// The simulated queues, by name.
#[derive(Debug, Clone)]
pub(crate) struct Queues(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    faults: Arc<Faults>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_number: usize,
    queues: BTreeMap<String, Vec<Message>>,
}

impl Queues {
    /// Creates empty queues.
    pub(crate) fn new(faults: Arc<Faults>) -> Self {
        Self(Arc::new(Inner { faults, state: Mutex::default() }))
    }

    /// Returns a new client.
    pub(crate) fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "simulation"))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .retry_partition(retry_partition())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// Returns the URL of a queue.
    pub(crate) fn url(name: &str) -> String {
        format!("http://sqs.local/000000000000/{name}")
    }

    /// Receives a random message of a queue.
    pub(crate) fn receive(&self, queue: &str) -> Option<Message> {
        let faults = &self.0.faults;
        let mut state = self.lock();
        let messages = state.queues.get_mut(queue)?;
        let visible: Vec<usize> =
            (0..messages.len()).filter(|index| messages[*index].visible_at <= Instant::now()).collect();
        let index = *visible.get(faults.below(visible.len().max(1)))?;
        let message = &mut messages[index];
        message.receives += 1;
        // A standard queue may deliver a message twice.
        message.visible_at = Instant::now() + if faults.once_in(20) { Duration::ZERO } else { VISIBILITY_TIMEOUT };
        Some(message.clone())
    }

    /// Returns whether no queue has a message.
    pub(crate) fn are_empty(&self) -> bool {
        self.lock().queues.values().all(Vec::is_empty)
    }

    /// Deletes a message.
    pub(crate) fn delete(&self, queue: &str, number: usize) {
        if let Some(messages) = self.lock().queues.get_mut(queue) {
            messages.retain(|message| message.number != number);
        }
    }

    async fn respond(&self, operation: &str, request: &Value) -> (u16, Value) {
        let faults = &self.0.faults;
        sleep(faults.duration(MAX_LATENCY)).await;
        let fault = faults.of_call();
        if matches!(fault, Some(CallFault::Throttled | CallFault::Failed)) {
            return (503, json!({ "__type": "com.amazonaws.sqs#RequestThrottled", "message": "simulated" }));
        }
        let url = request["QueueUrl"].as_str().unwrap_or_default();
        let queue = url.rsplit('/').next().unwrap_or_default();
        let response = match operation {
            "SendMessage" => self.send(queue, request),
            "SendMessageBatch" => {
                let entries = request["Entries"].as_array().into_iter().flatten();
                // A call that succeeds may reject some of its messages.
                let (rejected, accepted): (Vec<&Value>, Vec<&Value>) = entries.partition(|_| faults.once_in(30));
                let send = |entry: &Value| {
                    let mut sent = self.send(queue, entry);
                    sent["Id"] = entry["Id"].clone();
                    sent
                };
                let reject =
                    |entry: &Value| json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false });
                json!({
                    "Successful": accepted.into_iter().map(send).collect::<Vec<_>>(),
                    "Failed": rejected.into_iter().map(reject).collect::<Vec<_>>(),
                })
            }
            "ChangeMessageVisibility" => {
                let receipt = request["ReceiptHandle"].as_str().and_then(|receipt| receipt.parse().ok());
                let delay = Duration::from_secs(request["VisibilityTimeout"].as_u64().unwrap_or_default());
                let mut state = self.lock();
                let messages = state.queues.entry(queue.to_owned()).or_default();
                for message in messages.iter_mut().filter(|message| Some(message.number) == receipt) {
                    message.visible_at = Instant::now() + delay;
                }
                json!({})
            }
            other => panic!("the simulation does not support {other}"),
        };
        sleep(faults.duration(MAX_LATENCY)).await;
        if fault.is_some() {
            return (500, json!({ "__type": "com.amazonaws.sqs#InternalError", "message": "simulated" }));
        }
        (200, response)
    }

    fn send(&self, queue: &str, entry: &Value) -> Value {
        let mut state = self.lock();
        state.next_number += 1;
        let delay = Duration::from_secs(entry["DelaySeconds"].as_u64().unwrap_or_default());
        let body = entry["MessageBody"].as_str().unwrap_or_default().to_owned();
        let message = Message { number: state.next_number, body, receives: 0, visible_at: Instant::now() + delay };
        let id = message.number.to_string();
        // As if the queue were purged before a nudge is received: the stream sends the events.
        if queue != NUDGES || !self.0.faults.once_in(5) {
            state.queues.entry(queue.to_owned()).or_default().push(message);
        }
        json!({ "MessageId": id, "MD5OfMessageBody": "not checked" })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpConnector for Queues {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let queues = self.clone();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        HttpConnectorFuture::new(async move {
            let (status, body) = queues.respond(&operation, &body).await;
            trace::record(format_args!("{operation}: {status}"));
            let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body.to_string()));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}
