//! `tidings backup`: copies the data folder of a local stack, which may be running.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::data_dir;
use crate::sqlite;

/// Pages that are copied at a time.
const PAGES_PER_STEP: i32 = 1000;

/// The options of `tidings backup`.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The folder to create.
    pub to: PathBuf,
}

/// Copies the databases as they were at one moment, the key of the secrets, and the keys of the API.
///
/// # Errors
/// If the data folder is incomplete, the new folder exists, or a file cannot be read or written.
pub fn run(options: &BackupOptions) -> anyhow::Result<()> {
    let BackupOptions { data_dir, to } = options;
    let databases = ["dynamodb.sqlite3", "sqs.sqlite3"];
    for name in databases.iter().chain(&["secrets.key"]) {
        ensure!(data_dir.join(name).is_file(), "{} has no {name}: it is not a whole data folder", data_dir.display());
    }
    ensure!(!to.exists(), "{} exists: choose a new folder for the backup", to.display());
    data_dir::create_private_dir(to).with_context(|| format!("failed to create {}", to.display()))?;
    let sources = open_snapshots(&databases.map(|name| data_dir.join(name)))?;
    for (source, name) in sources.iter().zip(databases) {
        copy_database(source, &to.join(name)).with_context(|| format!("failed to copy {name}"))?;
    }
    for name in ["secrets.key", "dev.json"] {
        copy_file(&data_dir.join(name), &to.join(name)).with_context(|| format!("failed to copy {name}"))?;
    }
    data_dir::sync_dir(to)?;
    println!("copied {} to {}", data_dir.display(), to.display());
    Ok(())
}

/// Opens the databases, each with a transaction that reads its state of the same moment. A message and the event that it
/// belongs to are in both databases, or in neither.
fn open_snapshots(files: &[PathBuf]) -> anyhow::Result<Vec<Connection>> {
    let connect = |file: &PathBuf| sqlite::connect(file).with_context(|| format!("failed to open {}", file.display()));
    let writers: Vec<Connection> = files.iter().map(connect).collect::<Result<_, _>>()?;
    let readers: Vec<Connection> = files.iter().map(connect).collect::<Result<_, _>>()?;
    // No other process writes to either database while both locks are held.
    for writer in &writers {
        writer.execute_batch("BEGIN IMMEDIATE").context("failed to lock a database; try again")?;
    }
    for reader in &readers {
        reader.execute_batch("BEGIN")?;
        reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    }
    for writer in &writers {
        writer.execute_batch("ROLLBACK")?;
    }
    Ok(readers)
}

fn copy_database(source: &Connection, file: &Path) -> anyhow::Result<()> {
    drop(data_dir::create_private_file(file)?);
    let mut copy = Connection::open(file)?;
    Backup::new(source, &mut copy)?.run_to_completion(PAGES_PER_STEP, Duration::ZERO, None)?;
    // The copy has no write-ahead log and needs none.
    data_dir::mark_copy(&copy)?;
    drop(copy);
    Ok(File::open(file)?.sync_all()?)
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(from)?;
    let mut file = data_dir::create_private_file(to)?;
    std::io::Write::write_all(&mut file, &bytes)?;
    Ok(file.sync_all()?)
}
