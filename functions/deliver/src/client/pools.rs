//! Connections that are kept open, for each target by itself: what one target's certificates allow is no other's.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lru::LruCache;

use super::connect::Connector;
use super::tls::Trust;
use crate::address::{Guard, Resolve};

/// How many targets' connections a process keeps.
const POOLS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// How many of those a target has at most.
pub(super) const MOST_IDLE: usize = 16;

/// The most bytes of an answer's head.
const MAX_HEAD: u32 = 64 * 1024;

/// How much of an HTTP/2 answer may be under way that nobody has read: what is read of one, and for a connection
/// that several share, of some.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;

pub(super) type Http = Client<Connector, Full<Bytes>>;

/// A target's name, and the certificates that its own must be signed by.
type Key = (String, Option<String>);

/// The clients of targets.
pub(super) struct Pools {
    guard: Guard,
    resolver: Arc<dyn Resolve>,
    clients: Mutex<LruCache<Key, Http>>,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Pools {
    pub(super) fn new(guard: Guard, resolver: Arc<dyn Resolve>) -> Self {
        Self { guard, resolver, clients: Mutex::new(LruCache::new(POOLS)) }
    }

    /// The client of a target.
    pub(super) fn of(&self, pool: &str, ca_cert: Option<&str>) -> Http {
        let key = (pool.to_owned(), ca_cert.map(str::to_owned));
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let trust = Arc::new(Trust::new(ca_cert));
            client(Connector::new(self.guard.clone(), Arc::clone(&self.resolver), trust))
        };
        clients.get_or_insert(key, make).clone()
    }
}

fn client(connector: Connector) -> Http {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE)
        .http1_max_buf_size(MAX_HEAD as usize)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .build(connector)
}
