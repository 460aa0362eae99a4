//! The messages of every queue in SQLite: functions of a connection and the time in milliseconds.

use std::collections::VecDeque;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::config::RedrivePolicy;
use super::message::{Message, MessageCounts, NewMessage, Receipt, VisibilityOutcome};

/// The table of messages. An in-flight message is invisible and was received; a delayed one is invisible and was never
/// received. `message_group` is empty if the sender set none.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        message_group TEXT NOT NULL,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        first_received_at INTEGER
    );
    CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, message_group, visible_at)";

/// A query for the names of a queue's groups. It skips from one group to the next in the index.
const GROUPS_QUERY: &str = "WITH RECURSIVE groups (name) AS (
        SELECT min(message_group) FROM messages WHERE queue = ?1
        UNION ALL
        SELECT (SELECT min(message_group) FROM messages WHERE queue = ?1 AND message_group > name)
        FROM groups WHERE name IS NOT NULL
    )";

/// Inserts the messages atomically. Returns their numbers.
pub(super) fn send(db: &mut Connection, queue: &str, messages: &[NewMessage], now: i64) -> rusqlite::Result<Vec<i64>> {
    let transaction = begin(db)?;
    let mut numbers = Vec::with_capacity(messages.len());
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO messages (queue, message_group, body, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for message in messages {
            let group = message.group.as_deref().unwrap_or_default();
            numbers.push(insert.insert(params![queue, group, message.body, now, add_ms(now, message.delay)])?);
        }
    }
    transaction.commit()?;
    Ok(numbers)
}

/// Receives up to `max` messages. Moves messages that were received too often to the dead-letter queue instead; the flag
/// is true if it moved any.
pub(super) fn receive(
    db: &mut Connection,
    queue: &str,
    redrive: Option<&RedrivePolicy>,
    max: usize,
    visibility_timeout: Duration,
    now: i64,
) -> rusqlite::Result<(Vec<Message>, bool)> {
    let transaction = begin(db)?;
    let mut received = Vec::new();
    let mut moved = false;
    while received.len() < max {
        let candidates = select_candidates(&transaction, queue, max - received.len(), now)?;
        if candidates.is_empty() {
            break;
        }
        for (number, receives) in candidates {
            match redrive {
                Some(redrive) if receives >= redrive.max_receives => {
                    move_to_dead_letters(&transaction, number, redrive, now)?;
                    moved = true;
                }
                _ => received.push(mark_received(&transaction, number, visibility_timeout, now)?),
            }
        }
    }
    transaction.commit()?;
    Ok((received, moved))
}

/// A message group with visible messages.
struct ReadyGroup {
    /// Number of invisible messages.
    in_flight: i64,
    /// Number and receives of each visible message.
    ready: VecDeque<(i64, u32)>,
}

/// Selects the next messages. Each comes from the group that then has the fewest invisible messages, so that a group with
/// a long backlog or a slow receiver does not delay the others.
fn select_candidates(db: &Connection, queue: &str, max: usize, now: i64) -> rusqlite::Result<Vec<(i64, u32)>> {
    let mut groups = ready_groups(db, queue, max, now)?;
    let mut candidates = Vec::new();
    while candidates.len() < max {
        let ready = groups.iter_mut().filter(|group| !group.ready.is_empty());
        let Some(group) = ready.min_by_key(|group| group.in_flight) else {
            break;
        };
        candidates.extend(group.ready.pop_front());
        group.in_flight += 1;
    }
    Ok(candidates)
}

/// Selects up to `max` groups with visible messages: the ones with the fewest invisible messages, and among equals the
/// ones that have waited longest.
fn ready_groups(db: &Connection, queue: &str, max: usize, now: i64) -> rusqlite::Result<Vec<ReadyGroup>> {
    // Counts no further than 1,000: a group with more is last in any case.
    let mut groups = db.prepare_cached(&format!(
        "{GROUPS_QUERY}
         SELECT name,
             (SELECT min(visible_at) FROM messages WHERE queue = ?1 AND message_group = name) AS oldest,
             (SELECT count(*) FROM (
                 SELECT 1 FROM messages
                 WHERE queue = ?1 AND message_group = name AND visible_at > ?2 LIMIT 1000)) AS in_flight
         FROM groups WHERE oldest <= ?2 ORDER BY in_flight, oldest LIMIT ?3"
    ))?;
    let mut ready = db.prepare_cached(
        "SELECT number, receives FROM messages
         WHERE queue = ?1 AND message_group = ?2 AND visible_at <= ?3
         ORDER BY visible_at, number LIMIT ?4",
    )?;
    groups
        .query_map(params![queue, now, max], |row| Ok((row.get::<_, String>("name")?, row.get("in_flight")?)))?
        .map(|group| {
            let (name, in_flight) = group?;
            let ready = ready.query_map(params![queue, name, now, max], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(ReadyGroup { in_flight, ready: ready.collect::<Result<_, _>>()? })
        })
        .collect()
}

fn move_to_dead_letters(db: &Transaction<'_>, number: i64, redrive: &RedrivePolicy, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE messages SET queue = ?2, visible_at = ?3 WHERE number = ?1")?.execute(params![
        number,
        redrive.dead_letter_queue,
        now
    ])?;
    Ok(())
}

