//! DynamoDB on a laptop: dynoxide, in this process, with its data in one file.
//!
//! dynoxide speaks the AWS protocol, so the functions use the same SDK client as on AWS. What it
//! leaves open is who reads the streams and tidies them up. That is done here, through a second
//! connection to its file.

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

/// Every write to a table with a stream looks up the table's highest sequence number. Without an
/// index that reads all of the stream's records.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS tidings_stream_order
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// A DynamoDB that is served until this is dropped.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    endpoint: String,
    streams: Sqlite,
    /// Dropping it stops the server.
    _stop: oneshot::Sender<()>,
}

impl DynamoDb {
    /// Opens or creates `file` and serves it on a free port of the loopback interface.
    ///
    /// What was acknowledged survives the process, however it ends: dynoxide commits to SQLite's
    /// write-ahead log. Only a power cut takes the last moments: `.cargo/config.toml` sets SQLite up so.
    pub(crate) async fn start(file: &Path) -> anyhow::Result<Self> {
        let path = file.to_str().context("the data folder's path is not UTF-8")?.to_owned();
        let database = tokio::task::spawn_blocking(move || Database::new(&path))
            .await?
            .with_context(|| format!("cannot open {}", file.display()))?;
        let streams = Sqlite::open(file, STREAM_INDEX)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for DynamoDB")?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        serve(listener, database, stopped)?;
        Ok(Self { endpoint, streams, _stop: stop })
    }

    /// Where it is served: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The oldest records of `table`'s stream, at most `limit`, as Lambda hands them over.
    pub(crate) async fn stream_batch(&self, table: &str, limit: usize) -> anyhow::Result<Event> {
        let table = table.to_owned();
        self.streams.run(move |connection| read_stream(connection, &table, limit)).await
    }

    /// Deletes the records of `table`'s stream up to and including the one numbered `sequence`,
    /// which must be the oldest or have come out of the last [`Self::stream_batch`] together with
    /// all those before it.
    ///
    /// What is left is what has not been handled, so the position in the stream needs no keeping.
    /// A number is one more than the highest of the records present and at least the time in
    /// microseconds. So nothing written since the batch was read can sort among its records, and
    /// should a number come up again (after the clock was set back), nothing remembers the first.
    pub(crate) async fn delete_stream_records(&self, table: &str, sequence: &str) -> anyhow::Result<()> {
        let table = table.to_owned();
        let sequence: i64 = sequence.parse().with_context(|| format!("{sequence} is no sequence number"))?;
        self.streams
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

/// Serves from a thread of its own. dynoxide handles one request at a time and blocks while it
/// does, which here keeps nobody else waiting.
fn serve(listener: std::net::TcpListener, database: Database, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = async move {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
        // The sender is dropped, not used.
        serve_with_shutdown(listener, database, async { drop(stopped.await) }).await
    };
    thread::Builder::new().name("dynamodb".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serving) {
            tracing::error!(error, "DynamoDB is no longer served");
        }
    })?;
    Ok(())
}

fn read_stream(connection: &Connection, table: &str, limit: usize) -> anyhow::Result<Event> {
    let mut select = connection.prepare_cached(
        "SELECT event_id, event_name, keys_json, new_image, sequence_number, created_at
         FROM _stream_records WHERE table_name = ?1
         ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?2",
    )?;
    let mut rows = select.query(params![table, i64::try_from(limit)?])?;
    let mut event = Event::default();
    while let Some(row) = rows.next()? {
        event.records.push(record(row, table)?);
    }
    Ok(event)
}

fn record(row: &Row<'_>, table: &str) -> anyhow::Result<EventRecord> {
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
    serde_json::from_value(record).context("a record of the stream cannot be read")
}

#[cfg(test)]
pub(crate) mod tests;
