//! The six functions in one process: their HTTP routes, and the tasks that call them with events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use runtime::Env;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::options::DevOptions;
use super::queues::{DELIVERY, NUDGES, REPLAYS, SLOW_DELIVERY, STREAM_DEAD_LETTERS};
use crate::aws::LocalAws;
use crate::data_dir::DataDir;
use crate::dev_file::AwsEndpoints;
use crate::dynamodb::DynamoDb;
use crate::event_source::{QueuePoller, StreamPoller};
use crate::sqs::Queue;
use crate::stop_signal::StopSignal;
use crate::tables;

/// Pause between two runs of the packing function.
const PACK_INTERVAL: Duration = Duration::from_secs(10);

/// Pause between two deletions of expired items, each of which reads every item. Searches leave out expired items anyway.
const EXPIRY_INTERVAL: Duration = Duration::from_hours(1);

/// Batches of messages that deliver handles at the same time. A batch of a target that hangs takes as long as the
/// target's timeout.
const MAX_CONCURRENT_BATCHES: usize = 64;

/// Messages of a batch of the delivery queue.
const DELIVERY_BATCH_SIZE: usize = 10;

/// Messages of a batch of the nudge queue.
const NUDGE_BATCH_SIZE: usize = 10;

/// The state of every function.
pub(super) struct Functions {
    dynamodb: aws_sdk_dynamodb::Client,
    ingest: ingest::State,
    query: query::State,
    manage: manage::State,
    fanout: fanout::State,
    deliver: deliver::State,
    pack: pack::State,
    cors_origins: Vec<HeaderValue>,
}

