//! The settings that a deployment must never change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Record;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::table::ConfigTable;
use crate::batch_get::Item;
use crate::error::Error;

/// Kind and name of the only record.
const RECORD_NAME: &str = "deployment";

/// Time for which a process does not compare its settings again, unless they agreed.
const MAX_VERDICT_AGE: Duration = Duration::from_secs(10);

/// The settings with which a deployment was created. Events are stored by shard, and secrets are encrypted with the key:
/// with other values, a function neither finds nor decrypts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    name: String,
    /// Number of shards of the log.
    shards: u16,
    /// ARN or ID of the KMS key that encrypts the secrets of targets; `None` on the local stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets_key: Option<String>,
}

impl Record for Deployment {
    const KIND: &'static str = RECORD_NAME;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Deployment {
    /// Compares the settings of a function with the stored ones. A setting that one of them does not have agrees.
    fn compare(&self, stored: &Self) -> Result<(), Error> {
        let differ = |setting, own: &str, stored: &str| {
            let (own, stored) = (own.to_owned(), stored.to_owned());
            Err(Error::Misconfigured { setting, own, stored })
        };
        if self.shards != stored.shards {
            return differ("Shards", &self.shards.to_string(), &stored.shards.to_string());
        }
        match (&self.secrets_key, &stored.secrets_key) {
            (Some(own), Some(stored)) if own != stored => differ("SecretsKeyArn", own, stored),
            _ => Ok(()),
        }
    }
}

/// Returns whether an item of the `config` table holds the settings of its deployment.
pub fn is_deployment(item: &Item) -> bool {
    item.get("pk").and_then(|value| value.as_s().ok()).is_some_and(|kind| kind == RECORD_NAME)
}

/// Compares the settings of a function with those with which its deployment was created.
#[derive(Debug, Clone)]
pub struct DeploymentCheck(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ConfigTable,
    own: Deployment,
    last: Mutex<Option<Verdict>>,
}

#[derive(Debug, Clone)]
struct Verdict {
    at: Instant,
    result: Result<(), Error>,
    /// False if the deployment has not stored its settings yet.
    is_stored: bool,
}

impl DeploymentCheck {
    /// Creates a check of these settings. Functions without access to secrets do not know their key.
    pub fn new(config: ConfigTable, shards: u16, secrets_key: Option<String>) -> Self {
        let own = Deployment { name: RECORD_NAME.to_owned(), shards, secrets_key };
        Self(Arc::new(Inner { config, own, last: Mutex::default() }))
    }

    /// Stores the settings of a new deployment, and compares them with those of an existing one.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if a setting differs; or if DynamoDB fails.
    pub async fn store_or_verify(&self) -> Result<(), Error> {
        self.verify().await?;
        if self.last().is_some_and(|verdict| verdict.is_stored) {
            return Ok(());
        }
        match self.0.config.create(&self.0.own).await {
            // Another process may have stored its settings first.
            Ok(()) | Err(Error::Exists(_)) => {}
            Err(error) => return Err(error),
        }
        self.compare_with_stored().await
    }

    /// Compares the settings. A process whose settings agree compares them once.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if a setting differs; or if DynamoDB fails.
    pub async fn verify(&self) -> Result<(), Error> {
        match self.last() {
            Some(Verdict { at, result, is_stored })
                if (is_stored && result.is_ok()) || at.elapsed() < MAX_VERDICT_AGE =>
            {
                result
            }
            _ => self.compare_with_stored().await,
        }
    }

    fn last(&self) -> Option<Verdict> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn compare_with_stored(&self) -> Result<(), Error> {
        let stored: Option<Deployment> = self.0.config.get(RECORD_NAME).await?;
        let result = stored.as_ref().map_or(Ok(()), |stored| self.0.own.compare(stored));
        let verdict = Verdict { at: Instant::now(), result: result.clone(), is_stored: stored.is_some() };
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(shards: u16, secrets_key: Option<&str>) -> Deployment {
        Deployment { name: RECORD_NAME.to_owned(), shards, secrets_key: secrets_key.map(str::to_owned) }
    }

    #[test]
    fn settings_that_differ_are_named() {
        let stored = deployment(4, Some("arn:a"));
        let compare = |shards, key| deployment(shards, key).compare(&stored).map_err(|error| error.to_string());
        assert_eq!(compare(4, Some("arn:a")), Ok(()));
        assert_eq!(compare(4, None), Ok(()), "most functions do not know the key");
        let shards = compare(8, Some("arn:a")).unwrap_err();
        assert!(shards.contains("Shards is 8") && shards.contains("created with 4"), "{shards}");
        let key = compare(4, Some("arn:b")).unwrap_err();
        assert!(key.contains("SecretsKeyArn is arn:b") && key.contains("created with arn:a"), "{key}");
    }
}
