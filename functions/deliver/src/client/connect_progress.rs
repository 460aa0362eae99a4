//! The progress of connecting for a request. The connector records it, because hyper's error does not say how far a
//! failed connect came.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Upper limit of timeouts, so that deadlines do not overflow.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

tokio::task_local! {
    static CURRENT: ConnectProgress;
}

/// The progress of connecting for one request.
#[derive(Debug, Clone)]
pub(super) struct ConnectProgress {
    id: u64,
    deadline: Instant,
    timings: Arc<Mutex<ConnectTimings>>,
}

/// The stage and the timings of a connection that is open or being opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectTimings {
    pub(super) stage: ConnectStage,
    pub(super) address: Option<SocketAddr>,
    pub(super) dns: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) tls: Option<Duration>,
}

/// The stage of connecting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ConnectStage {
    #[default]
    NotStarted,
    DnsLookup,
    TcpConnect,
    TlsHandshake,
    Connected,
}

impl ConnectProgress {
    pub(super) fn new(started: Instant, timeout: Duration) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let deadline = started.checked_add(timeout.min(MAX_TIMEOUT)).unwrap_or(started);
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), deadline, timings: Arc::default() }
    }

    /// Returns the progress of the current task's request.
    pub(super) fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_else(|_| Self::new(Instant::now(), MAX_TIMEOUT))
    }

    /// Runs a request. A connection that is opened for it records its progress here.
    pub(super) async fn track<F: Future>(&self, request: F) -> F::Output {
        CURRENT.scope(self.clone(), request).await
    }

    /// Returns an id that is unique in the process. It also identifies the connection that was opened for the request.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn timings(&self) -> ConnectTimings {
        *self.timings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, timings: ConnectTimings) {
        *self.timings.lock().unwrap_or_else(PoisonError::into_inner) = timings;
    }
}
