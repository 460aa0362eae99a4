//! Error messages for the owner of a target. A URL may contain secrets, so that the messages contain its host only.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::connect_progress::{ConnectProgress, ConnectStage};
use super::error::{Failure, FailureClass};
use super::response_limit::BudgetExceeded;
use super::stream::ConnectionInfo;
use super::tls;

/// Maximum number of addresses or certificate names in a message.
const MAX_LISTED_NAMES: usize = 4;

/// Text of a request that the target has not processed, before the name of the HTTP/2 signal.
const UNPROCESSED: &str = "the target refused the request before processing it";

const CLOSED_EARLY: &str = "the connection was closed before the response was complete";

/// Describes an error of hyper.
pub(super) fn describe(error: &(dyn Error + 'static)) -> Failure {
    let exchange = |message: String| Failure::new(FailureClass::Exchange, message);
    let mut causes = Causes(Some(error));
    // The outer errors name a part of the HTTP client. The first cause of one of these types describes the failure.
    let described = causes.find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.clone());
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Some(describe_io(error));
        }
        if let Some(refusal) = cause.downcast_ref::<h2::Error>().and_then(refusal_name) {
            return Some(exchange(format!("{UNPROCESSED} (HTTP/2 {refusal})")));
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>().and_then(h2::Error::get_io) {
            return Some(describe_io(error));
        }
        let error = cause.downcast_ref::<hyper::Error>()?;
        // hyper cancels a request if the connection is closed before the request is sent.
        if error.is_incomplete_message() || error.is_canceled() {
            return Some(exchange(CLOSED_EARLY.to_owned()));
        }
        // hyper has a method for this question in its server only.
        if error.is_parse() && error.to_string().contains("too large") {
            return Some(exchange("the response has too many headers, or they are too large".to_owned()));
        }
        error.is_parse().then(|| exchange(format!("the response is not HTTP: {}", innermost(error))))
    });
    described.unwrap_or_else(|| {
        let reason = innermost(error).to_string();
        // The error of h2 is the same for headers that are too large.
        match reason.contains("detected: unspecific protocol error") {
            true => exchange("the response is not valid HTTP/2, or its headers are too large".to_owned()),
            false => exchange(format!("the exchange failed: {reason}")),
        }
    })
}

/// Returns whether the target has certainly not processed a request that failed with this error (RFC 9113, 8.7).
pub(super) fn is_unprocessed(error: &(dyn Error + 'static)) -> bool {
    Causes(Some(error)).any(|cause| cause.downcast_ref::<h2::Error>().and_then(refusal_name).is_some())
}

/// Returns the name of the HTTP/2 signal with which a server refuses a request that it has not processed. A `GOAWAY`
/// fails only the requests after the last one that the server processes. With an error code, sending them again would
/// repeat the error.
fn refusal_name(error: &h2::Error) -> Option<&'static str> {
    match error.reason() {
        Some(h2::Reason::REFUSED_STREAM) if error.is_remote() && error.is_reset() => Some("REFUSED_STREAM"),
        Some(h2::Reason::NO_ERROR) if error.is_remote() && error.is_go_away() => Some("GOAWAY"),
        _ => None,
    }
}

fn describe_io(error: &io::Error) -> Failure {
    let exchange = |message: String| Failure::new(FailureClass::Exchange, message);
    if BudgetExceeded::caused(error) {
        return exchange(error.to_string());
    }
    // With TLS 1.3, a target can reject the client after the client has completed the handshake.
    if let Some(tls) = rustls_error(error) {
        return Failure::new(FailureClass::Tls, describe_tls(tls));
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => exchange("the connection was reset".to_owned()),
        io::ErrorKind::UnexpectedEof => exchange(CLOSED_EARLY.to_owned()),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            exchange(format!("the response is not HTTP: {error}"))
        }
        _ => exchange(format!("the connection broke: {}", without_number(error))),
    }
}

/// An error and its causes, from the outermost to the innermost.
struct Causes<'a>(Option<&'a (dyn Error + 'static)>);

impl<'a> Iterator for Causes<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        self.0 = error.source();
        Some(error)
    }
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    Causes(Some(error)).last().unwrap_or(error)
}

/// Returns the text of a system error without its number, to be used in a sentence.
fn without_number(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut {
        return "timed out".to_owned();
    }
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Describes a DNS lookup that failed.
pub(super) fn lookup_failed(host: &str, error: &io::Error) -> Failure {
    let reason = without_number(error);
    let reason = reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason);
    Failure::new(FailureClass::Dns, format!("failed to resolve {host}: {reason}"))
}

