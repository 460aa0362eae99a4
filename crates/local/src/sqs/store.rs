//! What is in the queues, in SQLite. Plain functions of a connection and the time in milliseconds.

use std::collections::VecDeque;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::Redrive;

/// An in-flight message is one that was received and is invisible for now; a delayed one is
/// invisible and was never received. `message_group` is empty where the sender gave none.
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

/// The names of a queue's groups, jumping from one to the next in the index.
const GROUPS: &str = "WITH RECURSIVE groups (name) AS (
        SELECT min(message_group) FROM messages WHERE queue = ?1
        UNION ALL
        SELECT (SELECT min(message_group) FROM messages WHERE queue = ?1 AND message_group > name)
        FROM groups WHERE name IS NOT NULL
    )";

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The text, at most 1 MiB.
    pub(crate) body: String,
    /// Whose turn it takes when the queue is received from; see [`super::Queue::receive`].
    pub(crate) group: Option<String>,
    /// How long it stays invisible first.
    pub(crate) delay: Duration,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its number, and with [`Self::receives`] its receipt.
    pub(crate) receipt: Receipt,
    /// The text.
    pub(crate) body: String,
    /// The group it was sent with.
    pub(crate) group: Option<String>,
    /// When it was sent, in milliseconds since 1970.
    pub(crate) sent_at: i64,
    /// When it was first received, in milliseconds since 1970.
    pub(crate) first_received_at: i64,
}

impl Message {
    /// The message's id.
    pub(crate) fn id(&self) -> String {
        self.receipt.number.to_string()
    }

    /// How often it has been received, this time included.
    pub(crate) fn receives(&self) -> u32 {
        self.receipt.receives
    }
}

/// One receive of one message. It is stale once the message is received again, because the count
/// of receives is then another: no handle needs storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    number: i64,
    receives: u32,
}

impl Receipt {
    /// The receipt as a handle for the wire.
    pub(crate) fn handle(self) -> String {
        format!("{}.{}", self.number, self.receives)
    }

    /// The receipt that a handle stands for.
    pub(crate) fn parse(handle: &str) -> Option<Self> {
        let (number, receives) = handle.split_once('.')?;
        Some(Self { number: number.parse().ok()?, receives: receives.parse().ok()? })
    }
}

/// What came of changing a message's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// It was changed.
    Changed,
    /// The message is visible already.
    NotInFlight,
    /// The receipt is stale, or the message is gone.
    Unknown,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Ready to be received.
    pub(crate) visible: u64,
    /// Received and not yet deleted or visible again.
    pub(crate) in_flight: u64,
    /// Sent with a delay that has not passed.
    pub(crate) delayed: u64,
}

/// Stores the messages, all or none; their numbers.
pub(super) fn send(db: &mut Connection, queue: &str, messages: &[Outgoing], now: i64) -> rusqlite::Result<Vec<i64>> {
    let transaction = begin(db)?;
    let mut numbers = Vec::with_capacity(messages.len());
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO messages (queue, message_group, body, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for message in messages {
            let group = message.group.as_deref().unwrap_or_default();
            numbers.push(insert.insert(params![queue, group, message.body, now, after(now, message.delay)])?);
        }
    }
    transaction.commit()?;
    Ok(numbers)
}

/// Takes up to `max` messages, and moves those received too often to the dead letters instead.
/// The flag says whether any were moved.
pub(super) fn receive(
    db: &mut Connection,
    queue: &str,
    redrive: Option<&Redrive>,
    max: usize,
    visibility: Duration,
    now: i64,
) -> rusqlite::Result<(Vec<Message>, bool)> {
    let transaction = begin(db)?;
    let mut taken = Vec::new();
    let mut moved = false;
    while taken.len() < max {
        let candidates = candidates(&transaction, queue, max - taken.len(), now)?;
        if candidates.is_empty() {
            break;
        }
        for (number, receives) in candidates {
            match redrive {
                Some(redrive) if receives >= redrive.max_receives => {
                    set_aside(&transaction, number, redrive, now)?;
                    moved = true;
                }
                _ => taken.push(take(&transaction, number, visibility, now)?),
            }
        }
    }
    transaction.commit()?;
    Ok((taken, moved))
}

/// A group of messages that has some ready.
struct Line {
    busy: i64,
    ready: VecDeque<(i64, u32)>,
}

/// The next messages, fairly: each from the group that then has the fewest invisible ones, so that
/// a group with a long backlog or a slow receiver does not delay the others.
fn candidates(db: &Connection, queue: &str, max: usize, now: i64) -> rusqlite::Result<Vec<(i64, u32)>> {
    let mut lines = lines(db, queue, max, now)?;
    let mut chosen = Vec::new();
    while chosen.len() < max {
        let Some(line) = lines.iter_mut().filter(|line| !line.ready.is_empty()).min_by_key(|line| line.busy) else {
            break;
        };
        chosen.extend(line.ready.pop_front());
        line.busy += 1;
    }
    Ok(chosen)
}

