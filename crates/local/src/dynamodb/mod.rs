//! The local DynamoDB: dynoxide in this process, with its data in one file.
//!
//! dynoxide implements the AWS protocol, so the functions use the same SDK client as on AWS. It does not
//! serve or trim streams. This module does both through a second connection to dynoxide's file.

use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;

use anyhow::Context;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use dynoxide::Database;
use dynoxide::server::serve_with_shutdown;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::sqlite::Sqlite;

/// An index for the lookup of a table's highest sequence number, which every write to a table with a stream makes. Without
/// it, the lookup reads every record of the stream.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS tidings_stream_order
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// A DynamoDB server that runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    endpoint: String,
    stream_db: Sqlite,
    /// Dropping the sender stops the server.
    _stop: oneshot::Sender<()>,
}

impl DynamoDb {
    /// Opens or creates `file` and serves it on a free port of the loopback interface.
    ///
    /// Acknowledged writes survive a crash of the process, since dynoxide commits to SQLite's write-ahead log. A power
    /// cut loses the last moments: `.cargo/config.toml` configures SQLite not to wait for the disk.
    pub(crate) async fn start(file: &Path) -> anyhow::Result<Self> {
        let path = file.to_str().context("the path of the data folder is not UTF-8")?.to_owned();
        let database = tokio::task::spawn_blocking(move || Database::new(&path))
            .await?
            .with_context(|| format!("failed to open {}", file.display()))?;
        let stream_db = Sqlite::open(file, STREAM_INDEX)?;
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to listen for DynamoDB requests")?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        serve(listener, database, stopped)?;
        Ok(Self { endpoint, stream_db, _stop: stop })
    }

    /// The server's URL: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the oldest records of `table`'s stream, at most `limit`, in Lambda's format.
    pub(crate) async fn read_stream(&self, table: &str, limit: usize) -> anyhow::Result<Event> {
        let table = table.to_owned();
        self.stream_db.run(move |connection| select_stream_records(connection, &table, limit)).await
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
}

/// Serves on a separate thread: dynoxide handles one request at a time and blocks meanwhile.
fn serve(listener: std::net::TcpListener, database: Database, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = async move {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
        // Resolves when the sender is dropped; nothing is sent.
        serve_with_shutdown(listener, database, async { drop(stopped.await) }).await
    };
    thread::Builder::new().name("dynamodb".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(server) {
            tracing::error!(error, "the DynamoDB server failed");
        }
    })?;
    Ok(())
}

fn select_stream_records(connection: &Connection, table: &str, limit: usize) -> anyhow::Result<Event> {
    let mut select = connection.prepare_cached(
        "SELECT event_id, event_name, keys_json, new_image, sequence_number, created_at
         FROM _stream_records WHERE table_name = ?1
         ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?2",
    )?;
    let mut rows = select.query(params![table, i64::try_from(limit)?])?;
    let mut event = Event::default();
    while let Some(row) = rows.next()? {
        event.records.push(stream_record(row, table)?);
    }
    Ok(event)
}

fn stream_record(row: &Row<'_>, table: &str) -> anyhow::Result<EventRecord> {
    let keys: String = row.get("keys_json")?;
    let image: Option<String> = row.get("new_image")?;
    let size = keys.len() + image.as_ref().map_or(0, String::len);
    let record = json!({
        "eventID": row.get::<_, String>("event_id")?,
        "eventName": row.get::<_, String>("event_name")?,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": format!("arn:aws:dynamodb:local:000000000000:table/{table}/stream/local"),
        "awsRegion": "local",
        "dynamodb": {
            "ApproximateCreationDateTime": row.get::<_, i64>("created_at")?,
            "Keys": serde_json::from_str::<Value>(&keys)?,
            "NewImage": image.as_deref().map(serde_json::from_str::<Value>).transpose()?,
            "SequenceNumber": row.get::<_, String>("sequence_number")?,
            "SizeBytes": size,
            "StreamViewType": "NEW_IMAGE",
        },
    });
    serde_json::from_value(record).context("failed to parse a stream record")
}

#[cfg(test)]
pub(crate) mod tests;
