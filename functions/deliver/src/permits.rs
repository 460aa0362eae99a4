//! How many attempts a target may have at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most attempts of one target that a process makes at once: as many as a batch has messages.
const AT_ONCE: usize = 10;

/// How long an attempt waits for another to end. Beyond that the target is slow, and others wait behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// With more targets than this, those that are not at work are forgotten.
const MANY: usize = 1000;

/// How many attempts each target may have at once.
#[derive(Debug, Clone, Default)]
pub struct Permits(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Permits {
    /// A permit for one attempt; `None` where the target has as many as it may have, and goes on having them.
    pub(crate) async fn take(&self, target: &str) -> Option<OwnedSemaphorePermit> {
        let semaphore = self.of(target);
        tokio::time::timeout(PATIENCE, semaphore.acquire_owned()).await.ok()?.ok()
    }

    fn of(&self, target: &str) -> Arc<Semaphore> {
        let mut targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() > MANY {
            targets.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let new = || Arc::new(Semaphore::new(AT_ONCE));
        Arc::clone(targets.entry(target.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_target_has_so_many_and_others_have_theirs() {
        let permits = Permits::default();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(permits.take("a").await.unwrap());
        }
        assert!(permits.take("a").await.is_none());
        assert!(permits.take("b").await.is_some());
        taken.pop();
        assert!(permits.take("a").await.is_some());
    }
}
