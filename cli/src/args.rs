//! The command line: commands, options and their help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use local::backup::BackupOptions;
use local::dev::DevOptions;
use local::reshard::ReshardOptions;

/// Tidings: a serverless event log.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(DevArgs),
    /// Generate a token and its SHA-256 hash, for the template parameter ManageKeySha256
    ///
    /// The token is the deployment's first manage key. Save it: it is not stored anywhere. The template gets the hash.
    Token,
    /// Check schemas, compare them with earlier versions, and write reference pages for them
    #[command(subcommand)]
    Schemas(codegen::check::cli::SchemasCommand),
    /// Print the API's OpenAPI 3.1 document, of which openapi.json is a copy
    Openapi,
    Reshard(ReshardArgs),
    Backup(BackupArgs),
}

/// Run Tidings on this machine
///
/// Runs all six functions, DynamoDB and SQS in one process. Stop it, kill it, start it again: no data is lost. An
/// acknowledged event also survives a power cut, unless --relaxed is set.
///
/// The first start creates a source for each catalog, with the catalog's name, and a key for each permission. It prints
/// their tokens, and writes them to dev.json in the data folder for scripts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidings dev --demo              with example events and a webhook receiver
  tidings dev --port 0            on a free port, which <data-dir>/dev.json contains
  RUST_LOG=debug tidings dev      with detailed logs
  rm -r .tidings                  delete all data")]
pub(crate) struct DevArgs {
    /// Port to listen on; 0 for a free port
    #[arg(long, default_value_t = 8080, env = "TIDINGS_PORT")]
    port: u16,

    /// Folder for the data
    #[arg(long, default_value = ".tidings", env = "TIDINGS_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// Days for which events and deliveries are kept; 0 for unlimited
    #[arg(long, default_value_t = 0, env = "RETENTION_DAYS", value_name = "DAYS")]
    retention_days: u32,

    /// Number of shards of a new log. More shards do not make a local database faster; AWS deployments have four
    #[arg(long, default_value_t = 1, env = "SHARDS", value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,

    /// Comma-separated origins whose pages may call the API
    #[arg(long, default_value = "", env = "CORS_ORIGINS", value_name = "ORIGINS")]
    cors_origins: String,

    /// Answer without waiting for the disk. A power cut then loses the last moments; a kill loses nothing
    #[arg(long)]
    relaxed: bool,

    /// Send webhooks after a nudge from ingest, without waiting for the stream
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, env = "NUDGE_DELIVERIES", value_name = "BOOL")]
    nudge_deliveries: bool,

    /// Delay of each stream record in milliseconds, to measure the latency of webhooks with a slow stream
    #[arg(long, default_value_t = 0, env = "TIDINGS_STREAM_DELAY_MS", value_name = "MS")]
    stream_delay_ms: u64,

    /// Load the catalogs' example events, with --relaxed, and deliver them to a target in this process
    #[arg(long)]
    demo: bool,
}

impl From<DevArgs> for DevOptions {
    fn from(args: DevArgs) -> Self {
        let DevArgs { port, data_dir, retention_days, shards, cors_origins, relaxed, .. } = args;
        let DevArgs { nudge_deliveries, stream_delay_ms, demo, .. } = args;
        let stream_delay = Duration::from_millis(stream_delay_ms);
        Self { port, data_dir, retention_days, shards, cors_origins, relaxed, nudge_deliveries, stream_delay, demo }
    }
}

/// Copy a log into one with another number of shards
///
/// Run the command once for each table, as docs/scale.md describes: with --shards for the table of events, without it
/// for the other tables. Items that are already in the new table are kept, so the command may be repeated.
///
/// To restore items from a backup of the same log, run it without --shards: the events keep their shards and are already
/// in the log's segments.
///
/// Credentials and region come from the same environment variables as in Lambda, or from dev.json.
#[derive(Debug, Args)]
pub(crate) struct ReshardArgs {
    /// Table to copy from
    #[arg(long, value_name = "TABLE")]
    from: String,

    /// Table to copy to
    #[arg(long, value_name = "TABLE")]
    to: String,

    /// Number of shards of the log to copy to; only for the table of events
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: Option<u16>,

    /// Copy only events that were received at this time or later, for example 2026-11-23T20:00:00Z
    #[arg(long, requires = "shards", value_name = "TIME")]
    since: Option<Timestamp>,

    /// DynamoDB endpoint to copy from, if it is not AWS's: a URL, or the dev.json of a running `tidings dev`
    #[arg(long, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    from_endpoint: Option<String>,

    /// DynamoDB endpoint to copy to, if it is not AWS's: a URL, or the dev.json of a running `tidings dev`
    #[arg(long, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    to_endpoint: Option<String>,
}

impl From<ReshardArgs> for ReshardOptions {
    fn from(args: ReshardArgs) -> Self {
        let ReshardArgs { from, to, shards, since, from_endpoint, to_endpoint } = args;
        Self { from, to, shards, since, from_endpoint, to_endpoint }
    }
}

/// Copy the data folder of `tidings dev`, which may be running
///
/// The copy holds the log, the queues and the keys as they were at one moment. To restore it, use it as the --data-dir.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Data folder to copy
    #[arg(long, default_value = ".tidings", env = "TIDINGS_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// Folder to create
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

impl From<BackupArgs> for BackupOptions {
    fn from(args: BackupArgs) -> Self {
        let BackupArgs { data_dir, to } = args;
        Self { data_dir, to }
    }
}
