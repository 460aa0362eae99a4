//! A SQLite file for async code.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rusqlite::Connection;

/// One shared connection to a file. Work on it runs on a thread that may block.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens or creates `file` and runs `setup`, which must be idempotent.
    pub(crate) fn open(file: &Path, setup: &str) -> anyhow::Result<Self> {
        let open = || {
            let connection = Connection::open(file)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // In WAL mode, a commit then hands its data to the operating system without waiting for the disk. A killed
            // process loses nothing; a power cut loses the last moments.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
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
