//! A cache of the records of one kind.

use std::sync::Arc;
use std::time::Duration;

use model::Record;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::table::ConfigTable;
use crate::error::Error;

/// The records of one kind, cached between the invocations of a function.
///
/// All records of the kind are read together, because there are few of them. Frequent lookups that find nothing, such as
/// those of an unknown token, then cost no reads.
#[derive(Debug)]
pub struct CachedRecords<T> {
    config: ConfigTable,
    slot: Mutex<Option<(Instant, Arc<Vec<T>>)>>,
}

impl<T: Record> CachedRecords<T> {
    /// Maximum age of a cached record.
    pub const MAX_AGE: Duration = Duration::from_secs(30);

    /// Minimum age of the cached records before a lookup without a result reads them again: short enough for a new
    /// record to work immediately, long enough to limit the cost of guessed tokens.
    const MIN_RELOAD_AGE: Duration = Duration::from_secs(1);

    /// Creates an empty cache of records of the `config` table.
    pub fn new(config: ConfigTable) -> Self {
        Self { config, slot: Mutex::new(None) }
    }

    /// Returns every record, read at most `max_age` ago. Concurrent callers share one read.
    pub async fn all(&self, max_age: Duration) -> Result<Arc<Vec<T>>, Error> {
        let mut slot = self.slot.lock().await;
        if let Some((read, records)) = slot.as_ref()
            && read.elapsed() < max_age
        {
            return Ok(Arc::clone(records));
        }
        // The age counts from the start of the read, because the result may miss changes made during the read.
        let started = Instant::now();
        let records = Arc::new(self.config.list().await?);
        *slot = Some((started, Arc::clone(&records)));
        Ok(records)
    }

    /// Reads the records, so that the first lookup of the process does not wait for them.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.all(Self::MAX_AGE).await.map(drop)
    }

    /// Discards the cached records, so that the next caller reads them again.
    pub async fn invalidate(&self) {
        *self.slot.lock().await = None;
    }

    /// Returns a record for which `matches` is true. A removed record may be returned for up to [`Self::MAX_AGE`].
    pub async fn find(&self, matches: impl Fn(&T) -> bool) -> Result<Option<T>, Error>
    where
        T: Clone,
    {
        for max_age in [Self::MAX_AGE, Self::MIN_RELOAD_AGE] {
            if let Some(record) = self.all(max_age).await?.iter().find(|record| matches(record)) {
                return Ok(Some(record.clone()));
            }
        }
        Ok(None)
    }
}
