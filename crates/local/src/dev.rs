//! `tidings dev`: all six functions, DynamoDB and SQS in one process, on one port.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use store::Env;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::dynamodb::DynamoDb;
use crate::keys::{self, AwsEndpoints, DevFile};
use crate::pollers::{QueuePoller, Stop, StreamPoller};
use crate::sqs::{Queue, QueueConfig, Redrive, Sqs};
use crate::{demo, tables, terminal};

/// The queue between fanout and deliver.
const DELIVERY: &str = "delivery";

/// The same for targets that are slow.
const SLOW_DELIVERY: &str = "slow-delivery";

/// The replays that have something to do.
const REPLAYS: &str = "replays";

/// Where messages go of replays that could not go on.
const REPLAYS_DEAD_LETTERS: &str = "replays-dead-letters";

/// Where messages of it go that deliver could not handle.
const DELIVERY_DEAD_LETTERS: &str = "delivery-dead-letters";

/// Where stream records go that fanout could not handle.
const STREAM_DEAD_LETTERS: &str = "stream-dead-letters";

/// How long a message is hidden from others while it is worked on: longer than an attempt takes.
const VISIBILITY: Duration = Duration::from_secs(90);

/// How long the packing function rests between its rounds.
const PACKING: Duration = Duration::from_secs(10);

/// How many batches of messages are worked on at once: one with a target that hangs is in hand for
/// as long as that target's timeout.
const CONCURRENCY: usize = 64;

/// Run the whole of Tidings on this machine.
///
/// All six functions, DynamoDB and SQS in one process, on one port. Stop it, kill it, start it
/// again: nothing is lost.
///
/// The first start creates a source for each catalog, named as its catalog, and one key of each
/// scope. Their tokens are printed, and written for scripts to dev.json in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tidings dev --demo              with example events and a webhook receiver
  tidings dev --port 0            on a free port; <data-dir>/dev.json tells which
  RUST_LOG=debug tidings dev      with everything that happens inside
  rm -r .tidings                  start from nothing again")]
pub struct Args {
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "TIDINGS_PORT")]
    port: u16,

    /// Where the data is kept
    #[arg(long, default_value = ".tidings", env = "TIDINGS_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// For how many days what is received is kept; 0 keeps it for good
    #[arg(long, default_value_t = 0, env = "RETENTION_DAYS", value_name = "DAYS")]
    retention_days: u32,

    /// Into how many partitions a new log is spread. One database is no faster with several; on AWS there are
    /// four
    #[arg(long, default_value_t = 1, env = "SHARDS", value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,

    /// Origins, separated by commas, whose pages may call the API
    #[arg(long, default_value = "", env = "CORS_ORIGINS", value_name = "ORIGINS")]
    cors_origins: String,

    /// Also load the catalogs' example events, and deliver them to a target in this process
    #[arg(long)]
    demo: bool,
}

/// Runs until it is interrupted.
///
/// # Errors
/// Where the port is taken, or the data folder cannot be used.
pub async fn run(args: Args) -> anyhow::Result<()> {
    terminal::start();
    let _lock = lock(&args.data_dir)?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("cannot listen on port {}: choose another with --port", args.port))?;
    let url = format!("http://{}", listener.local_addr()?);

    let database = args.data_dir.join("dynamodb.sqlite3");
    let shards = shards(&args.data_dir.join("shards"), database.exists(), args.shards)?;
    let dynamodb = DynamoDb::start(&database).await?;
    let sqs = Sqs::start(&args.data_dir.join("sqs.sqlite3"), queues()).await?;
    // The data folder is this process's alone: nobody else is at work on anything.
    sqs.release().await?;
    let aws = AwsEndpoints {
        dynamodb: dynamodb.endpoint().to_owned(),
        sqs: sqs.endpoint().to_owned(),
        delivery_queue: sqs.url(DELIVERY),
        slow_queue: sqs.url(SLOW_DELIVERY),
        replay_queue: sqs.url(REPLAYS),
    };
    let functions = Functions::new(&aws, &args, shards)?;
    tables::create(&functions.dynamodb).await?;

    // Who finds the server ready finds the keys too.
    let file = args.data_dir.join("dev.json");
    let config = store::Config::new(functions.dynamodb.clone(), tables::CONFIG.to_owned());
    let keys = keys::ensure(&config, &DevFile::read(&file).keys).await?;
    let dev = DevFile { url, keys, aws };
    dev.write(&file)?;

    let written = Arc::new(Notify::new());
    let app = functions.app(Arc::clone(&written)).merge(demo_receiver(args.demo));
    let (stop, stopped) = watch::channel(false);
    let pollers = functions.pollers(dynamodb, &sqs, written, &stopped)?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    greet(&dev, &file);
    if args.demo {
        let loaded = demo::load(&dev).await.context("the demo cannot be loaded")?;
        tracing::info!(stored = loaded.stored, duplicates = loaded.duplicates, "demo loaded");
    }
    tokio::select! {
        served = server => served?.context("the server ended")?,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("no interrupt can be waited for")?,
    }
    // Attempts that are under way are recorded, so that they are not made again.
    stop.send_replace(true);
    if tokio::time::timeout(Duration::from_secs(12), futures::future::join_all(pollers)).await.is_err() {
        tracing::warn!("attempts were under way that will be made again");
    }
    Ok(())
}

