//! A limit on the concurrent attempts to each target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of concurrent attempts of one process to one target: the size of a batch.
const MAX_CONCURRENT_ATTEMPTS: usize = 10;

/// Maximum time to wait for a permit. A longer wait would delay other targets.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(1);

/// Number of targets above which idle targets are forgotten.
const MAX_REMEMBERED_TARGETS: usize = 1000;

/// Permits for attempts: one semaphore per target.
#[derive(Debug, Clone, Default)]
pub struct Permits(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Permits {
    /// Acquires a permit for one attempt; `None` if the target stays at its concurrency limit.
    pub(crate) async fn acquire(&self, target: &str) -> Option<OwnedSemaphorePermit> {
        let semaphore = self.semaphore(target);
        tokio::time::timeout(MAX_PERMIT_WAIT, semaphore.acquire_owned()).await.ok()?.ok()
    }

    fn semaphore(&self, target: &str) -> Arc<Semaphore> {
        let mut targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() > MAX_REMEMBERED_TARGETS {
            targets.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let new = || Arc::new(Semaphore::new(MAX_CONCURRENT_ATTEMPTS));
        Arc::clone(targets.entry(target.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_target_has_its_own_concurrency_limit() {
        let permits = Permits::default();
        let mut acquired = Vec::new();
        for _ in 0..MAX_CONCURRENT_ATTEMPTS {
            acquired.push(permits.acquire("a").await.unwrap());
        }
        assert!(permits.acquire("a").await.is_none());
        assert!(permits.acquire("b").await.is_some());
        acquired.pop();
        assert!(permits.acquire("a").await.is_some());
    }
}
