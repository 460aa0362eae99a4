//! The local SQS: standard queues in one SQLite file. The functions use them through the AWS protocol, of which the
//! server implements the calls that they make; the pollers use them directly.

mod config;
mod message;
mod message_store;
mod protocol;
mod queue;
mod server;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) use config::{QueueConfig, RedrivePolicy};
#[cfg(test)]
pub(crate) use message::MessageCounts;
pub(crate) use message::{Message, NewMessage, Receipt};
pub(crate) use queue::Queue;
use queue::Queues;

/// An SQS server that runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct Sqs {
    endpoint: String,
    queues: Arc<Queues>,
    /// Dropping the sender stops the server.
    _stop: oneshot::Sender<()>,
}

impl Sqs {
    /// Opens or creates `file` and serves `queues` on a free port of the loopback interface.
    pub(crate) async fn start(file: &Path, queues: Vec<QueueConfig>) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to listen for SQS requests")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let queues = Arc::new(Queues::open(file, queues)?);
        let (stop, stopped) = oneshot::channel();
        let router = server::router(Arc::clone(&queues), endpoint.clone());
        tokio::spawn(async move {
            // Resolves when the sender is dropped; nothing is sent.
            let server = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
            if let Err(error) = server.await {
                tracing::error!(%error, "the SQS server failed");
            }
        });
        Ok(Self { endpoint, queues, _stop: stop })
    }

    /// Makes the messages visible that were in flight when an earlier process ended.
    pub(crate) async fn release_in_flight(&self) -> anyhow::Result<()> {
        self.queues.release_in_flight().await
    }

    /// The server's URL: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of the queue `name`, for the AWS SDK.
    pub(crate) fn url(&self, name: &str) -> String {
        server::queue_url(&self.endpoint, name)
    }

    /// The queue `name`, if it exists.
    pub(crate) fn queue(&self, name: &str) -> Option<Queue> {
        self.queues.find(name)
    }
}

#[cfg(test)]
pub(crate) mod tests;
