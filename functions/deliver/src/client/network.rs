//! The network that the client uses: DNS lookups and TCP connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A byte stream.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A DNS lookup in progress.
pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// A connection attempt in progress.
pub type Connect = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// A network. Tests replace parts of it.
pub trait Network: Send + Sync + 'static {
    /// Resolves a host name.
    fn resolve(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }

    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> Connect {
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            // Otherwise small requests wait for more data. A failure to set the option only costs time.
            drop(tcp.set_nodelay(true));
            Ok(Box::new(tcp) as Box<dyn Io>)
        })
    }
}

/// The network of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SystemNetwork;

impl Network for SystemNetwork {}
