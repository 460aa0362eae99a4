//! The file `<data-dir>/dev.json`, from which scripts read the local stack's URL and keys.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The content of the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DevFile {
    /// URL of the API.
    pub(crate) url: String,
    /// Tokens of the keys that the local stack created.
    pub(crate) keys: Tokens,
    /// Endpoints of the local DynamoDB and SQS, for the AWS command line, and the access key that they require.
    #[serde(default)]
    pub(crate) aws: AwsEndpoints,
}

/// The tokens of the keys that the local stack created.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// Token of a key with the `manage` permission.
    pub(crate) manage: String,
    /// Token of a key with the `read` permission.
    pub(crate) read: String,
    /// Tokens of keys with the `ingest` permission, by source.
    pub(crate) ingest: BTreeMap<String, String>,
}

/// The endpoints of the local DynamoDB and SQS.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct AwsEndpoints {
    /// Endpoint of DynamoDB.
    pub(crate) dynamodb: String,
    /// Endpoint of SQS.
    pub(crate) sqs: String,
    /// ID of the access key of both. Each start generates another.
    #[serde(default)]
    pub(crate) access_key_id: String,
    /// Secret of the access key. The local services do not verify signatures.
    #[serde(default)]
    pub(crate) secret_access_key: String,
    /// URL of the delivery queue.
    pub(crate) delivery_queue: String,
    /// URL of the delivery queue for slow targets.
    #[serde(default)]
    pub(crate) slow_queue: String,
    /// URL of the queue of replays.
    #[serde(default)]
    pub(crate) replay_queue: String,
    /// URL of the dead-letter queue of the stream.
    #[serde(default)]
    pub(crate) stream_dead_letters: String,
    /// URL of the queue of nudges.
    #[serde(default)]
    pub(crate) nudge_queue: String,
}

impl DevFile {
    /// Reads the file. Returns an empty one if the file does not exist or cannot be read.
    pub(crate) fn read(path: &Path) -> Self {
        let read = || serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok();
        read().unwrap_or_default()
    }

    /// Replaces the file. Only its owner can read it.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = || {
            let new_path = path.with_extension("json.new");
            // A killed process may have left a file with another mode.
            let _ = std::fs::remove_file(&new_path);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&new_path)?;
            writeln!(file, "{}", serde_json::to_string_pretty(self)?)?;
            file.sync_all()?;
            std::fs::rename(&new_path, path)
        };
        write().with_context(|| format!("failed to write {}", path.display()))
    }
}
