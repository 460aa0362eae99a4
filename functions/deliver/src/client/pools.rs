//! Connection pools, one per target: the trust anchors of one target must not apply to another.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lru::LruCache;

use super::connect::Connector;
use super::network::Network;
use super::tls::TlsTrust;
use crate::ssrf_guard::SsrfGuard;

/// Maximum number of pools.
const MAX_POOLS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Time after which an idle connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum number of idle connections per target.
pub(super) const MAX_IDLE_CONNECTIONS: usize = 16;

/// Maximum size of the response headers, in bytes.
const MAX_RESPONSE_HEADER_BYTES: u32 = 64 * 1024;

/// HTTP/2 flow control windows, in bytes: the maximum that is read of one response, and of several responses on a
/// shared connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;

pub(super) type Http = Client<Connector, Full<Bytes>>;

/// The name of a target, and its trust anchors.
type PoolKey = (String, Option<String>);

/// The connection pools of all targets.
pub(super) struct Pools {
    guard: SsrfGuard,
    network: Arc<dyn Network>,
    clients: Mutex<LruCache<PoolKey, Http>>,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Pools {
    pub(super) fn new(guard: SsrfGuard, network: Arc<dyn Network>) -> Self {
        Self { guard, network, clients: Mutex::new(LruCache::new(MAX_POOLS)) }
    }

    /// Returns the HTTP client with the pool of a target.
    pub(super) fn client(&self, pool: &str, ca_cert: Option<&str>) -> Http {
        let key = (pool.to_owned(), ca_cert.map(str::to_owned));
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let trust = Arc::new(TlsTrust::new(ca_cert));
            build_client(Connector::new(self.guard.clone(), Arc::clone(&self.network), trust))
        };
        clients.get_or_insert(key, build).clone()
    }
}

fn build_client(connector: Connector) -> Http {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .http1_max_buf_size(MAX_RESPONSE_HEADER_BYTES as usize)
        .http2_max_header_list_size(MAX_RESPONSE_HEADER_BYTES)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .build(connector)
}
