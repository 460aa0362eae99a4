//! A SQLite file that async code works with.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rusqlite::Connection;

/// One connection to a file, shared; work on it runs where blocking is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens or creates `file` and runs `setup`, which must bear being run again.
    pub(crate) fn open(file: &Path, setup: &str) -> anyhow::Result<Self> {
        let open = || {
            let connection = Connection::open(file)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // In WAL mode a commit is then in the operating system's hands: a killed process loses
            // nothing, and no commit waits for the disk. Only a power cut takes the last moments.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(setup)?;
            Ok::<_, rusqlite::Error>(connection)
        };
        let connection = open().with_context(|| format!("cannot open {}", file.display()))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` on the connection.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || {
            // What a panic left behind is an open transaction at most, and that was rolled back
            // when it was dropped.
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .context("the work on SQLite panicked")?
    }
}
