//! The simulated deployment: its services, its processes, and the faults that kill them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Request, StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::ServiceExt;
use webhook::Keyring;

use crate::database::Database;
use crate::faults::Faults;
use crate::queues::{DELIVERY, Message, NUDGES, Queues, REPLAYS, SLOW_DELIVERY};
use crate::receivers::Receivers;
use crate::{clock, processes};

/// Maximum number of records of a stream batch.
const MAX_STREAM_BATCH: usize = 15;

/// Maximum number of messages of a batch.
const MAX_QUEUE_BATCH: usize = 10;

/// Maximum time that a process lives that is going to be killed.
const MAX_LIFE: Duration = Duration::from_millis(400);

/// Maximum time that a packer lives that is going to be killed: most of its work.
const MAX_PACKER_LIFE: Duration = Duration::from_secs(1);

/// Interval of the packing schedule.
const PACK_INTERVAL: Duration = Duration::from_secs(10);

/// Longest time between two times in which the database refuses writes, and their maximum length.
const MAX_DISK_INTERVAL: Duration = Duration::from_mins(2);
const MAX_DISK_FULL: Duration = Duration::from_secs(15);

/// Largest error of the functions' clock, in minutes. An event that is further ahead of the clock is rejected.
pub(crate) const MAX_CLOCK_ERROR_MINUTES: i64 = 50;

/// A process that handles the messages of a queue.
#[derive(Debug, Clone)]
enum Consumer {
    Deliver(deliver::State),
    Fanout(fanout::State),
}

impl Consumer {
    async fn handle(&self, batch: SqsEvent) -> SqsBatchResponse {
        match self {
            Self::Deliver(state) => deliver::handle(state, batch).await,
            Self::Fanout(state) => fanout::handle_messages(state, batch).await,
        }
    }
}

/// A simulated deployment.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) queues: Queues,
    pub(crate) faults: Arc<Faults>,
    tokens: processes::Tokens,
    pub(crate) receivers: Receivers,
    keyring: Keyring,
}

impl World {
    /// Installs a deployment and starts its event sources and faults. Faults begin after the installation.
    pub(crate) async fn start(seed: u64) -> (Self, Vec<JoinHandle<()>>) {
        let faults = Arc::new(Faults::new(seed));
        let database = Database::new(Arc::clone(&faults));
        let queues = Queues::new(Arc::clone(&faults));
        let receivers = Receivers::new(Arc::clone(&faults));
        let keyring = processes::keyring();
        faults.stop();
        let tokens = processes::install(&database, &keyring).await;
        faults.start();
        let world = Self { database, queues, faults, tokens, receivers, keyring };
        let mut tasks: Vec<JoinHandle<()>> = (0..processes::SHARDS)
            .map(|shard| tokio::spawn(world.clone().run_stream(store::shard_key(shard))))
            .collect();
        for queue in [DELIVERY, DELIVERY, SLOW_DELIVERY, NUDGES, REPLAYS, REPLAYS] {
            tasks.push(tokio::spawn(world.clone().run_queue(queue)));
        }
        tasks.push(tokio::spawn(world.clone().run_schedule()));
        tasks.push(tokio::spawn(world.clone().run_clock()));
        tasks.push(tokio::spawn(world.clone().run_disk()));
        (world, tasks)
    }

