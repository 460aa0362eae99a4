//! DNS lookups.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// A DNS lookup in progress.
pub(super) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves host names. Tests replace it.
pub(super) trait Resolver: Send + Sync + 'static {
    /// Resolves a host name.
    fn resolve(&self, host: &str) -> Lookup;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}
