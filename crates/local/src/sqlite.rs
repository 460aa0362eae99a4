//! A SQLite file for async code.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// One shared connection to a file. Work on it runs on a thread that may block.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens or creates `file` and runs `setup`, which must be idempotent.
    pub(crate) fn open(file: &Path, setup: &str) -> anyhow::Result<Self> {
        let open = || {
            let connection = connect(file)?;
            connection.execute_batch(setup)?;
            Ok::<_, rusqlite::Error>(connection)
        };
        let connection = open().with_context(|| format!("failed to open {}", file.display()))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` on the connection.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || {
            // A panic leaves at most an open transaction, which was rolled back when it was dropped.
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .context("work on SQLite panicked")?
    }
}

/// Opens or creates `file` in WAL mode. A commit does not wait for the disk: [`crate::wal_sync`] does.
///
/// The last connection that is closed would remove the write-ahead log. It is kept, so that a missing log always means
/// that the folder is an incomplete copy: see [`crate::data_dir`].
pub(crate) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Reads the whole database, compares its indexes with its tables, and returns a description of the first damage, if any.
pub(crate) fn find_damage(file: &Path) -> anyhow::Result<Option<String>> {
    let found: String = connect(file)?.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok(Some(found).filter(|found| found != "ok"))
}
