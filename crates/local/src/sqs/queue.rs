//! Queues without the AWS protocol.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;

use super::config::{QueueConfig, RedrivePolicy};
use super::message::{ACCOUNT_ID, Message, MessageCounts, NewMessage, Receipt, VisibilityOutcome};
use super::message_store;
use crate::health::{Fault, Health};
use crate::sqlite::Sqlite;
use crate::wal_sync::{Durability, WalSync};

/// Maximum wait for a message that becomes visible by time: the clock may be set, or the machine may sleep.
pub(super) const MAX_ARRIVALS_WAIT: Duration = Duration::from_secs(5);

/// The database of the messages.
#[derive(Debug, Clone)]
struct MessageDb {
    sqlite: Sqlite,
    wal_sync: WalSync,
    health: Health,
}

impl MessageDb {
    /// Runs `work`, whose result a power cut may undo.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let done = self.sqlite.run(work).await;
        if let Err(error) = &done
            && let Some(fault) = Fault::from_message(&format!("{error:#}"))
        {
            self.health.report(fault, error);
        }
        done
    }

    /// Runs `work`, and waits until its result is on the disk.
    async fn run_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let done = self.run(work).await?;
        self.wal_sync.wait(self.wal_sync.record_commit()).await?;
        Ok(done)
    }
}

/// Every queue of one file.
#[derive(Debug)]
pub(super) struct Queues {
    db: MessageDb,
    by_name: BTreeMap<String, Arc<SharedQueue>>,
}

/// The state of a queue, except its messages.
#[derive(Debug)]
struct SharedQueue {
    config: QueueConfig,
    /// Notified when a message may become visible earlier than known before.
    changed: watch::Sender<()>,
    /// The `changed` of the queue's dead-letter queue.
    dead_letters_changed: Option<watch::Sender<()>>,
}

impl Queues {
    /// Opens or creates `file`.
    pub(super) fn open(
        file: &Path,
        configs: Vec<QueueConfig>,
        durability: Durability,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let senders: BTreeMap<String, watch::Sender<()>> =
            configs.iter().map(|config| (config.name.clone(), watch::Sender::new(()))).collect();
        let mut by_name = BTreeMap::new();
        for config in configs {
            let dead_letters_changed = match &config.redrive {
                None => None,
                Some(RedrivePolicy { dead_letter_queue, .. }) => match senders.get(dead_letter_queue) {
                    Some(sender) => Some(sender.clone()),
                    None => bail!("the dead-letter queue {dead_letter_queue} of {} does not exist", config.name),
                },
            };
            let changed = senders[&config.name].clone();
            by_name.insert(config.name.clone(), Arc::new(SharedQueue { config, changed, dead_letters_changed }));
        }
        let sqlite = Sqlite::open(file, message_store::SCHEMA)?;
        let wal_sync = WalSync::start(file, durability, health)?;
        Ok(Self { db: MessageDb { sqlite, wal_sync, health: health.clone() }, by_name })
    }

    /// The queue `name`, if it exists.
    pub(super) fn find(&self, name: &str) -> Option<Queue> {
        let shared = self.by_name.get(name)?;
        Some(Queue { db: self.db.clone(), shared: Arc::clone(shared) })
    }

    /// Makes the messages visible that were in flight when an earlier process ended.
    pub(super) async fn release_in_flight(&self) -> anyhow::Result<()> {
        self.db.run(|db| Ok(message_store::release_in_flight(db, now_ms())?)).await.map(drop)
    }
}

/// A queue, used without the AWS protocol.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    db: MessageDb,
    shared: Arc<SharedQueue>,
}

impl Queue {
    /// The queue's configuration.
    pub(crate) fn config(&self) -> &QueueConfig {
        &self.shared.config
    }

