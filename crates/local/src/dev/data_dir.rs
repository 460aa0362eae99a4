//! The folder in which the local stack keeps its data.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Number of shards of a log whose folder has no `shards` file: older versions did not write one.
const SHARDS_WITHOUT_FILE: u16 = 4;

/// A data folder that no other process uses while this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    /// The operating system releases the lock when the file is closed, also after a kill.
    _lock: File,
}

impl DataDir {
    /// Creates the folder if necessary, and locks it.
    pub(super) fn lock(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("failed to create {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).with_context(|| format!("failed to write {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            bail!(
                "{} is in use by another `tidings dev`: stop it, or choose another folder with --data-dir",
                path.display()
            );
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The path of a file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The DynamoDB database.
    pub(super) fn dynamodb_file(&self) -> PathBuf {
        self.file("dynamodb.sqlite3")
    }

    /// The number of shards of the log. An existing log keeps the number that it was created with, since events are
    /// found by it; a new log gets `requested`.
    pub(super) fn shards(&self, requested: u16) -> anyhow::Result<u16> {
        let file = self.file("shards");
        if self.dynamodb_file().exists() {
            let Ok(shards) = std::fs::read_to_string(&file) else { return Ok(SHARDS_WITHOUT_FILE) };
            return shards.trim().parse().with_context(|| format!("failed to read {}", file.display()));
        }
        std::fs::write(&file, requested.to_string()).with_context(|| format!("failed to write {}", file.display()))?;
        Ok(requested)
    }
}
