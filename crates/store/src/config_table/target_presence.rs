//! Finding out whether any target exists, without reading a target.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use model::{Record, Target};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::table::ConfigTable;
use crate::error::Error;

/// Maximum age of the cached answer.
const MAX_PRESENCE_AGE: Duration = Duration::from_secs(10);

/// Cached answer to the question whether the deployment has a target.
///
/// Only the key of one target is read: ingest has no access to the receivers' credentials.
#[derive(Debug)]
pub struct TargetPresence {
    config: ConfigTable,
    slot: Mutex<Option<(Instant, bool)>>,
}

impl TargetPresence {
    /// Creates an empty cache for the targets of the `config` table.
    pub fn new(config: ConfigTable) -> Self {
        Self { config, slot: Mutex::new(None) }
    }

    /// Returns whether a target existed within the last ten seconds. Concurrent callers share one read.
    pub async fn has_targets(&self) -> Result<bool, Error> {
        let mut slot = self.slot.lock().await;
        if let Some((read, has_targets)) = *slot
            && read.elapsed() < MAX_PRESENCE_AGE
        {
            return Ok(has_targets);
        }
        let started = Instant::now();
        let has_targets = self.read().await?;
        *slot = Some((started, has_targets));
        Ok(has_targets)
    }

    async fn read(&self) -> Result<bool, Error> {
        let first = self
            .config
            .client()
            .query()
            .table_name(self.config.table())
            .key_condition_expression("pk = :kind")
            .expression_attribute_values(":kind", AttributeValue::S(Target::KIND.to_owned()))
            .select(Select::SpecificAttributes)
            .projection_expression("pk")
            .limit(1)
            .send()
            .await
            .map_err(|e| Error::sdk("Query", e))?;
        Ok(!first.items().is_empty())
    }
}
