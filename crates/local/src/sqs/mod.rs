//! SQS on a laptop: standard queues in one SQLite file, served with the AWS protocol for the calls
//! that the functions make, and used directly by the pollers.

mod api;
mod http;
mod store;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::sqlite::Sqlite;

pub(crate) use store::{Counts, Message, Outgoing, Receipt, Visibility};

/// The account that the queues belong to, part of their addresses.
const ACCOUNT: &str = "000000000000";

/// The longest that a wait for the next due message is trusted: the clock may have been set, or
/// the machine may have slept.
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// A queue to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueConfig {
    /// Its name.
    pub(crate) name: String,
    /// How long a received message stays invisible, unless the receive says otherwise.
    pub(crate) visibility: Duration,
    /// What becomes of messages that keep coming back.
    pub(crate) redrive: Option<Redrive>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    /// The queue they go to.
    pub(crate) dead_letters: String,
    /// How often a message is handed out at most.
    pub(crate) max_receives: u32,
}

/// An SQS that is served until this is dropped.
#[derive(Debug)]
pub(crate) struct Sqs {
    endpoint: String,
    queues: Arc<Queues>,
    /// Dropping it stops the server.
    _stop: oneshot::Sender<()>,
}

impl Sqs {
    /// Opens or creates `file` and serves `queues` on a free port of the loopback interface.
    pub(crate) async fn start(file: &Path, queues: Vec<QueueConfig>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen for SQS")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let queues = Arc::new(Queues::open(file, queues)?);
        let (stop, stopped) = oneshot::channel();
        let router = http::router(Arc::clone(&queues), endpoint.clone());
        tokio::spawn(async move {
            // The sender is dropped, not used.
            let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
            if let Err(error) = serving.await {
                tracing::error!(%error, "SQS is no longer served");
            }
        });
        Ok(Self { endpoint, queues, _stop: stop })
    }

    /// Makes what was in hand when an earlier process ended visible again.
    pub(crate) async fn release(&self) -> anyhow::Result<()> {
        self.queues.db.run(|db| Ok(store::release(db, now())?)).await.map(drop)
    }

    /// Where it is served: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address of the queue `name`, for the AWS SDK.
    pub(crate) fn url(&self, name: &str) -> String {
        url(&self.endpoint, name)
    }

    /// The queue `name`, where there is one.
    pub(crate) fn queue(&self, name: &str) -> Option<Queue> {
        self.queues.find(name)
    }
}

fn url(endpoint: &str, name: &str) -> String {
    format!("{endpoint}/{ACCOUNT}/{name}")
}

/// All queues.
#[derive(Debug)]
struct Queues {
    db: Sqlite,
    by_name: BTreeMap<String, Arc<Line>>,
}

/// What a queue is, next to its messages.
#[derive(Debug)]
struct Line {
    config: QueueConfig,
    /// Something may be visible earlier than it was known to be.
    changed: watch::Sender<()>,
    /// The same of the queue's dead letters.
    dead_letters_changed: Option<watch::Sender<()>>,
}

impl Queues {
    fn open(file: &Path, configs: Vec<QueueConfig>) -> anyhow::Result<Self> {
        let senders: BTreeMap<String, watch::Sender<()>> =
            configs.iter().map(|config| (config.name.clone(), watch::Sender::new(()))).collect();
        let mut by_name = BTreeMap::new();
        for config in configs {
            let dead_letters_changed = match &config.redrive {
                None => None,
                Some(Redrive { dead_letters, .. }) => match senders.get(dead_letters) {
                    Some(sender) => Some(sender.clone()),
                    None => bail!("queue {} has its dead letters in {dead_letters}, which is no queue", config.name),
                },
            };
            let changed = senders[&config.name].clone();
            by_name.insert(config.name.clone(), Arc::new(Line { config, changed, dead_letters_changed }));
        }
        Ok(Self { db: Sqlite::open(file, store::SCHEMA)?, by_name })
    }

