//! The slot key: the secret of a deployment that determines the slots of its events.

use std::fmt;

use jiff::Timestamp;
use model::Record;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::table::ConfigTable;
use crate::batch_get::Item;
use crate::error::Error;

/// Kind and name of the only record.
const RECORD_NAME: &str = "slots";

/// Number of bytes of the secret.
const SLOT_KEY_BYTES: usize = 32;

/// The secret that determines the slots of events. Producers do not know it, so none of them can choose a slot in order
/// to take the slot of another event.
#[derive(Clone, Serialize, Deserialize)]
pub struct SlotKey {
    name: String,
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
    created_at: Timestamp,
}

impl SlotKey {
    /// Creates a key with these bytes, for simulations and tests.
    pub fn from_bytes(key: [u8; SLOT_KEY_BYTES]) -> Self {
        Self { name: RECORD_NAME.to_owned(), key: key.to_vec(), created_at: Timestamp::UNIX_EPOCH }
    }

    fn generate(now: Timestamp) -> Result<Self, Error> {
        let mut key = [0; SLOT_KEY_BYTES];
        let failed = |error: getrandom::Error| Error::Failed { operation: "getrandom", reason: error.to_string() };
        getrandom::fill(&mut key).map_err(failed)?;
        Ok(Self { created_at: now, ..Self::from_bytes(key) })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.key
    }
}

impl Record for SlotKey {
    const KIND: &'static str = RECORD_NAME;

    fn name(&self) -> &str {
        &self.name
    }
}

/// The secret is not shown.
impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotKey").field("created_at", &self.created_at).finish_non_exhaustive()
    }
}

/// Returns whether an item of the `config` table is the slot key.
pub fn is_slot_key(item: &Item) -> bool {
    ["pk", "sk"]
        .iter()
        .all(|name| item.get(*name).and_then(|value| value.as_s().ok()).is_some_and(|v| v == RECORD_NAME))
}

/// The slot key of a deployment. It never changes, so a process reads it once.
#[derive(Debug)]
pub(crate) struct SlotKeys {
    config: ConfigTable,
    key: OnceCell<SlotKey>,
}

impl SlotKeys {
    pub(crate) fn new(config: ConfigTable) -> Self {
        Self { config, key: OnceCell::new() }
    }

    /// Returns the key. The first caller of a deployment creates it.
    pub(crate) async fn get(&self, now: Timestamp) -> Result<&SlotKey, Error> {
        self.key.get_or_try_init(|| self.read_or_create(now)).await
    }

    async fn read_or_create(&self, now: Timestamp) -> Result<SlotKey, Error> {
        if let Some(key) = self.read().await? {
            return Ok(key);
        }
        let created = SlotKey::generate(now)?;
        match self.config.create(&created).await {
            Ok(()) => Ok(created),
            // Another process was faster.
            Err(Error::Exists(_)) => {
                let key = self.read().await?;
                key.ok_or_else(|| Error::corrupt(RECORD_NAME, "the slot key was removed while it was read"))
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self) -> Result<Option<SlotKey>, Error> {
        Ok(self.config.list().await?.into_iter().next())
    }
}
