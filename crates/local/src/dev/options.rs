//! The options of the local stack.

use std::path::PathBuf;
use std::time::Duration;

/// The options of `tidings dev`.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// Port to listen on; 0 for a free port.
    pub port: u16,
    /// Folder for the data.
    pub data_dir: PathBuf,
    /// Retention of events and deliveries in days; 0 for unlimited.
    pub retention_days: u32,
    /// Number of shards of a new log.
    pub shards: u16,
    /// Comma-separated origins whose pages may call the API.
    pub cors_origins: String,
    /// Answers without waiting for the disk.
    pub relaxed: bool,
    /// Sends nudges, so that webhooks do not wait for the stream.
    pub nudge_deliveries: bool,
    /// Delay of each stream record, to measure what a slow stream causes.
    pub stream_delay: Duration,
    /// Loads the example events and delivers them to a target in this process.
    pub demo: bool,
}