impl Functions {
    /// Configures each function as on AWS: by the environment variables that the template sets. AWS clients call `aws`
    /// directly.
    pub(super) fn new(
        endpoints: &AwsEndpoints,
        aws: &LocalAws,
        options: &DevOptions,
        data_dir: &DataDir,
    ) -> anyhow::Result<Self> {
        let (retention_days, shards) = (options.retention_days.to_string(), data_dir.shards().to_string());
        let key_file = data_dir.key_file();
        let key_file = key_file.to_str().context("the path of the data folder is not UTF-8")?;
        let variables = HashMap::from([
            ("EVENTS_TABLE", tables::EVENTS),
            ("CONFIG_TABLE", tables::CONFIG),
            ("DELIVERIES_TABLE", tables::DELIVERIES),
            ("QUARANTINE_TABLE", tables::QUARANTINE),
            ("SEGMENTS_TABLE", tables::SEGMENTS),
            ("RETENTION_DAYS", &retention_days),
            ("SHARDS", &shards),
            ("CORS_ORIGINS", &options.cors_origins),
            ("DELIVERY_QUEUE_URL", &endpoints.delivery_queue),
            ("SLOW_QUEUE_URL", &endpoints.slow_queue),
            ("REPLAY_QUEUE_URL", &endpoints.replay_queue),
            ("STREAM_DEAD_LETTERS_URL", &endpoints.stream_dead_letters),
            ("NUDGE_QUEUE_URL", if options.nudge_deliveries { endpoints.nudge_queue.as_str() } else { "" }),
            ("SECRETS_KEY_FILE", key_file),
            // Webhook receivers under development run on this machine.
            ("ALLOWED_CIDRS", "127.0.0.0/8,::1/128"),
            ("AWS_REGION", "local"),
            ("AWS_ACCESS_KEY_ID", &endpoints.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &endpoints.secret_access_key),
            ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ]);
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let env = Env::new(&lookup).with_http_client(aws.http_client());
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&env.aws("DYNAMODB")?),
            ingest: ingest::from_env(&env)?,
            query: query::from_env(&env)?,
            manage: manage::from_env(&env)?,
            fanout: fanout::from_env(&env)?,
            deliver: deliver::from_env(&env)?,
            pack: pack::from_env(&env)?,
            cors_origins: web::cors_origins(&env)?,
        })
    }

    /// A client of the local DynamoDB.
    pub(super) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// Lets the packing function continue after a process was killed while it packed: no other process uses the log.
    pub(super) async fn release_pack_lease(&self) -> anyhow::Result<()> {
        self.pack.log.segments.release_lease().await.context("failed to release the lease of the packing function")
    }

    /// The routes of the HTTP functions. `written` is notified after each request that may have stored an event.
    pub(super) fn router(&self, written: Arc<Notify>) -> Router {
        let notify = move |request: Request, next: Next| {
            let written = Arc::clone(&written);
            async move {
                let response = next.run(request).await;
                written.notify_one();
                response
            }
        };
        let writers = ingest::router(self.ingest.clone()).merge(manage::router(self.manage.clone()));
        let router = writers.route_layer(middleware::from_fn(notify)).merge(query::router(self.query.clone()));
        let app = web::with_read_layers(web::with_common_layers(router), self.cors_origins.clone());
        web::ignore_surplus_slashes(app, ingest::PATH)
    }

    /// Starts a task for each event source mapping, for the packing schedule and for the deletion of expired items.
    pub(super) fn spawn_event_sources(
        &self,
        aws: &LocalAws,
        stream_delay: Duration,
        written: Arc<Notify>,
        stop: &StopSignal,
    ) -> anyhow::Result<[JoinHandle<()>; 7]> {
        let queue = |name: &str| -> anyhow::Result<Queue> {
            aws.sqs.queue(name).with_context(|| format!("queue {name} does not exist"))
        };
        let stream = StreamPoller {
            dynamodb: aws.dynamodb.clone(),
            table: tables::EVENTS.to_owned(),
            written,
            delay: stream_delay,
            dead_letters: queue(STREAM_DEAD_LETTERS)?,
        };
        let poller = |name, batch_size| -> anyhow::Result<QueuePoller> {
            Ok(QueuePoller { queue: queue(name)?, batch_size, max_concurrent_batches: MAX_CONCURRENT_BATCHES })
        };
        let deliveries = poller(DELIVERY, DELIVERY_BATCH_SIZE)?;
        let (slow_deliveries, replays) = (poller(SLOW_DELIVERY, 1)?, poller(REPLAYS, 1)?);
        let nudges = poller(NUDGES, NUDGE_BATCH_SIZE)?;
        let (fanout, deliver, replayer) = (self.fanout.clone(), self.deliver.clone(), self.fanout.clone());
        let fan_out = move |batch| {
            let state = fanout.clone();
            async move { Ok(fanout::handle(&state, batch).await) }
        };
        let deliver = move |batch| {
            let state = deliver.clone();
            async move { Ok(deliver::handle(&state, batch).await) }
        };
        let handle_messages = move |batch| {
            let state = replayer.clone();
            async move { Ok(fanout::handle_messages(&state, batch).await) }
        };
        Ok([
            tokio::spawn(stream.run(fan_out, stop.clone())),
            tokio::spawn(deliveries.run(deliver.clone(), stop.clone())),
            tokio::spawn(slow_deliveries.run(deliver, stop.clone())),
            tokio::spawn(replays.run(handle_messages.clone(), stop.clone())),
            tokio::spawn(nudges.run(handle_messages, stop.clone())),
            tokio::spawn(run_pack_schedule(self.pack.clone(), stop.clone())),
            tokio::spawn(run_expiry_schedule(aws.dynamodb.clone(), stop.clone())),
        ])
    }
}

/// Deletes expired items at the start and then on a schedule, until `stop`.
async fn run_expiry_schedule(dynamodb: DynamoDb, mut stop: StopSignal) {
    loop {
        let deleted = tokio::select! {
            () = stop.stopped() => return,
            deleted = dynamodb.delete_expired() => deleted,
        };
        match deleted {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "deleted expired items"),
            Err(error) => tracing::error!(error = format!("{error:#}"), "failed to delete expired items"),
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(EXPIRY_INTERVAL) => {}
        }
    }
}

/// Runs the packing function on a schedule until `stop`, which may interrupt it between two of its steps as on AWS.
async fn run_pack_schedule(state: pack::State, mut stop: StopSignal) {
    loop {
        let run = async {
            tokio::time::sleep(PACK_INTERVAL).await;
            if let Err(error) = pack::handle(&state).await {
                tracing::error!(%error, "failed to pack events");
            }
        };
        tokio::select! {
            () = stop.stopped() => return,
            () = run => {}
        }
    }
}