    /// The queue's Amazon Resource Name (ARN).
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sqs:local:{ACCOUNT_ID}:{}", self.config().name)
    }

    /// Sends the messages atomically, and waits until they are on the disk. Returns their ids.
    ///
    /// Receives, deletions and visibility timeouts do not wait: a power cut that undoes one only repeats a message.
    pub(crate) async fn send(&self, messages: Vec<NewMessage>) -> anyhow::Result<Vec<String>> {
        let name = self.name();
        let numbers = self.db.run_durably(move |db| Ok(message_store::send(db, &name, &messages, now_ms())?)).await?;
        self.shared.changed.send_replace(());
        Ok(numbers.into_iter().map(|number| number.to_string()).collect())
    }

    /// Receives up to `max` visible messages without waiting, and hides them for `visibility_timeout`.
    ///
    /// As in SQS, receives are fair among message groups: a group with a long backlog or slow messages does not delay
    /// the others.
    pub(crate) async fn receive(&self, max: usize, visibility_timeout: Duration) -> anyhow::Result<Vec<Message>> {
        let shared = Arc::clone(&self.shared);
        let receive = move |db: &mut _| {
            let QueueConfig { name, redrive, .. } = &shared.config;
            let (messages, moved) =
                message_store::receive(db, name, redrive.as_ref(), max, visibility_timeout, now_ms())?;
            if let Some(changed) = shared.dead_letters_changed.as_ref().filter(|_| moved) {
                changed.send_replace(());
            }
            Ok(messages)
        };
        self.db.run(receive).await
    }

    /// Deletes received messages. A message that was received again since is kept.
    pub(crate) async fn delete(&self, receipts: Vec<Receipt>) -> anyhow::Result<()> {
        let name = self.name();
        self.db.run(move |db| Ok(message_store::delete(db, &name, &receipts)?)).await
    }

    /// Makes a received message visible after `visibility_timeout` from now.
    pub(crate) async fn set_visibility_timeout(
        &self,
        receipt: Receipt,
        visibility_timeout: Duration,
    ) -> anyhow::Result<VisibilityOutcome> {
        let name = self.name();
        let change = move |db: &mut _| {
            Ok(message_store::set_visibility_timeout(db, &name, receipt, visibility_timeout, now_ms())?)
        };
        let changed = self.db.run(change).await?;
        self.shared.changed.send_replace(());
        Ok(changed)
    }

    /// Counts the queue's messages.
    pub(crate) async fn counts(&self) -> anyhow::Result<MessageCounts> {
        let name = self.name();
        self.db.run(move |db| Ok(message_store::count_messages(db, &name, now_ms())?)).await
    }

    /// Subscribes to arrivals. A subscription from before the first receive misses no message.
    pub(crate) fn arrivals(&self) -> Arrivals {
        Arrivals { queue: self.clone(), changed: self.shared.changed.subscribe() }
    }

    fn name(&self) -> String {
        self.shared.config.name.clone()
    }
}

/// Waits for visible messages of a queue.
#[derive(Debug)]
pub(crate) struct Arrivals {
    queue: Queue,
    changed: watch::Receiver<()>,
}

impl Arrivals {
    /// Waits until a message was sent or made visible since the last wait, or the next message becomes visible by time.
    /// It may return early, and receives no message.
    pub(crate) async fn wait(&mut self) -> anyhow::Result<()> {
        let name = self.queue.name();
        let due_ms = self.queue.db.run(move |db| Ok(message_store::next_due(db, &name)?)).await?;
        let delay =
            due_ms.map(|due| Duration::from_millis(u64::try_from(due - now_ms()).unwrap_or(0)).min(MAX_ARRIVALS_WAIT));
        let due = async {
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives as long as `queue`.
            _ = self.changed.changed() => {}
            () = due => {}
        }
        Ok(())
    }
}

/// Returns the time in milliseconds since 1970. It never goes back, even if the clock is set back: otherwise the messages
/// that are hidden or delayed would wait until the clock has caught up.
fn now_ms() -> i64 {
    static LAST: Mutex<Option<(i64, Instant)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let elapsed_ms = |since: Instant| i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
    let at_least = last.map_or(i64::MIN, |(ms, at)| ms.saturating_add(elapsed_ms(at)));
    let now = Timestamp::now().as_millisecond();
    // The pair is replaced only if the clock is ahead, so that rounding does not add up.
    if now >= at_least {
        *last = Some((now, Instant::now()));
    }
    now.max(at_least)
}
