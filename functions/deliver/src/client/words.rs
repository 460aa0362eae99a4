//! What went wrong, for the person who runs the target. What the target's URL may hide is never in it: of that, only
//! the host is named.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::attempt::{Attempt, Stage};
use super::stream::Link;
use super::{Failure, FailureClass};

/// How many of a name's addresses are told.
const TOLD: usize = 4;

const CLOSED_EARLY: &str = "the connection was closed before the answer was complete";

/// A request or an answer that broke off.
pub(super) fn of(error: &(dyn Error + 'static)) -> Failure {
    let failed = |message: String| Failure::new(FailureClass::Exchange, message);
    let mut causes = Causes(Some(error));
    // The outer errors say where in the client; the first that is one of these says what happened.
    let told = causes.find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.clone());
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Some(of_io(error));
        }
        let error = cause.downcast_ref::<hyper::Error>()?;
        // A connection that is closed before the request is on its way is not ready for it: hyper cancels that.
        if error.is_incomplete_message() || error.is_canceled() {
            return Some(failed(CLOSED_EARLY.to_owned()));
        }
        // hyper has a question for this only where it is built for servers.
        if error.is_parse() && error.to_string().contains("too large") {
            return Some(failed("the answer's headers are too many or too large".to_owned()));
        }
        error.is_parse().then(|| failed(format!("the answer is not HTTP: {}", innermost(error))))
    });
    told.unwrap_or_else(|| {
        let why = innermost(error).to_string();
        // All that is said of headers over the bound, too.
        match why.contains("detected: unspecific protocol error") {
            true => failed("the answer is not HTTP/2 as it should be, or its headers are too large".to_owned()),
            false => failed(format!("the exchange failed: {why}")),
        }
    })
}

fn of_io(error: &io::Error) -> Failure {
    let failed = |message: String| Failure::new(FailureClass::Exchange, message);
    // With TLS 1.3, a target can refuse us when the handshake is over for our side.
    if let Some(tls) = of_rustls(error) {
        return Failure::new(FailureClass::Tls, broken_tls(tls));
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => failed("the connection was reset".to_owned()),
        io::ErrorKind::UnexpectedEof => failed(CLOSED_EARLY.to_owned()),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => failed(format!("the answer is not HTTP: {error}")),
        _ => failed(format!("the connection broke: {}", plain(error))),
    }
}

/// An error and what caused it, from the outside in.
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

/// A system's error without its number, as part of a sentence.
fn plain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut {
        return "no answer in time".to_owned();
    }
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// A name that could not be looked up.
pub(super) fn not_found(host: &str, error: &io::Error) -> Failure {
    let why = plain(error);
    let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
    Failure::new(FailureClass::Dns, format!("{host} cannot be looked up: {why}"))
}

/// A host all of whose addresses are out of bounds.
pub(super) fn forbidden(host: &str, found: &[IpAddr]) -> Failure {
    let mut told: Vec<String> = found.iter().take(TOLD).map(IpAddr::to_string).collect();
    if found.len() > TOLD {
        told.push("…".to_owned());
    }
    let message = match host.parse::<IpAddr>() {
        Ok(address) => format!("{address} may not be dialled"),
        Err(_) => format!("{host} resolves to {}, which may not be dialled", told.join(", ")),
    };
    Failure::new(FailureClass::Forbidden, message)
}

/// Nobody answered, at any of these.
pub(super) fn not_connected(failed: &[(SocketAddr, io::Error)]) -> Failure {
    let each: Vec<String> = failed.iter().map(|(address, error)| format!("to {address}: {}", plain(error))).collect();
    Failure::new(FailureClass::Connect, format!("cannot connect {}", each.join("; ")))
}

/// The handshake failed.
pub(super) fn no_handshake(error: &io::Error, host: &str, private: bool) -> Failure {
    let message = match of_rustls(error) {
        Some(rustls::Error::InvalidCertificate(wrong)) => {
            format!("the certificate is not valid: {}", certificate(wrong, host, private))
        }
        Some(rustls::Error::InvalidMessage(_)) => "what answers there does not speak TLS".to_owned(),
        Some(error) => broken_tls(error),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => "the connection was closed during the TLS handshake".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "the connection was reset during the TLS handshake".to_owned()
            }
            _ => format!("the TLS handshake failed: {}", plain(error)),
        },
    };
    Failure::new(FailureClass::Tls, message)
}

fn of_rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn broken_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the target asks for a client certificate, and there is none".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the target speaks neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the target knows no host of that name".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the target broke TLS off, with the alert {alert:?}"),
        rustls::Error::PeerIncompatible(why) => format!("the target speaks no TLS that is spoken here: {why:?}"),
        other => format!("TLS failed: {other}"),
    }
}

fn certificate(wrong: &CertificateError, host: &str, private: bool) -> String {
    use CertificateError as Wrong;
    match wrong {
        Wrong::Expired | Wrong::ExpiredContext { .. } => "expired".to_owned(),
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => "not valid yet".to_owned(),
        Wrong::NotValidForName => format!("issued for another name than {host}"),
        Wrong::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(TOLD).map(|name| bare(name)).collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "no name".to_owned() } else { names };
            format!("wrong name: issued for {names}, not for {host}")
        }
        // The latter where the issuer has the name of one who is trusted, but another key.
        Wrong::UnknownIssuer | Wrong::BadSignature if private => {
            "unknown issuer: not signed by the target's ca_cert".to_owned()
        }
        Wrong::UnknownIssuer | Wrong::BadSignature => {
            "unknown issuer: signed by nobody who is trusted here (the target's ca_cert can name a private CA, and the \
             target must send intermediate certificates along)"
                .to_owned()
        }
        Wrong::BadEncoding => "it cannot be read".to_owned(),
        Wrong::Revoked => "revoked".to_owned(),
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => "not issued for servers".to_owned(),
        other if super::tls::is_of_authority(other) => {
            "it is a CA's own, which a server may have only where the target's ca_cert names it".to_owned()
        }
        other => other.to_string(),
    }
}

/// `DnsName("example.com")` as it is in the certificate.
fn bare(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

/// Time ran out; where?
pub(super) fn timed_out(timeout: Duration, attempt: &Attempt, link: Option<&Link>, status: Option<u16>) -> Failure {
    let known = attempt.known();
    let at = known.address.map(|address| format!(" to {address}")).unwrap_or_default();
    let phase = match (link, known.stage) {
        (Some(_), _) if status.is_some() => "the answer's body did not end".to_owned(),
        // An HTTP/2 connection is heard of without an answer.
        (Some(link), _) if link.http2 => "connected, but no answer came".to_owned(),
        (Some(link), _) if link.heard() => "connected, but the answer's headers did not end".to_owned(),
        (Some(_), _) => "connected, but no byte came".to_owned(),
        (None, Stage::NotBegun) => "no connection was free".to_owned(),
        (None, Stage::LookingUp) => "the look-up of the name did not end".to_owned(),
        (None, Stage::Dialling) => format!("connecting{at} did not end"),
        (None, Stage::ShakingHands) => "connected, but the TLS handshake did not end".to_owned(),
        (None, Stage::Connected) => "connected, but nothing could be sent".to_owned(),
    };
    let message = format!("no complete answer within {} s: {phase}", timeout.as_secs_f64());
    Failure::new(FailureClass::Timeout, message)
}