    fn find(&self, name: &str) -> Option<Queue> {
        let line = self.by_name.get(name)?;
        Some(Queue { db: self.db.clone(), line: Arc::clone(line) })
    }
}

/// One queue, used without the AWS protocol.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    db: Sqlite,
    line: Arc<Line>,
}

impl Queue {
    /// How the queue was set up.
    pub(crate) fn config(&self) -> &QueueConfig {
        &self.line.config
    }

    /// The queue's name as AWS writes it.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sqs:local:{ACCOUNT}:{}", self.config().name)
    }

    /// Stores the messages, all or none; their ids.
    pub(crate) async fn send(&self, messages: Vec<Outgoing>) -> anyhow::Result<Vec<String>> {
        let name = self.name();
        let numbers = self.db.run(move |db| Ok(store::send(db, &name, &messages, now())?)).await?;
        self.line.changed.send_replace(());
        Ok(numbers.into_iter().map(|number| number.to_string()).collect())
    }

    /// Takes up to `max` messages that are visible, without waiting for any, and hides them for
    /// `visibility`.
    ///
    /// It is fair as SQS is between message groups: a group with a long backlog, or with messages
    /// that take long, does not delay the others.
    pub(crate) async fn receive(&self, max: usize, visibility: Duration) -> anyhow::Result<Vec<Message>> {
        let line = Arc::clone(&self.line);
        let receive = move |db: &mut _| {
            let QueueConfig { name, redrive, .. } = &line.config;
            let (messages, moved) = store::receive(db, name, redrive.as_ref(), max, visibility, now())?;
            if let Some(changed) = line.dead_letters_changed.as_ref().filter(|_| moved) {
                changed.send_replace(());
            }
            Ok(messages)
        };
        self.db.run(receive).await
    }

    /// Deletes the received messages. One that was received again meanwhile stays.
    pub(crate) async fn delete(&self, receipts: Vec<Receipt>) -> anyhow::Result<()> {
        let name = self.name();
        self.db.run(move |db| Ok(store::delete(db, &name, &receipts)?)).await
    }

    /// Hides a received message for `visibility` from now.
    pub(crate) async fn set_visibility(&self, receipt: Receipt, visibility: Duration) -> anyhow::Result<Visibility> {
        let name = self.name();
        let change = move |db: &mut _| Ok(store::set_visibility(db, &name, receipt, visibility, now())?);
        let changed = self.db.run(change).await?;
        self.line.changed.send_replace(());
        Ok(changed)
    }

    /// How many messages the queue holds.
    pub(crate) async fn counts(&self) -> anyhow::Result<Counts> {
        let name = self.name();
        self.db.run(move |db| Ok(store::counts(db, &name, now())?)).await
    }

    /// What tells when to receive. Taken before the first receive, it misses no message.
    pub(crate) fn arrivals(&self) -> Arrivals {
        Arrivals { queue: self.clone(), changed: self.line.changed.subscribe() }
    }

    fn name(&self) -> String {
        self.line.config.name.clone()
    }
}

/// Tells when a queue may have a visible message.
#[derive(Debug)]
pub(crate) struct Arrivals {
    queue: Queue,
    changed: watch::Receiver<()>,
}

impl Arrivals {
    /// Waits until something was sent or made visible since the last wait, or the next message
    /// becomes visible by itself. It may end early; no message is taken by waiting.
    pub(crate) async fn wait(&mut self) -> anyhow::Result<()> {
        let name = self.queue.name();
        let due = self.queue.db.run(move |db| Ok(store::next_due(db, &name)?)).await?;
        let nap = due.map(|due| Duration::from_millis(u64::try_from(due - now()).unwrap_or(0)).min(LONGEST_NAP));
        let due = async {
            match nap {
                Some(nap) => tokio::time::sleep(nap).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender is alive as long as the queue that this holds.
            _ = self.changed.changed() => {}
            () = due => {}
        }
        Ok(())
    }
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
pub(crate) mod tests;
