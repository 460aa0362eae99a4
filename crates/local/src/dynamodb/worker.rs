//! The thread that owns dynoxide's database. SQLite runs one write at a time and blocks meanwhile.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Context;
use axum::body::Bytes;
use dynoxide::{Database, DynoxideError};
use tokio::sync::oneshot;

use super::operations;
use crate::wal_sync::WalSync;

/// The thread of a database. Clones share it; it ends when all of them are dropped.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    jobs: Sender<Job>,
}

/// The outcome of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The response in JSON.
    pub(super) result: Result<String, DynoxideError>,
    /// Number of commits that the outcome may reflect.
    pub(super) commits: u64,
}

enum Job {
    Call {
        operation: String,
        body: Bytes,
        outcome: oneshot::Sender<Outcome>,
    },
    /// Returns another handle of the database.
    Share(oneshot::Sender<Database>),
    Close(oneshot::Sender<()>),
}

impl Worker {
    pub(super) fn start(database: Database, wal_sync: WalSync) -> anyhow::Result<Self> {
        let (jobs, received) = mpsc::channel();
        thread::Builder::new().name("dynamodb".to_owned()).spawn(move || work(database, &wal_sync, &received))?;
        Ok(Self { jobs })
    }

    /// Runs an operation.
    pub(super) async fn run(&self, operation: &str, body: Bytes) -> anyhow::Result<Outcome> {
        let (outcome, returned) = oneshot::channel();
        let job = Job::Call { operation: operation.to_owned(), body, outcome };
        self.jobs.send(job).ok().context("the local DynamoDB has stopped")?;
        returned.await.context("the local DynamoDB has stopped")
    }

    /// Deletes the items that have expired. Calls may run between two pages of items.
    pub(super) async fn delete_expired(&self) -> anyhow::Result<usize> {
        let (share, shared) = oneshot::channel();
        self.jobs.send(Job::Share(share)).ok().context("the local DynamoDB has stopped")?;
        let database = shared.await.context("the local DynamoDB has stopped")?;
        let (deleted, wait) = oneshot::channel();
        // A thread of its own: the end of the process does not wait for it. Each deletion is a transaction.
        thread::Builder::new().name("expiry".to_owned()).spawn(move || {
            // The caller may have given up.
            let _ = deleted.send(database.sweep_ttl());
        })?;
        Ok(wait.await.context("the deletion of expired items panicked")??)
    }

    /// Ends the thread after the jobs before.
    pub(super) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        // An error means that the thread has ended.
        if self.jobs.send(Job::Close(closed)).is_ok() {
            drop(wait.await);
        }
    }
}

fn work(database: Database, wal_sync: &WalSync, jobs: &Receiver<Job>) {
    for job in jobs {
        match job {
            Job::Call { operation, body, outcome } => {
                let result = operations::run(&database, &operation, &body);
                let has_committed = result.is_ok() && operations::is_write(&operation);
                let commits = if has_committed { wal_sync.record_commit() } else { wal_sync.commits() };
                // The caller may have given up.
                let _ = outcome.send(Outcome { result, commits });
            }
            Job::Share(share) => drop(share.send(database.clone())),
            Job::Close(closed) => {
                // Closes the connection, unless expired items are being deleted.
                drop(database);
                let _ = closed.send(());
                return;
            }
        }
    }
}
