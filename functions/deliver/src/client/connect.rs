//! Connecting: looking the name up, dialling an address that was vetted, and TLS; each with its time.

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
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::attempt::{Attempt, Known, Stage};
use super::stream::{Link, Stream};
use super::tls::Trust;
use super::{Failure, FailureClass, words};
use crate::address::{Guard, Resolve};

/// How many of a name's addresses are dialled.
const MOST_ADDRESSES: usize = 8;

/// Makes connections for one target.
#[derive(Clone)]
pub(super) struct Connector {
    guard: Guard,
    resolver: Arc<dyn Resolve>,
    trust: Arc<Trust>,
}

impl Connector {
    pub(super) fn new(guard: Guard, resolver: Arc<dyn Resolve>, trust: Arc<Trust>) -> Self {
        Self { guard, resolver, trust }
    }

    async fn connect(self, uri: Uri, attempt: &Attempt) -> Result<TokioIo<Stream>, Failure> {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let config = match secure {
            true => Some(self.trust.config().map_err(|why| Failure::new(FailureClass::Tls, why))?),
            false => None,
        };
        let mut making = Making { attempt, known: Known::default() };
        let addresses = making.vetted(&self.guard, &*self.resolver, host).await?;
        let tcp = making.dial(&addresses, port).await?;
        let Some(config) = config else { return Ok(making.connected(tcp, false)) };
        let tls = making.secure(tcp, config, host, self.trust.is_private()).await?;
        let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(making.connected(tls, http2))
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
        // Asked for here, in the task of the attempt: where that is served by another connection meanwhile, this one
        // is made to the end in a task of its own, and the deadline is all that ends it.
        let (connector, attempt) = (self.clone(), Attempt::current());
        Box::pin(async move {
            let late = |_| Failure::new(FailureClass::Timeout, "connecting did not end");
            timeout_at(attempt.deadline(), connector.connect(uri, &attempt)).await.map_err(late)?
        })
    }
}

/// A connection that is being made.
struct Making<'a> {
    attempt: &'a Attempt,
    known: Known,
}

impl Making<'_> {
    fn note(&mut self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known);
        self.attempt.note(self.known);
    }

    /// The addresses of a host that may be dialled. The connection is made to what was checked, so a name that
    /// changes between two look-ups gains nothing.
    async fn vetted(&mut self, guard: &Guard, resolver: &dyn Resolve, host: &str) -> Result<Vec<IpAddr>, Failure> {
        let started = Instant::now();
        self.note(|known| known.stage = Stage::LookingUp);
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => resolver.look_up(host).await.map_err(|error| words::not_found(host, &error))?,
        };
        self.note(|known| known.dns = Some(started.elapsed()));
        if found.is_empty() {
            return Err(Failure::new(FailureClass::Dns, format!("{host} has no address")));
        }
        let allowed: Vec<IpAddr> =
            found.iter().filter(|address| guard.allows(**address)).map(IpAddr::to_canonical).collect();
        if allowed.is_empty() { Err(words::forbidden(host, &found)) } else { Ok(in_turn(&allowed)) }
    }

    /// Dials one address after the other, until one answers; each has an equal share of the time that is left.
    async fn dial(&mut self, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
        let started = Instant::now();
        let mut failed = Vec::new();
        for (number, address) in (0..).zip(addresses) {
            let address = SocketAddr::new(*address, port);
            self.note(|known| (known.stage, known.address) = (Stage::Dialling, Some(address)));
            let left = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_sub(number);
            let connected = match left {
                // The deadline is the attempt's own.
                ..=1 => TcpStream::connect(address).await,
                _ => at_most(self.attempt.deadline(), left, TcpStream::connect(address)).await,
            };
            match connected {
                Ok(tcp) => {
                    self.note(|known| known.connect = Some(started.elapsed()));
                    // Without it, small requests wait for more to send. Where it cannot be had, they are late.
                    drop(tcp.set_nodelay(true));
                    return Ok(tcp);
                }
                Err(error) => failed.push((address, error)),
            }
        }
        Err(words::not_connected(&failed))
    }

    async fn secure(
        &mut self,
        tcp: TcpStream,
        config: Arc<ClientConfig>,
        host: &str,
        private: bool,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let started = Instant::now();
        self.note(|known| known.stage = Stage::ShakingHands);
        // Names in certificates end without a dot.
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
            .map_err(|_| Failure::new(FailureClass::Tls, format!("{host} is no name that a certificate can have")))?;
        let tls = TlsConnector::from(config).connect(name, tcp).await;
        let tls = tls.map_err(|error| words::no_handshake(&error, host, private))?;
        self.note(|known| known.tls = Some(started.elapsed()));
        Ok(tls)
    }

    fn connected(mut self, io: impl super::stream::Io + 'static, http2: bool) -> TokioIo<Stream> {
        self.note(|known| known.stage = Stage::Connected);
        TokioIo::new(Stream::new(io, Link::new(self.attempt.number(), self.known, http2)))
    }
}

/// Gives something its share of the time that is left, where several are to have as much.
async fn at_most<T>(deadline: Instant, several: u32, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let now = Instant::now();
    let share = now + deadline.saturating_duration_since(now) / several;
    timeout_at(share, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Addresses in the order in which they are dialled: both families in turn, as one of them may not work here at all.
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (ours, others): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(|address| address.is_ipv6() == first);
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    let pairs = std::iter::from_fn(|| match (ours.next(), others.next()) {
        (None, None) => None,
        (one, other) => Some(one.into_iter().chain(other)),
    });
    pairs.flatten().take(MOST_ADDRESSES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let order = |text: &str| {
            let addresses: Vec<IpAddr> = text.split(' ').map(|address| address.parse().unwrap()).collect();
            in_turn(&addresses).iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("::1 ::2 ::3 1.1.1.1 1.1.1.2"), "::1 1.1.1.1 ::2 1.1.1.2 ::3");
        assert_eq!(order("1.1.1.1 ::1 ::2"), "1.1.1.1 ::1 ::2");
        assert_eq!(order("1.1.1.1"), "1.1.1.1");
        assert_eq!(order(&["::1"; 20].join(" ")), ["::1"; MOST_ADDRESSES].join(" "));
    }
}
