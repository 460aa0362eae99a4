//! Random faults of a simulation. The seed determines all of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryPartition;

/// The result of a call of a simulated service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallFault {
    /// The service rejects the call because of its rate.
    Throttled,
    /// The service fails before the call has an effect.
    Failed,
    /// The service fails after the call had its effect.
    ResponseLost,
}

/// Number of clients of all simulations.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// Returns the retry partition of a new client. The clients of a program share a quota of retries by default, so that a
/// simulation would depend on those that run beside it.
pub(crate) fn retry_partition() -> RetryPartition {
    RetryPartition::new(format!("simulation-{}", CLIENTS.fetch_add(1, Ordering::Relaxed)))
}

/// The source of faults and random choices.
#[derive(Debug)]
pub(crate) struct Faults {
    random: Mutex<fastrand::Rng>,
    is_active: AtomicBool,
    is_disk_full: AtomicBool,
}

impl Faults {
    /// Creates the faults of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            is_active: AtomicBool::new(true),
            is_disk_full: AtomicBool::new(false),
        }
    }

    /// Starts the faults again.
    pub(crate) fn start(&self) {
        self.is_active.store(true, Ordering::Relaxed);
    }

    /// Ends all faults. Random choices that are not faults remain.
    pub(crate) fn stop(&self) {
        self.is_active.store(false, Ordering::Relaxed);
    }

    /// Returns whether faults happen.
    pub(crate) fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Relaxed)
    }

    /// Starts or ends a time in which the database refuses all writes.
    pub(crate) fn set_disk_full(&self, is_full: bool) {
        self.is_disk_full.store(is_full, Ordering::Relaxed);
    }

    /// Returns whether the database refuses all writes.
    pub(crate) fn is_disk_full(&self) -> bool {
        self.is_active() && self.is_disk_full.load(Ordering::Relaxed)
    }

    /// Returns a random number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).usize(..end)
    }

    /// Returns a random duration of up to `max`.
    pub(crate) fn duration(&self, max: Duration) -> Duration {
        max.mul_f64(self.random.lock().unwrap_or_else(PoisonError::into_inner).f64())
    }

    /// Returns true once in `calls` calls, while faults happen.
    pub(crate) fn once_in(&self, calls: usize) -> bool {
        self.is_active() && self.below(calls) == 0
    }

    /// Returns the fault of a call of a service, if it has one.
    pub(crate) fn of_call(&self) -> Option<CallFault> {
        let is_fault = self.once_in(12);
        let kinds = [CallFault::Throttled, CallFault::Failed, CallFault::ResponseLost];
        is_fault.then(|| kinds[self.below(kinds.len())])
    }
}
