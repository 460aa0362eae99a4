//! `tidings dev`: all six functions, DynamoDB and SQS in one process.

mod functions;
mod greeting;
mod health_check;
mod options;
mod queues;
mod termination;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::aws::{self, AccessKey, LocalAws};
use crate::data_dir::DataDir;
use crate::dev_file::{AwsEndpoints, DevFile};
use crate::dynamodb::DynamoDb;
use crate::health::{Fault, Health};
use crate::sqs::Sqs;
use crate::stop_signal::stop_channel;
use crate::wal_sync::Durability;
use crate::{demo, dev_keys, http_server, sqlite, tables, terminal};
use functions::Functions;
use health_check::HealthCheck;
pub use options::DevOptions;
use queues::{DELIVERY, NUDGES, REPLAYS, SLOW_DELIVERY, STREAM_DEAD_LETTERS};
use termination::Termination;

/// Time for requests and attempts in progress to end: longer than the longest timeout of a target (30 s). Attempts that
/// take longer are repeated at the next start.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(35);

/// Runs the local stack until it is interrupted or terminated.
///
/// # Errors
/// If the port is taken, the data folder cannot be used, or its disk fails.
pub async fn run(options: DevOptions) -> anyhow::Result<()> {
    terminal::start_logging();
    let mut termination = Termination::listen()?;
    let data_dir = DataDir::open(&options.data_dir, options.shards)?;
    let listener = listen(options.port).await?;
    let aws_listener = listen(0).await?;
    let health = Health::default();
    let aws = open_services(&options, &data_dir, &aws_listener, &health).await?;
    check_databases(&data_dir, &health);
    let key = AccessKey::generate()?;
    let endpoints = endpoints(&aws, &aws_listener, &key)?;
    webhook::create_key_file(&data_dir.key_file())?;
    data_dir.mark_complete()?;
    let functions = Functions::new(&endpoints, &aws, &options, &data_dir)?;
    tables::create_missing_tables(functions.dynamodb()).await?;
    functions.release_pack_lease().await?;

    // Written before the server answers: a client that finds the server ready also finds the keys.
    let dev_file = data_dir.file("dev.json");
    let config = store::ConfigTable::new(functions.dynamodb().clone(), tables::CONFIG.to_owned());
    let keys = dev_keys::ensure_sources_and_keys(&config, &DevFile::read(&dev_file).keys).await?;
    let dev = DevFile { url: format!("http://{}", listener.local_addr()?), keys, aws: endpoints };
    dev.write(&dev_file)?;
    data_dir.sync()?;

    let written = Arc::new(Notify::new());
    let demo_routes = if options.demo { demo::receiver_routes() } else { Router::new() };
    let check = HealthCheck { health: health.clone(), folder: data_dir.path().to_owned() };
    let name_faults = middleware::from_fn_with_state(check.clone(), health_check::apply);
    let app = functions.router(Arc::clone(&written)).layer(name_faults);
    let app = app.merge(demo_routes);
    let (stop, stop_signal) = stop_channel();
    let mut tasks = Vec::from(functions.spawn_event_sources(&aws, options.stream_delay, written, &stop_signal)?);
    tasks.push(tokio::spawn(check.run(stop_signal.clone())));
    tasks.push(tokio::spawn(http_server::serve(listener, app, health.clone(), stop_signal.clone())));
    tasks.push(tokio::spawn(aws::serve(aws_listener, aws.clone(), key, health.clone(), stop_signal)));
    greeting::print_greeting(&dev, &dev_file);
    if options.demo {
        let loaded = demo::load_examples(&dev).await.context("failed to load the demo")?;
        tracing::info!(stored = loaded.stored, duplicates = loaded.duplicates, "demo loaded");
    }
    tokio::select! {
        () = termination.requested() => {}
        error = health.failed() => bail!("stopped, since the data folder cannot be written to the disk: {error}"),
    }
    // Lets requests and attempts in progress be recorded, so that they are not repeated.
    stop.send_replace(true);
    tokio::select! {
        _ = futures::future::join_all(tasks) => {
            aws.dynamodb.close().await;
            data_dir.mark_closed()?;
        }
        () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => {
            tracing::warn!("stopped during attempts, which are repeated at the next start");
        }
        () = termination.requested() => {
            tracing::warn!("stopped immediately: attempts in progress are repeated at the next start");
        }
    }
    Ok(())
}

/// Listens on a port of the loopback interface; 0 is a free port.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let error = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    let advice = match error.kind() {
        std::io::ErrorKind::AddrInUse => "choose another port with --port",
        std::io::ErrorKind::PermissionDenied => "choose a port above 1023 with --port",
        std::io::ErrorKind::AddrNotAvailable => "this machine has no IPv4 loopback address, which `tidings dev` needs",
        _ => "check the network settings and limits of this machine",
    };
    Err(error).with_context(|| format!("failed to listen on 127.0.0.1:{port}; {advice}"))
}

/// Opens the databases of the local DynamoDB and SQS.
async fn open_services(
    options: &DevOptions,
    data_dir: &DataDir,
    listener: &TcpListener,
    health: &Health,
) -> anyhow::Result<LocalAws> {
    let durability = if options.relaxed || options.demo { Durability::Relaxed } else { Durability::Durable };
    let endpoint = format!("http://{}", listener.local_addr()?);
    let dynamodb = DynamoDb::open(&data_dir.dynamodb_file(), durability, health).await?;
    let sqs = Sqs::open(&data_dir.sqs_file(), queues::queue_configs(), &endpoint, durability, health)?;
    data_dir.sync()?;
    // No other process uses the data folder, so no message is being handled yet.
    sqs.release_in_flight().await?;
    Ok(LocalAws { dynamodb, sqs })
}

fn endpoints(aws: &LocalAws, listener: &TcpListener, key: &AccessKey) -> anyhow::Result<AwsEndpoints> {
    let endpoint = format!("http://{}", listener.local_addr()?);
    Ok(AwsEndpoints {
        dynamodb: endpoint.clone(),
        sqs: endpoint,
        access_key_id: key.id().to_owned(),
        secret_access_key: key.id().to_owned(),
        delivery_queue: aws.sqs.url(DELIVERY),
        slow_queue: aws.sqs.url(SLOW_DELIVERY),
        replay_queue: aws.sqs.url(REPLAYS),
        stream_dead_letters: aws.sqs.url(STREAM_DEAD_LETTERS),
        nudge_queue: aws.sqs.url(NUDGES),
    })
}

/// Checks the databases for damage in the background.
fn check_databases(data_dir: &DataDir, health: &Health) {
    for file in [data_dir.dynamodb_file(), data_dir.sqs_file()] {
        let health = health.clone();
        // A thread of its own: the end of the process does not wait for it.
        std::thread::spawn(move || check_database(&file, &health));
    }
}

fn check_database(file: &Path, health: &Health) {
    match sqlite::find_damage(file) {
        Ok(None) => tracing::debug!(file = %file.display(), "the database is intact"),
        Ok(Some(damage)) => health.report(Fault::Corrupt, &format!("{}: {damage}", file.display())),
        Err(error) => {
            let error = format!("{}: {error:#}", file.display());
            match Fault::from_message(&error) {
                Some(fault) => health.report(fault, &error),
                None => tracing::warn!(error, "failed to check the database"),
            }
        }
    }
}