fn mark_received(
    db: &Transaction<'_>,
    number: i64,
    visibility_timeout: Duration,
    now: i64,
) -> rusqlite::Result<Message> {
    db.prepare_cached(
        "UPDATE messages SET visible_at = ?2, receives = receives + 1,
             first_received_at = coalesce(first_received_at, ?3)
         WHERE number = ?1
         RETURNING number, receives, body, message_group, sent_at, first_received_at",
    )?
    .query_row(params![number, add_ms(now, visibility_timeout), now], read_message)
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        receipt: Receipt { number: row.get("number")?, receives: row.get("receives")? },
        body: row.get("body")?,
        group: Some(row.get::<_, String>("message_group")?).filter(|group| !group.is_empty()),
        sent_at: row.get("sent_at")?,
        first_received_at: row.get("first_received_at")?,
    })
}

/// Makes every in-flight message visible. Messages that wait for their next attempt become visible too early; their
/// receiver hides them again.
pub(super) fn release_in_flight(db: &Connection, now: i64) -> rusqlite::Result<usize> {
    db.execute("UPDATE messages SET visible_at = ?1 WHERE visible_at > ?1 AND receives > 0", [now])
}

/// Deletes the messages of the receipts, except stale ones.
pub(super) fn delete(db: &mut Connection, queue: &str, receipts: &[Receipt]) -> rusqlite::Result<()> {
    let transaction = begin(db)?;
    for receipt in receipts {
        transaction
            .prepare_cached("DELETE FROM messages WHERE number = ?1 AND queue = ?2 AND receives = ?3")?
            .execute(params![receipt.number, queue, receipt.receives])?;
    }
    transaction.commit()
}

/// Makes an in-flight message visible after `visibility_timeout` from `now`.
pub(super) fn set_visibility_timeout(
    db: &mut Connection,
    queue: &str,
    receipt: Receipt,
    visibility_timeout: Duration,
    now: i64,
) -> rusqlite::Result<VisibilityOutcome> {
    let transaction = begin(db)?;
    let visible_at: Option<i64> = transaction
        .prepare_cached("SELECT visible_at FROM messages WHERE number = ?1 AND queue = ?2 AND receives = ?3")?
        .query_row(params![receipt.number, queue, receipt.receives], |row| row.get(0))
        .optional()?;
    let Some(visible_at) = visible_at else { return Ok(VisibilityOutcome::Unknown) };
    if visible_at <= now {
        return Ok(VisibilityOutcome::NotInFlight);
    }
    transaction
        .prepare_cached("UPDATE messages SET visible_at = ?2 WHERE number = ?1")?
        .execute(params![receipt.number, add_ms(now, visibility_timeout)])?;
    transaction.commit()?;
    Ok(VisibilityOutcome::Changed)
}

/// Returns the earliest time at which a message of the queue becomes or became visible.
pub(super) fn next_due(db: &Connection, queue: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(&format!(
        "{GROUPS_QUERY}
         SELECT min((SELECT min(visible_at) FROM messages WHERE queue = ?1 AND message_group = name)) FROM groups"
    ))?
    .query_row([queue], |row| row.get(0))
}

/// Counts the queue's messages.
pub(super) fn count_messages(db: &Connection, queue: &str, now: i64) -> rusqlite::Result<MessageCounts> {
    db.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                count(*) FILTER (WHERE visible_at > ?2 AND receives > 0),
                count(*) FILTER (WHERE visible_at > ?2 AND receives = 0)
         FROM messages WHERE queue = ?1",
    )?
    .query_row(params![queue, now], |row| {
        Ok(MessageCounts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
    })
}

fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn add_ms(now: i64, delay: Duration) -> i64 {
    now.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "message_store_tests.rs"]
mod tests;
