//! Opening connections: DNS lookup, SSRF check, TCP connect and TLS handshake, each with its duration.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::connect_progress::{ConnectProgress, ConnectStage, ConnectTimings};
use super::error::{Failure, FailureClass};
use super::error_message;
use super::network::{Io, Network};
use super::stream::{ConnectionInfo, Stream};
use super::tls::TlsTrust;
use crate::ssrf_guard::SsrfGuard;

/// Maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Opens connections for one target.
#[derive(Clone)]
pub(super) struct Connector {
    guard: SsrfGuard,
    network: Arc<dyn Network>,
    trust: Arc<TlsTrust>,
}

impl Connector {
    pub(super) fn new(guard: SsrfGuard, network: Arc<dyn Network>, trust: Arc<TlsTrust>) -> Self {
        Self { guard, network, trust }
    }

    async fn connect(self, uri: Uri, progress: &ConnectProgress) -> Result<TokioIo<Stream>, Failure> {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_https = uri.scheme_str() == Some("https");
        if !is_https && self.guard.requires_https() {
            return Err(error_message::https_required());
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let config = match is_https {
            true => Some(self.trust.config().map_err(|reason| Failure::new(FailureClass::Tls, reason))?),
            false => None,
        };
        let mut connecting = Connecting { progress, timings: ConnectTimings::default() };
        let addresses = connecting.resolve_allowed(&self.guard, &*self.network, host).await?;
        let tcp = connecting.connect_tcp(&*self.network, &addresses, port).await?;
        let Some(config) = config else { return Ok(connecting.connected(tcp, false)) };
        let tls = connecting.shake_hands(tcp, config, host, self.trust.has_ca_cert()).await?;
        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(connecting.connected(tls, is_http2))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // The task-local progress is read here, in the task of the request. If another connection serves the request
        // meanwhile, this one continues in a task of its own, which only the deadline ends.
        let (connector, progress) = (self.clone(), ConnectProgress::current());
        Box::pin(async move {
            let timed_out = |_| Failure::new(FailureClass::Timeout, "connecting did not end");
            timeout_at(progress.deadline(), connector.connect(uri, &progress)).await.map_err(timed_out)?
        })
    }
}

/// A connection that is being opened.
struct Connecting<'a> {
    progress: &'a ConnectProgress,
    timings: ConnectTimings,
}

impl Connecting<'_> {
    fn record(&mut self, change: impl FnOnce(&mut ConnectTimings)) {
        change(&mut self.timings);
        self.progress.record(self.timings);
    }

    /// Resolves a host and returns its allowed addresses. The connection uses these addresses without another lookup,
    /// which prevents DNS rebinding.
    async fn resolve_allowed(
        &mut self,
        guard: &SsrfGuard,
        network: &dyn Network,
        host: &str,
    ) -> Result<Vec<IpAddr>, Failure> {
        let started = Instant::now();
        self.record(|timings| timings.stage = ConnectStage::DnsLookup);
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => network.resolve(host).await.map_err(|error| error_message::lookup_failed(host, &error))?,
        };
        self.record(|timings| timings.dns = Some(started.elapsed()));
        if found.is_empty() {
            return Err(Failure::new(FailureClass::Dns, format!("{host} has no address")));
        }
        let allowed: Vec<IpAddr> =
            found.iter().filter(|address| guard.allows(**address)).map(IpAddr::to_canonical).collect();
        if allowed.is_empty() { Err(error_message::forbidden(host, &found)) } else { Ok(alternate_families(&allowed)) }
    }

    /// Connects to the first address that answers. Each address has an equal share of the remaining time.
    async fn connect_tcp(
        &mut self,
        network: &dyn Network,
        addresses: &[IpAddr],
        port: u16,
    ) -> Result<Box<dyn Io>, Failure> {
        let started = Instant::now();
        let mut failed = Vec::new();
        for (number, address) in (0..).zip(addresses) {
            let address = SocketAddr::new(*address, port);
            self.record(|timings| (timings.stage, timings.address) = (ConnectStage::TcpConnect, Some(address)));
            let remaining = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_sub(number);
            let connected = match remaining {
                // The request's deadline ends it.
                ..=1 => network.connect(address).await,
                _ => with_time_share(self.progress.deadline(), remaining, network.connect(address)).await,
            };
            match connected {
                Ok(tcp) => {
                    self.record(|timings| timings.connect = Some(started.elapsed()));
                    return Ok(tcp);
                }
                Err(error) => failed.push((address, error)),
            }
        }
        Err(error_message::connect_failed(&failed))
    }

    async fn shake_hands(
        &mut self,
        tcp: Box<dyn Io>,
        config: Arc<ClientConfig>,
        host: &str,
        has_ca_cert: bool,
    ) -> Result<TlsStream<Box<dyn Io>>, Failure> {
        let started = Instant::now();
        self.record(|timings| timings.stage = ConnectStage::TlsHandshake);
        // Names in certificates have no trailing dot.
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
            .map_err(|_| Failure::new(FailureClass::Tls, format!("{host} is not a valid certificate name")))?;
        let tls = TlsConnector::from(config).connect(name, tcp).await;
        let tls = tls.map_err(|error| error_message::handshake_failed(&error, host, has_ca_cert))?;
        self.record(|timings| timings.tls = Some(started.elapsed()));
        Ok(tls)
    }

    fn connected(mut self, io: impl Io + 'static, is_http2: bool) -> TokioIo<Stream> {
        self.record(|timings| timings.stage = ConnectStage::Connected);
        TokioIo::new(Stream::new(io, ConnectionInfo::new(self.progress.id(), self.timings, is_http2)))
    }
}

/// Runs an operation with one of `shares` equal shares of the time until the deadline.
async fn with_time_share<T>(
    deadline: Instant,
    shares: u32,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let now = Instant::now();
    let end = now + deadline.saturating_duration_since(now) / shares;
    timeout_at(end, operation).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Returns the addresses with IPv4 and IPv6 alternating, because one of the families may not work at all.
fn alternate_families(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let starts_with_ipv6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let is_first = |address: &IpAddr| address.is_ipv6() == starts_with_ipv6;
    let (first, second): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(is_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let pairs = std::iter::from_fn(|| match (first.next(), second.next()) {
        (None, None) => None,
        (one, other) => Some(one.into_iter().chain(other)),
    });
    pairs.flatten().take(MAX_ADDRESSES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_families_alternate() {
        let order = |text: &str| {
            let addresses: Vec<IpAddr> = text.split(' ').map(|address| address.parse().unwrap()).collect();
            alternate_families(&addresses).iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("::1 ::2 ::3 1.1.1.1 1.1.1.2"), "::1 1.1.1.1 ::2 1.1.1.2 ::3");
        assert_eq!(order("1.1.1.1 ::1 ::2"), "1.1.1.1 ::1 ::2");
        assert_eq!(order("1.1.1.1"), "1.1.1.1");
        assert_eq!(order(&["::1"; 20].join(" ")), ["::1"; MAX_ADDRESSES].join(" "));
    }
}