/// The groups to choose from. No more than `max` of them can be served, and those with the fewest
/// invisible messages come first, among equals the one that has waited longest.
fn lines(db: &Connection, queue: &str, max: usize, now: i64) -> rusqlite::Result<Vec<Line>> {
    // Counting stops at a thousand: beyond that a group is last in any case.
    let mut groups = db.prepare_cached(&format!(
        "{GROUPS}
         SELECT name,
             (SELECT min(visible_at) FROM messages WHERE queue = ?1 AND message_group = name) AS oldest,
             (SELECT count(*) FROM (
                 SELECT 1 FROM messages
                 WHERE queue = ?1 AND message_group = name AND visible_at > ?2 LIMIT 1000)) AS busy
         FROM groups WHERE oldest <= ?2 ORDER BY busy, oldest LIMIT ?3"
    ))?;
    let mut ready = db.prepare_cached(
        "SELECT number, receives FROM messages
         WHERE queue = ?1 AND message_group = ?2 AND visible_at <= ?3
         ORDER BY visible_at, number LIMIT ?4",
    )?;
    groups
        .query_map(params![queue, now, max], |row| Ok((row.get::<_, String>("name")?, row.get("busy")?)))?
        .map(|group| {
            let (name, busy) = group?;
            let ready = ready.query_map(params![queue, name, now, max], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Line { busy, ready: ready.collect::<Result<_, _>>()? })
        })
        .collect()
}

fn set_aside(db: &Transaction<'_>, number: i64, redrive: &Redrive, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE messages SET queue = ?2, visible_at = ?3 WHERE number = ?1")?.execute(params![
        number,
        redrive.dead_letters,
        now
    ])?;
    Ok(())
}

fn take(db: &Transaction<'_>, number: i64, visibility: Duration, now: i64) -> rusqlite::Result<Message> {
    db.prepare_cached(
        "UPDATE messages SET visible_at = ?2, receives = receives + 1,
             first_received_at = coalesce(first_received_at, ?3)
         WHERE number = ?1
         RETURNING number, receives, body, message_group, sent_at, first_received_at",
    )?
    .query_row(params![number, after(now, visibility), now], message)
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        receipt: Receipt { number: row.get("number")?, receives: row.get("receives")? },
        body: row.get("body")?,
        group: Some(row.get::<_, String>("message_group")?).filter(|group| !group.is_empty()),
        sent_at: row.get("sent_at")?,
        first_received_at: row.get("first_received_at")?,
    })
}

/// Makes what was in hand when the process ended visible again: nobody else can have it. What waits for its next
/// attempt comes too early, and is hidden again by who gets it.
pub(super) fn release(db: &Connection, now: i64) -> rusqlite::Result<usize> {
    db.execute("UPDATE messages SET visible_at = ?1 WHERE visible_at > ?1 AND receives > 0", [now])
}

/// Deletes the messages whose receipts are not stale.
pub(super) fn delete(db: &mut Connection, queue: &str, receipts: &[Receipt]) -> rusqlite::Result<()> {
    let transaction = begin(db)?;
    for receipt in receipts {
        transaction
            .prepare_cached("DELETE FROM messages WHERE number = ?1 AND queue = ?2 AND receives = ?3")?
            .execute(params![receipt.number, queue, receipt.receives])?;
    }
    transaction.commit()
}

/// Makes an in-flight message visible after `visibility`, from now.
pub(super) fn set_visibility(
    db: &mut Connection,
    queue: &str,
    receipt: Receipt,
    visibility: Duration,
    now: i64,
) -> rusqlite::Result<Visibility> {
    let transaction = begin(db)?;
    let visible_at: Option<i64> = transaction
        .prepare_cached("SELECT visible_at FROM messages WHERE number = ?1 AND queue = ?2 AND receives = ?3")?
        .query_row(params![receipt.number, queue, receipt.receives], |row| row.get(0))
        .optional()?;
    let Some(visible_at) = visible_at else { return Ok(Visibility::Unknown) };
    if visible_at <= now {
        return Ok(Visibility::NotInFlight);
    }
    transaction
        .prepare_cached("UPDATE messages SET visible_at = ?2 WHERE number = ?1")?
        .execute(params![receipt.number, after(now, visibility)])?;
    transaction.commit()?;
    Ok(Visibility::Changed)
}

/// When the first of the queue's messages becomes visible, or did.
pub(super) fn next_due(db: &Connection, queue: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(&format!(
        "{GROUPS}
         SELECT min((SELECT min(visible_at) FROM messages WHERE queue = ?1 AND message_group = name)) FROM groups"
    ))?
    .query_row([queue], |row| row.get(0))
}

/// How many messages the queue holds.
pub(super) fn counts(db: &Connection, queue: &str, now: i64) -> rusqlite::Result<Counts> {
    db.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                count(*) FILTER (WHERE visible_at > ?2 AND receives > 0),
                count(*) FILTER (WHERE visible_at > ?2 AND receives = 0)
         FROM messages WHERE queue = ?1",
    )?
    .query_row(params![queue, now], |row| {
        Ok(Counts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
    })
}

fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn after(now: i64, wait: Duration) -> i64 {
    now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
