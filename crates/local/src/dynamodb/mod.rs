//! The local DynamoDB: dynoxide in this process, with its data in one file.
//!
//! dynoxide implements DynamoDB's operations, so the functions use the same SDK client as on AWS. It does not
//! serve or trim streams. This module does both through a second connection to dynoxide's file.

mod operations;
mod stream;
mod worker;

use std::path::Path;

use anyhow::Context;
use aws_lambda_events::event::dynamodb::Event;
use axum::body::Bytes;
use dynoxide::{Database, DynoxideError};
use rusqlite::params;

use crate::aws_response::AwsResponse;
use crate::health::{Fault, Health};
use crate::sqlite::Sqlite;
use crate::wal_sync::{Durability, WalSync};
use worker::{Outcome, Worker};

/// An index for the lookup of a table's highest sequence number, which every write to a table with a stream makes. Without
/// it, the lookup reads every record of the stream.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS tidings_stream_order
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Code of an error that no retry can end. The SDK does not retry unknown codes with a status of 4xx.
const FAULT_CODE: &str = "dev.tidings.local#DatabaseFault";

/// The local DynamoDB. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct DynamoDb {
    worker: Worker,
    stream_db: Sqlite,
    wal_sync: WalSync,
    health: Health,
}

impl DynamoDb {
    /// Opens or creates `file`.
    ///
    /// Acknowledged writes survive a crash of the process, since dynoxide commits to SQLite's write-ahead log. They
    /// survive a power cut if `durability` is [`Durability::Durable`].
    pub(crate) async fn open(file: &Path, durability: Durability, health: &Health) -> anyhow::Result<Self> {
        let path = file.to_str().context("the path of the data folder is not UTF-8")?.to_owned();
        let database = tokio::task::spawn_blocking(move || Database::new(&path))
            .await?
            .with_context(|| format!("failed to open {}", file.display()))?;
        let stream_db = Sqlite::open(file, STREAM_INDEX)?;
        let wal_sync = WalSync::start(file, durability, health)?;
        let worker = Worker::start(database, wal_sync.clone())?;
        Ok(Self { worker, stream_db, wal_sync, health: health.clone() })
    }

    /// Calls an operation, such as `PutItem`, with a JSON body.
    ///
    /// The response waits until every commit that it may reflect is on the disk, so that no caller acts on data that a
    /// power cut can remove: neither a writer, nor a writer of a duplicate, nor a reader.
    pub(crate) async fn call(&self, operation: &str, body: Bytes) -> AwsResponse {
        let Outcome { result, commits } = match self.worker.run(operation, body).await {
            Ok(outcome) => outcome,
            Err(error) => return AwsResponse::error(400, FAULT_CODE, &error.to_string()),
        };
        if let Err(error) = self.wal_sync.wait(commits).await {
            return AwsResponse::error(400, FAULT_CODE, &error.to_string());
        }
        match result {
            Ok(body) => AwsResponse { status: 200, body },
            Err(error) => self.error_response(&error),
        }
    }

    fn error_response(&self, error: &DynoxideError) -> AwsResponse {
        let status = error.status_code();
        let fault = Fault::from_message(&error.to_string()).filter(|_| status >= 500);
        let Some(fault) = fault else { return AwsResponse { status, body: error.to_json() } };
        self.health.report(fault, error);
        AwsResponse::error(400, FAULT_CODE, &fault.to_string())
    }

    /// Returns the oldest records of `table`'s stream, at most `limit`, in Lambda's format. Their items are durable.
    pub(crate) async fn read_stream(&self, table: &str, limit: usize) -> anyhow::Result<Event> {
        let table = table.to_owned();
        let records = self.stream_db.run(move |connection| stream::select_records(connection, &table, limit)).await?;
        self.wal_sync.wait_for_all().await?;
        Ok(records)
    }

    /// Deletes the records of `table`'s stream up to and including `sequence`, which must be the oldest record or one
    /// that the last [`Self::read_stream`] returned together with all its predecessors.
    ///
    /// The remaining records are the unprocessed ones, so no position in the stream needs to be stored. A new sequence
    /// number is greater than all others in the stream and at least the time in microseconds. A record that is written
    /// after the batch was read therefore never sorts among the batch's records. If a number is used again (after the
    /// clock was set back), the record that had it before is deleted.
    pub(crate) async fn delete_stream_records(&self, table: &str, sequence: &str) -> anyhow::Result<()> {
        let table = table.to_owned();
        let sequence: i64 = sequence.parse().with_context(|| format!("{sequence} is not a sequence number"))?;
        self.stream_db
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM _stream_records
                         WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2",
                    )?
                    .execute(params![table, sequence])?;
                Ok(())
            })
            .await
    }

    /// Deletes the items that have expired, as DynamoDB does. Returns their number.
    pub(crate) async fn delete_expired(&self) -> anyhow::Result<usize> {
        self.worker.delete_expired().await
    }

    /// Ends the calls: all further ones fail. Waits for the ones in progress.
    pub(crate) async fn close(&self) {
        self.worker.close().await;
    }
}

#[cfg(test)]
pub(crate) mod tests;