/// The queues of `infra/template.yaml`.
fn queues() -> Vec<QueueConfig> {
    let dead_letters = |name: &str| QueueConfig { name: name.to_owned(), visibility: VISIBILITY, redrive: None };
    // Retries are by visibility, and a target may have up to a hundred attempts.
    let queue = |name: &str, dead_letters: &str, max_receives| {
        let redrive = Some(Redrive { dead_letters: dead_letters.to_owned(), max_receives });
        QueueConfig { name: name.to_owned(), visibility: VISIBILITY, redrive }
    };
    vec![
        queue(DELIVERY, DELIVERY_DEAD_LETTERS, 1000),
        queue(SLOW_DELIVERY, DELIVERY_DEAD_LETTERS, 1000),
        queue(REPLAYS, REPLAYS_DEAD_LETTERS, 10),
        dead_letters(DELIVERY_DEAD_LETTERS),
        dead_letters(REPLAYS_DEAD_LETTERS),
        dead_letters(STREAM_DEAD_LETTERS),
    ]
}

/// The six functions' states.
struct Functions {
    dynamodb: aws_sdk_dynamodb::Client,
    ingest: ingest::State,
    query: query::State,
    manage: manage::State,
    fanout: fanout::State,
    deliver: deliver::State,
    pack: pack::State,
    origins: Vec<HeaderValue>,
}

impl Functions {
    /// Reads each function's configuration as on AWS, from the variables that the template sets.
    fn new(aws: &AwsEndpoints, args: &Args, shards: u16) -> anyhow::Result<Self> {
        let (retention_days, shards) = (args.retention_days.to_string(), shards.to_string());
        let key_file = args.data_dir.join("secrets.key");
        webhook::create_key_file(&key_file)?;
        let key_file = key_file.to_str().context("the path of the data folder is not UTF-8")?;
        let variables = HashMap::from([
            ("EVENTS_TABLE", tables::EVENTS),
            ("CONFIG_TABLE", tables::CONFIG),
            ("DELIVERIES_TABLE", tables::DELIVERIES),
            ("QUARANTINE_TABLE", tables::QUARANTINE),
            ("SEGMENTS_TABLE", tables::SEGMENTS),
            ("RETENTION_DAYS", &retention_days),
            ("SHARDS", &shards),
            ("CORS_ORIGINS", &args.cors_origins),
            ("DELIVERY_QUEUE_URL", &aws.delivery_queue),
            ("SLOW_QUEUE_URL", &aws.slow_queue),
            ("REPLAY_QUEUE_URL", &aws.replay_queue),
            ("SECRETS_KEY_FILE", key_file),
            // Webhook receivers that are being developed run on this machine.
            ("ALLOWED_CIDRS", "127.0.0.0/8,::1/128"),
            ("AWS_REGION", "local"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &aws.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &aws.sqs),
        ]);
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let env = Env::new(&lookup);
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&env.aws("DYNAMODB")?),
            ingest: ingest::from_env(&env)?,
            query: query::from_env(&env)?,
            manage: manage::from_env(&env)?,
            fanout: fanout::from_env(&env)?,
            deliver: deliver::from_env(&env)?,
            pack: pack::from_env(&env)?,
            origins: web::cors_origins(&env)?,
        })
    }

    /// The HTTP functions behind one port. A request that may have stored something wakes the
    /// stream's poller.
    fn app(&self, written: Arc<Notify>) -> Router {
        let wake = move |request: Request, next: Next| {
            let written = Arc::clone(&written);
            async move {
                let response = next.run(request).await;
                written.notify_one();
                response
            }
        };
        let writers = ingest::router(self.ingest.clone()).merge(manage::router(self.manage.clone()));
        let app = writers.route_layer(middleware::from_fn(wake)).merge(query::router(self.query.clone()));
        web::with_read_layers(web::with_common_layers(app), self.origins.clone())
    }

    /// What stands for the event source mappings, a task each.
    fn pollers(
        &self,
        dynamodb: DynamoDb,
        sqs: &Sqs,
        written: Arc<Notify>,
        stop: &Stop,
    ) -> anyhow::Result<[JoinHandle<()>; 5]> {
        let queue = |name: &str| -> anyhow::Result<Queue> { sqs.queue(name).context("a queue that is served") };
        let stream = StreamPoller {
            dynamodb: Arc::new(dynamodb),
            table: tables::EVENTS.to_owned(),
            written,
            dead_letters: queue(STREAM_DEAD_LETTERS)?,
        };
        let poller = |name, batch_size| -> anyhow::Result<QueuePoller> {
            Ok(QueuePoller { queue: queue(name)?, batch_size, concurrency: CONCURRENCY })
        };
        let (messages, slow, replays) = (poller(DELIVERY, 10)?, poller(SLOW_DELIVERY, 1)?, poller(REPLAYS, 1)?);
        let (fanout, deliver, replayer) = (self.fanout.clone(), self.deliver.clone(), self.fanout.clone());
        let fan_out = move |batch| {
            let state = fanout.clone();
            async move { Ok(fanout::handle(&state, batch).await) }
        };
        let deliver = move |batch| {
            let state = deliver.clone();
            async move { Ok(deliver::handle(&state, batch).await) }
        };
        let replay = move |batch| {
            let state = replayer.clone();
            async move { Ok(fanout::handle_replays(&state, batch).await) }
        };
        Ok([
            tokio::spawn(stream.run(fan_out, stop.clone())),
            tokio::spawn(messages.run(deliver.clone(), stop.clone())),
            tokio::spawn(slow.run(deliver, stop.clone())),
            tokio::spawn(replays.run(replay, stop.clone())),
            tokio::spawn(pack_now_and_then(self.pack.clone(), stop.clone())),
        ])
    }
}

