//! `tidings dev`: all six functions, DynamoDB and SQS in one process, on one port.

mod data_dir;
mod functions;
mod greeting;
mod options;
mod queues;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::dev_file::{AwsEndpoints, DevFile};
use crate::dynamodb::DynamoDb;
use crate::event_source::stop_channel;
use crate::sqs::Sqs;
use crate::{demo, dev_keys, tables, terminal};
use data_dir::DataDir;
use functions::Functions;
pub use options::DevOptions;
use queues::{DELIVERY, REPLAYS, SLOW_DELIVERY};

/// Time for attempts in progress to end after an interrupt. Attempts that take longer are repeated at the next start.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(12);

/// Runs the local stack until it is interrupted.
///
/// # Errors
/// If the port is taken or the data folder cannot be used.
pub async fn run(options: DevOptions) -> anyhow::Result<()> {
    terminal::start_logging();
    let data_dir = DataDir::lock(&options.data_dir)?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("failed to listen on port {}; choose another port with --port", options.port))?;
    let url = format!("http://{}", listener.local_addr()?);

    let shards = data_dir.shards(options.shards)?;
    let dynamodb = DynamoDb::start(&data_dir.dynamodb_file()).await?;
    let sqs = Sqs::start(&data_dir.file("sqs.sqlite3"), queues::queue_configs()).await?;
    // No other process uses the data folder, so no message is being handled yet.
    sqs.release_in_flight().await?;
    let aws = AwsEndpoints {
        dynamodb: dynamodb.endpoint().to_owned(),
        sqs: sqs.endpoint().to_owned(),
        delivery_queue: sqs.url(DELIVERY),
        slow_queue: sqs.url(SLOW_DELIVERY),
        replay_queue: sqs.url(REPLAYS),
    };
    let functions = Functions::new(&aws, &options, &data_dir, shards)?;
    tables::create_missing_tables(functions.dynamodb()).await?;

    // Written before the server answers: a client that finds the server ready also finds the keys.
    let dev_file = data_dir.file("dev.json");
    let config = store::ConfigTable::new(functions.dynamodb().clone(), tables::CONFIG.to_owned());
    let keys = dev_keys::ensure_sources_and_keys(&config, &DevFile::read(&dev_file).keys).await?;
    let dev = DevFile { url, keys, aws };
    dev.write(&dev_file)?;

    let written = Arc::new(Notify::new());
    let demo_routes = if options.demo { demo::receiver_routes() } else { Router::new() };
    let app = functions.router(Arc::clone(&written)).merge(demo_routes);
    let (stop, stop_signal) = stop_channel();
    let event_sources = functions.spawn_event_sources(dynamodb, &sqs, written, &stop_signal)?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    greeting::print_greeting(&dev, &dev_file);
    if options.demo {
        let loaded = demo::load_examples(&dev).await.context("failed to load the demo")?;
        tracing::info!(stored = loaded.stored, duplicates = loaded.duplicates, "demo loaded");
    }
    tokio::select! {
        served = server => served?.context("the HTTP server failed")?,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("failed to wait for an interrupt")?,
    }
    // Lets attempts in progress be recorded, so that they are not repeated.
    stop.send_replace(true);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, futures::future::join_all(event_sources)).await.is_err() {
        tracing::warn!("stopped during attempts, which are repeated at the next start");
    }
    Ok(())
}
