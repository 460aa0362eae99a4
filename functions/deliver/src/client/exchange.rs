//! The request and the result of an exchange.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version};
use url::Url;

use super::error::Failure;

/// A POST request.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// Connection pool: the name of the target.
    pub(crate) pool: &'a str,
    /// URL of the target. User information and fragment are not sent.
    pub(crate) url: &'a Url,
    /// Headers. Hop-by-hop headers and `Content-Length` are replaced.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// Timeout of the whole exchange, from the DNS lookup to the end of the response.
    pub(crate) timeout: Duration,
    /// CA certificates in PEM format that replace the public trust anchors.
    pub(crate) ca_cert: Option<&'a str>,
}

/// The result of an exchange.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Status of the response.
    pub(crate) status: Option<u16>,
    /// HTTP version of the response.
    pub(crate) version: Option<Version>,
    /// Beginning of the response body, as text. It ends early if the connection broke.
    pub(crate) response_text: Option<String>,
    /// Headers of the response.
    pub(crate) headers: HeaderMap,
    /// Address of the connection.
    pub(crate) address: Option<SocketAddr>,
    /// `true` if the target has certainly not processed the request, so that it can be sent again (RFC 9113, 8.7).
    pub(crate) is_unprocessed: bool,
    /// `true` if the connection had been opened for an earlier exchange.
    pub(crate) reused: bool,
    /// Durations of the phases.
    pub(crate) phases: PhaseTimes,
    /// Failure; `None` if the response is complete.
    pub(crate) failure: Option<Failure>,
}

/// The durations of the phases that have ended. A reused connection has no DNS, connect or TLS phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PhaseTimes {
    /// Duration of the DNS lookup.
    pub(crate) dns: Option<Duration>,
    /// Duration of the TCP connect, over all addresses.
    pub(crate) connect: Option<Duration>,
    /// Duration of the TLS handshake.
    pub(crate) tls: Option<Duration>,
    /// Time from the start of the exchange to the headers of the response.
    pub(crate) first_byte: Option<Duration>,
    /// Duration of the whole exchange.
    pub(crate) total: Duration,
}