/// What stands for the schedule of the packing function. It is stopped between two of its steps, as on AWS.
async fn pack_now_and_then(state: pack::State, mut stop: Stop) {
    loop {
        let round = async {
            tokio::time::sleep(PACKING).await;
            if let Err(error) = pack::handle(&state).await {
                tracing::error!(%error, "events cannot be packed");
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = round => {}
        }
    }
}

fn demo_receiver(demo: bool) -> Router {
    if demo { demo::receiver() } else { Router::new() }
}

/// Into how many partitions the log is spread: what was noted when it was made, for events are found by that.
fn shards(note: &std::path::Path, exists: bool, wanted: u16) -> anyhow::Result<u16> {
    /// How many there were before it was noted.
    const BEFORE: u16 = 4;
    if exists {
        let noted = std::fs::read_to_string(note).ok();
        return noted.map_or(Ok(BEFORE), |noted| {
            noted.trim().parse().with_context(|| format!("cannot read {}", note.display()))
        });
    }
    std::fs::write(note, wanted.to_string()).with_context(|| format!("cannot write {}", note.display()))?;
    Ok(wanted)
}

/// Holds the data folder for this process alone.
fn lock(data_dir: &std::path::Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let path = data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "{} is in use by another `tidings dev`: stop it, or choose another folder with --data-dir",
            data_dir.display()
        );
    }
    Ok(file)
}

/// What a person needs to begin.
fn greet(dev: &DevFile, file: &std::path::Path) {
    let (url, keys) = (&dev.url, &dev.keys);
    println!("Tidings is ready at {url}\n");
    for (source, token) in &keys.ingest {
        println!("  ingest  {token}  posts as {source}");
    }
    println!("  read    {}  searches and reads", keys.read);
    println!("  manage  {}  changes targets, sources and keys", keys.manage);
    println!("\nThe same for scripts: {}\n", file.display());
    let example = events::catalog("unleash")
        .and_then(|unleash| unleash.event_type("user-created"))
        .and_then(|kind| kind.examples.first());
    if let (Some(example), Some(token)) = (example, keys.ingest.get("unleash")) {
        println!("Post an event, and find it again:\n");
        println!("  curl {url}/v1/events -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\");
        println!("    -d '{}'\n", example.replace('\'', "'\\''"));
        println!("  curl '{url}/v1/events?type=user-created' -H 'Authorization: Bearer {}'\n", keys.read);
    }
}
