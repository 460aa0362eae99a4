//! The records of a table's stream, in Lambda's format.

use anyhow::Context;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

/// Selects the oldest records of a table's stream.
pub(super) fn select_records(connection: &Connection, table: &str, limit: usize) -> anyhow::Result<Event> {
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
