//! How far an attempt has come, which the connector notes down: where connecting fails or takes too long, nothing
//! else tells.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Where a caller's timeout is none, in effect.
const FOREVER: Duration = Duration::from_hours(24);

tokio::task_local! {
    static CURRENT: Attempt;
}

/// One attempt.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    number: u64,
    deadline: Instant,
    known: Arc<Mutex<Known>>,
}

/// What is known of a connection, be it made or being made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) stage: Stage,
    pub(super) address: Option<SocketAddr>,
    pub(super) dns: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) tls: Option<Duration>,
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    NotBegun,
    LookingUp,
    Dialling,
    ShakingHands,
    Connected,
}

impl Attempt {
    pub(super) fn new(started: Instant, timeout: Duration) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let deadline = started.checked_add(timeout.min(FOREVER)).unwrap_or(started);
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), deadline, known: Arc::default() }
    }

    /// The one that this task is at.
    pub(super) fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_else(|_| Self::new(Instant::now(), FOREVER))
    }

    /// Runs a request; a connection that is made for it is noted down here.
    pub(super) async fn follow<F: Future>(&self, request: F) -> F::Output {
        CURRENT.scope(self.clone(), request).await
    }

    /// No other attempt in this process has it. It also tells connections apart, by whom they were made for.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}