    /// Runs a call of a process. Returns `None` if the process is killed.
    async fn run<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.run_with_kills(call, 10, MAX_LIFE).await
    }

    /// Runs a call of a process, which is killed once in `calls` calls. Returns `None` if it is killed.
    async fn run_with_kills<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
        calls: usize,
        max_life: Duration,
    ) -> Option<T> {
        let task = tokio::spawn(call);
        if self.faults.once_in(calls) {
            let abort = task.abort_handle();
            sleep(self.faults.duration(max_life)).await;
            abort.abort();
        }
        match task.await {
            Ok(result) => Some(result),
            Err(error) if error.is_cancelled() => None,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Sends a request to a new process, and returns the response, unless the process is killed.
    async fn request(&self, router: Router, request: Request<Body>) -> Option<(StatusCode, String)> {
        self.run(async move {
            let response = router.oneshot(request).await.expect("routers do not fail");
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
        })
        .await
    }

    /// Posts a body to a process of ingest.
    pub(crate) async fn post(&self, state: ingest::State, body: &Value, key: &str) -> Option<(StatusCode, Value)> {
        let request = Request::post("/v1/events")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.tokens.ingest))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .expect("a request");
        let router = web::with_common_layers(ingest::router(state));
        let (status, body) = self.request(router, request).await?;
        Some((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    /// Reads from a new process of query while no faults happen.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        self.try_get(path).await.expect("without faults no process is killed")
    }

    /// Reads from a new process of query, unless the process is killed.
    pub(crate) async fn try_get(&self, path: &str) -> Option<(StatusCode, String)> {
        let request = Request::get(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.tokens.read))
            .body(Body::empty())
            .expect("a request");
        let router = web::with_common_layers(query::router(processes::query(&self.database)));
        self.request(router, request).await
    }

    /// Posts to a new process of manage, unless the process is killed.
    pub(crate) async fn manage(&self, path: &str) -> Option<(StatusCode, Value)> {
        let (status, body) = self.request_manage(Request::post(path)).await?;
        Some((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    /// Returns the names of the replays that have not ended, while no faults happen.
    pub(crate) async fn running_replays(&self) -> Vec<String> {
        let (status, body) = self.request_manage(Request::get("/v1/replays")).await.expect("no process is killed");
        assert_eq!(status, StatusCode::OK, "{body}");
        let list: Value = serde_json::from_str(&body).expect("JSON");
        let replays = list["replays"].as_array().expect("replays").iter();
        replays.filter(|replay| replay["state"] == "running").map(|replay| replay["name"].to_string()).collect()
    }

    async fn request_manage(&self, request: Builder) -> Option<(StatusCode, String)> {
        let request = request
            .header(header::AUTHORIZATION, format!("Bearer {}", self.tokens.manage))
            .body(Body::empty())
            .expect("a request");
        let state = processes::manage(&self.database, &self.queues, &self.keyring);
        self.request(web::with_common_layers(manage::router(state)), request).await
    }

    /// Calls fanout with the records of a partition of the stream, in order and at least once.
    async fn run_stream(self, partition: String) {
        let mut position = 0;
        let mut state = processes::fanout(&self.database, &self.queues);
        loop {
            let records = self.database.stream_records(&partition, position, 1 + self.faults.below(MAX_STREAM_BATCH));
            if records.is_empty() {
                sleep(self.faults.duration(Duration::from_secs(1))).await;
                continue;
            }
            let batch = serde_json::from_value(json!({ "Records": records })).expect("a batch");
            let process = state.clone();
            let response = self.run(async move { fanout::handle(&process, batch).await }).await;
            let Some(response) = response else {
                state = processes::fanout(&self.database, &self.queues);
                continue;
            };
            let failed = response.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
            match failed {
                Some(number) => position = number.parse().expect("the number of a record"),
                // The service may call the function again with records that it has processed.
                None if self.faults.once_in(10) => {}
                None => position += records.len(),
            }
            sleep(self.faults.duration(Duration::from_millis(200))).await;
        }
    }

    /// Starts a process of the function that handles the messages of a queue.
    fn start_consumer(&self, queue: &str) -> Consumer {
        if [REPLAYS, NUDGES].contains(&queue) {
            Consumer::Fanout(processes::fanout(&self.database, &self.queues))
        } else {
            Consumer::Deliver(processes::deliver(&self.database, &self.queues, &self.receivers, &self.keyring))
        }
    }

    /// Calls a function with the messages of a queue.
    async fn run_queue(self, queue: &'static str) {
        let max_batch = if queue == REPLAYS { 1 } else { MAX_QUEUE_BATCH };
        let mut consumer = self.start_consumer(queue);
        loop {
            let size = 1 + self.faults.below(max_batch);
            let messages: Vec<Message> = (0..size).map_while(|_| self.queues.receive(queue)).collect();
            if messages.is_empty() {
                sleep(self.faults.duration(Duration::from_secs(1))).await;
                continue;
            }
            let records: Vec<Value> = messages.iter().map(|message| record(queue, message)).collect();
            let batch = serde_json::from_value(json!({ "Records": records })).expect("a batch");
            let process = consumer.clone();
            match Box::pin(self.run(async move { process.handle(batch).await })).await {
                Some(response) => {
                    let is_failed = |message: &Message| {
                        let id = message.number.to_string();
                        response.batch_item_failures.iter().any(|failure| failure.item_identifier == id)
                    };
                    for message in messages.iter().filter(|message| !is_failed(message)) {
                        self.queues.delete(queue, message.number);
                    }
                }
                None => consumer = self.start_consumer(queue),
            }
        }
    }

    /// Packs on a schedule.
    async fn run_schedule(self) {
        let mut state = processes::pack(&self.database);
        loop {
            sleep(PACK_INTERVAL).await;
            let process = state.clone();
            // The next call repeats what a failed one has not done.
            let call = async move { pack::handle(&process).await };
            // Packing works seldom: the kills must meet it.
            if self.run_with_kills(call, 3, MAX_PACKER_LIFE).await.is_none() {
                state = processes::pack(&self.database);
            }
        }
    }

    /// Sets the functions' clock back and forth.
    async fn run_clock(self) {
        while self.faults.is_active() {
            sleep(self.faults.duration(Duration::from_mins(3))).await;
            let range = usize::try_from(2 * MAX_CLOCK_ERROR_MINUTES + 1).expect("small");
            let minutes = i64::try_from(self.faults.below(range)).expect("small") - MAX_CLOCK_ERROR_MINUTES;
            let error = if self.faults.once_in(2) { SignedDuration::ZERO } else { SignedDuration::from_mins(minutes) };
            clock::set_error(if self.faults.is_active() { error } else { SignedDuration::ZERO });
        }
    }

    /// Fills the disk of the database and makes room again.
    async fn run_disk(self) {
        loop {
            sleep(self.faults.duration(MAX_DISK_INTERVAL)).await;
            self.faults.set_disk_full(true);
            sleep(self.faults.duration(MAX_DISK_FULL)).await;
            self.faults.set_disk_full(false);
        }
    }

    /// Ends the faults.
    pub(crate) fn stop_faults(&self) {
        self.faults.stop();
        clock::set_error(SignedDuration::ZERO);
    }
}

/// Returns a message in the format of the event source mapping.
fn record(queue: &str, message: &Message) -> Value {
    json!({
        "messageId": message.number.to_string(), "receiptHandle": message.number.to_string(), "body": message.body,
        "attributes": { "ApproximateReceiveCount": message.receives.to_string() }, "messageAttributes": {},
        "eventSource": "aws:sqs", "awsRegion": "local", "eventSourceARN": format!("arn:aws:sqs:local:000000000000:{queue}"),
    })
}
