//! The sources and keys that the local stack begins with, and the file that tells their tokens.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use model::{Key, KeyScope, Source};
use serde::{Deserialize, Serialize};
use store::ConfigTable;
use web::token;

/// What scripts read from `<data-dir>/dev.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DevFile {
    /// Where the API is served.
    pub(crate) url: String,
    /// One token of each scope.
    pub(crate) keys: Tokens,
    /// The stack's own DynamoDB and SQS, for the AWS command line; any credentials do.
    #[serde(default)]
    pub(crate) aws: AwsEndpoints,
}

/// The tokens of the keys that the local stack created.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// Changes targets, sources and keys.
    pub(crate) manage: String,
    /// Searches and reads.
    pub(crate) read: String,
    /// Posts events, by source.
    pub(crate) ingest: BTreeMap<String, String>,
}

/// Where the stack's own services listen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct AwsEndpoints {
    /// DynamoDB's endpoint.
    pub(crate) dynamodb: String,
    /// SQS's endpoint.
    pub(crate) sqs: String,
    /// The delivery queue.
    pub(crate) delivery_queue: String,
    /// The delivery queue of targets that are slow.
    #[serde(default)]
    pub(crate) slow_queue: String,
    /// The queue of replays.
    #[serde(default)]
    pub(crate) replay_queue: String,
}

impl DevFile {
    /// The file's content, empty where there is none yet or it cannot be read.
    pub(crate) fn read(path: &Path) -> Self {
        let read = || serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok();
        read().unwrap_or_default()
    }

    /// Writes the file, readable by its owner alone.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = || {
            let beside = path.with_extension("json.new");
            // What a killed process left here may have another mode.
            let _ = std::fs::remove_file(&beside);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&beside)?;
            writeln!(file, "{}", serde_json::to_string_pretty(self)?)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Makes sure that there is a source for each catalog, named as its catalog, and one key of each
/// scope whose token is known; those that `known` tells and that still work are kept.
pub(crate) async fn ensure(config: &ConfigTable, known: &Tokens) -> anyhow::Result<Tokens> {
    let mut tokens = Tokens {
        manage: ensure_key(config, "dev-manage", KeyScope::Manage, None, &known.manage).await?,
        read: ensure_key(config, "dev-read", KeyScope::Read, None, &known.read).await?,
        ingest: BTreeMap::new(),
    };
    for catalog in events::catalogs() {
        let name = catalog.name().to_owned();
        if config.get::<Source>(&name).await?.is_none() {
            let source =
                Source { name: name.clone(), catalog: name.clone(), description: None, created_at: runtime::now() };
            config.create(&source).await?;
        }
        let token = known.ingest.get(&name).map_or("", String::as_str);
        let key = format!("dev-ingest-{name}");
        let token = ensure_key(config, &key, KeyScope::Ingest, Some(name.clone()), token).await?;
        tokens.ingest.insert(name, token);
    }
    Ok(tokens)
}

/// The token of the key with this name: the known one where it works, else a new one's.
async fn ensure_key(
    config: &ConfigTable,
    name: &str,
    scope: KeyScope,
    source: Option<String>,
    known: &str,
) -> anyhow::Result<String> {
    if let Some(key) = config.get::<Key>(name).await? {
        if key.sha256 == token::sha256(known) {
            return Ok(known.to_owned());
        }
        config.remove::<Key>(name).await?;
    }
    let token = token::generate().context("the system has no randomness to give")?;
    let sha256 = token::sha256(&token);
    let key = Key { name: name.to_owned(), scope, source, sha256, created_at: runtime::now(), expires_at: None };
    config.create(&key).await?;
    Ok(token)
}
