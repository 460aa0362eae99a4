//! The local SQS: standard queues in one SQLite file. The functions use them through the AWS protocol, of which the
//! server implements the calls that they make; the pollers use them directly.

mod config;
mod message;
mod message_store;
mod protocol;
mod queue;
mod server;

use std::path::Path;
use std::sync::Arc;

pub(crate) use config::{QueueConfig, RedrivePolicy};
#[cfg(test)]
pub(crate) use message::MessageCounts;
pub(crate) use message::{Message, NewMessage, Receipt};
pub(crate) use queue::Queue;
use queue::Queues;
use server::SqsServer;

use crate::aws_response::AwsResponse;
use crate::health::Health;
use crate::wal_sync::Durability;

/// The local SQS. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Sqs {
    server: Arc<SqsServer>,
}

impl Sqs {
    /// Opens or creates `file`. The queues' URLs begin with `endpoint`.
    pub(crate) fn open(
        file: &Path,
        queues: Vec<QueueConfig>,
        endpoint: &str,
        durability: Durability,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let queues = Queues::open(file, queues, durability, health)?;
        Ok(Self { server: Arc::new(SqsServer::new(queues, endpoint.to_owned())) })
    }

    /// Calls an operation, such as `SendMessage`, with a JSON body.
    pub(crate) async fn call(&self, operation: &str, body: &[u8]) -> AwsResponse {
        self.server.call(operation, body).await
    }

    /// Makes the messages visible that were in flight when an earlier process ended.
    pub(crate) async fn release_in_flight(&self) -> anyhow::Result<()> {
        self.server.queues().release_in_flight().await
    }

    /// The URL of the queue `name`, for the AWS SDK.
    pub(crate) fn url(&self, name: &str) -> String {
        self.server.queue_url(name)
    }

    /// The queue `name`, if it exists.
    pub(crate) fn queue(&self, name: &str) -> Option<Queue> {
        self.server.queues().find(name)
    }
}

#[cfg(test)]
pub(crate) mod tests;