/// Describes a host whose addresses are all forbidden. The message does not contain the addresses of a name: callers could
/// look up the names of an internal network with it. They are logged.
pub(super) fn forbidden(host: &str, found: &[IpAddr]) -> Failure {
    let message = match host.parse::<IpAddr>() {
        Ok(address) => format!("{address} is not a public address"),
        Err(_) => {
            tracing::warn!(host, ?found, "a name does not resolve to a public address");
            format!("{host} does not resolve to a public address")
        }
    };
    Failure::new(FailureClass::Forbidden, message)
}

/// Describes an `http` address in a deployment that requires `https`.
pub(super) fn https_required() -> Failure {
    Failure::new(FailureClass::Forbidden, "this deployment sends webhooks only to https addresses")
}

/// Describes connects that all failed.
pub(super) fn connect_failed(failed: &[(SocketAddr, io::Error)]) -> Failure {
    let each = failed.iter().map(|(address, error)| format!("{address}: {}", without_number(error)));
    Failure::new(FailureClass::Connect, format!("failed to connect to {}", each.collect::<Vec<_>>().join("; to ")))
}

/// Describes a TLS handshake that failed. `has_ca_cert` means that the target has its own trust anchors.
pub(super) fn handshake_failed(error: &io::Error, host: &str, has_ca_cert: bool) -> Failure {
    let message = match rustls_error(error) {
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("the certificate is not valid: {}", describe_certificate(error, host, has_ca_cert))
        }
        Some(rustls::Error::InvalidMessage(_)) => "the server does not support TLS".to_owned(),
        Some(error) => describe_tls(error),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => "the connection was closed during the TLS handshake".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "the connection was reset during the TLS handshake".to_owned()
            }
            _ => format!("the TLS handshake failed: {}", without_number(error)),
        },
    };
    Failure::new(FailureClass::Tls, message)
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn describe_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the target requires a client certificate, which is not supported".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the target supports neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the target does not serve a host of this name".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the target ended TLS with the alert {alert:?}"),
        rustls::Error::PeerIncompatible(reason) => {
            format!("no TLS version or cipher suite in common with the target: {reason:?}")
        }
        other => format!("TLS failed: {other}"),
    }
}

fn describe_certificate(error: &CertificateError, host: &str, has_ca_cert: bool) -> String {
    match error {
        error if tls::is_version_error(error) => {
            "of X.509 version 1, which is not supported: issue it again as version 3, with a subjectAltName".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not valid yet".to_owned(),
        CertificateError::NotValidForName => format!("wrong name: not issued for {host}"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(MAX_LISTED_NAMES).map(|name| bare_name(name));
            let names = names.collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "no name".to_owned() } else { names };
            format!("wrong name: issued for {names}, not for {host}")
        }
        // A bad signature means that the issuer has the name of a trusted CA, but another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature if has_ca_cert => {
            "unknown issuer: not signed by the target's ca_cert".to_owned()
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "unknown issuer: not signed by a trusted CA (set ca_cert for a private CA; the target must send \
             intermediate certificates)"
                .to_owned()
        }
        CertificateError::BadEncoding => "malformed".to_owned(),
        CertificateError::Revoked => "revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "not issued for servers".to_owned()
        }
        other if tls::is_ca_certificate_error(other) => {
            "a CA certificate, which a server may use only if it is the target's ca_cert".to_owned()
        }
        other => other.to_string(),
    }
}

/// Returns the name in rustls's notation `DnsName("example.com")`.
fn bare_name(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

/// Describes the phase in which the timeout passed.
pub(super) fn timed_out(
    timeout: Duration,
    progress: &ConnectProgress,
    connection: Option<&ConnectionInfo>,
    status: Option<u16>,
) -> Failure {
    let timings = progress.timings();
    let address = timings.address.map(|address| format!(" to {address}")).unwrap_or_default();
    let phase = match (connection, timings.stage) {
        (Some(_), _) if status.is_some() => "the response body did not end".to_owned(),
        // HTTP/2 connections receive bytes that belong to no response.
        (Some(connection), _) if connection.is_http2 => "connected, but received no response".to_owned(),
        (Some(connection), _) if connection.has_received() => {
            "connected, but the response headers did not end".to_owned()
        }
        (Some(_), _) => "connected, but received no byte".to_owned(),
        (None, ConnectStage::NotStarted) => "no connection was available".to_owned(),
        (None, ConnectStage::DnsLookup) => "the DNS lookup did not end".to_owned(),
        (None, ConnectStage::TcpConnect) => format!("connecting{address} did not end"),
        (None, ConnectStage::TlsHandshake) => "connected, but the TLS handshake did not end".to_owned(),
        (None, ConnectStage::Connected) => "connected, but could not send the request".to_owned(),
    };
    let message = format!("no complete response within {} s: {phase}", timeout.as_secs_f64());
    Failure::new(FailureClass::Timeout, message)
}
