//! An HTTP client that sends one POST request and reports exactly what happened.

mod body_prefix;
mod connect;
mod connect_progress;
mod error;
mod error_message;
mod exchange;
mod network;
mod pools;
mod response_limit;
mod stream;
mod tls;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Full;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::{Instant, timeout_at};

use crate::ssrf_guard::SsrfGuard;
use body_prefix::BodyPrefix;
use connect_progress::ConnectProgress;
pub(crate) use error::{Failure, FailureClass};
pub(crate) use exchange::{Exchange, Request};
use network::SystemNetwork;
pub use network::{Connect, Io, Lookup, Network};
use pools::{Http, MAX_IDLE_CONNECTIONS, Pools};
use response_limit::InterimLimit;
use stream::ConnectionInfo;

/// Maximum number of times that a request is sent again because the target has not processed it.
const MAX_UNPROCESSED_RESENDS: usize = 3;

/// Maximum number of times that a request is sent again because a pooled connection was closed.
const MAX_CLOSED_RESENDS: usize = MAX_IDLE_CONNECTIONS + 1;

/// Maximum length of an encoding in the text of a response, in characters.
const MAX_ENCODING_CHARS: usize = 40;

/// Headers that the connection sets. A target's custom headers of these names would contradict it.
const CONNECTION_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Posts requests to targets. Each target has its own pool of connections.
#[derive(Debug, Clone)]
pub struct Client {
    pools: Arc<Pools>,
}

impl Client {
    /// Creates a client that connects to addresses that `guard` allows.
    pub fn new(guard: SsrfGuard) -> Self {
        Self::with_network(guard, SystemNetwork)
    }

    /// Creates a client that uses another network than the operating system's.
    pub fn with_network(guard: SsrfGuard, network: impl Network) -> Self {
        Self { pools: Arc::new(Pools::new(guard, Arc::new(network))) }
    }

    /// Posts a request once. Redirects are not followed.
    ///
    /// A target may close a pooled connection at the moment in which it is reused. If no byte was received since, the
    /// request is sent again over the next pooled connection, and finally over a new one. A target that has read the
    /// request at that moment receives it twice, with the same id.
    ///
    /// A request that the target has refused without processing it is sent again immediately: an HTTP/2 server that shuts
    /// down or is replaced sends `GOAWAY` or `REFUSED_STREAM`.
    pub(crate) async fn post(&self, request: Request<'_>) -> Exchange {
        let started = Instant::now();
        let (mut unprocessed, mut closed) = (0, 0);
        loop {
            let (exchange, received_any) = self.post_once(request.clone(), started).await;
            let broke = exchange.failure.as_ref().is_some_and(|failure| failure.class == FailureClass::Exchange);
            let is_resent = if exchange.is_unprocessed {
                unprocessed += 1;
                unprocessed <= MAX_UNPROCESSED_RESENDS
            } else if broke && exchange.reused && exchange.status.is_none() && !received_any {
                closed += 1;
                closed <= MAX_CLOSED_RESENDS
            } else {
                false
            };
            if !is_resent {
                return exchange;
            }
        }
    }

    /// Posts a request over one connection. Also returns whether any byte was received.
    async fn post_once(&self, request: Request<'_>, started: Instant) -> (Exchange, bool) {
        let timeout = request.timeout;
        let progress = ConnectProgress::new(started, timeout);
        let http = self.pools.client(request.pool, request.ca_cert);
        let mut http_request = match to_http(request) {
            Ok(request) => request,
            Err(failure) => return (Exchange { failure: Some(failure), ..Exchange::default() }, false),
        };
        let captured = capture_connection(&mut http_request);
        let interim = InterimLimit::watch(&mut http_request);
        let (mut exchange, mut body) = (Exchange::default(), BodyPrefix::default());
        let sending = progress.track(send_request(http, http_request, started, &mut exchange, &mut body));
        let limited = async {
            tokio::select! {
                biased;
                failure = interim.exceeded() => Err(failure),
                sent = sending => sent,
            }
        };
        let outcome = timeout_at(progress.deadline(), limited).await;
        let connection = ConnectionInfo::of(&captured);
        exchange.record_connection(&progress, connection.as_ref());
        exchange.response_text = exchange.status.map(|_| response_text(&body, &exchange.headers));
        exchange.failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(failure)) if failure.class != FailureClass::Timeout => Some(failure),
            // The connector has the same deadline, but its error does not describe the earlier phases.
            _ => Some(error_message::timed_out(timeout, &progress, connection.as_ref(), exchange.status)),
        };
        if let (Some(failure), Some(status)) = (&mut exchange.failure, exchange.status) {
            failure.message = format!("answered {status}, then {}", failure.message);
        }
        if exchange.failure.is_some() || body.is_cut {
            discard_connection(&captured);
        } else if let Some(connection) = &connection {
            connection.budget.restore();
        }
        exchange.phases.total = started.elapsed();
        (exchange, connection.is_some_and(|connection| connection.has_received()))
    }
}

/// Loads the root certificates of this machine, so that the first attempt does not wait for that. Without them, every
/// attempt reports the error.
pub(crate) fn load_root_certificates() {
    let _ = tls::native_roots();
}

/// Returns the text of a body; a note if the body is compressed. Requests do not accept compression.
fn response_text(body: &BodyPrefix, headers: &HeaderMap) -> String {
    match headers.get(header::CONTENT_ENCODING).map(|encoding| String::from_utf8_lossy(encoding.as_bytes())) {
        Some(encoding) if !encoding.trim().is_empty() && !encoding.eq_ignore_ascii_case("identity") => {
            let encoding: String = encoding.chars().take(MAX_ENCODING_CHARS).collect();
            format!("(a response body with Content-Encoding: {encoding}, which the request did not accept)")
        }
        _ => body.text(),
    }
}

/// Removes a connection from its pool. HTTP/2 would otherwise keep using a connection that is dead.
fn discard_connection(captured: &CaptureConnection) {
    if let Some(connected) = &*captured.connection_metadata() {
        connected.poison();
    }
}

impl Exchange {
    /// Records the connection of the request, or the progress of connecting if there is no connection.
    fn record_connection(&mut self, progress: &ConnectProgress, connection: Option<&ConnectionInfo>) {
        let timings = match connection {
            Some(connection) => connection.timings,
            None => progress.timings(),
        };
        self.address = timings.address;
        self.reused = connection.is_some_and(|connection| connection.opened_for != progress.id());
        if !self.reused {
            (self.phases.dns, self.phases.connect, self.phases.tls) = (timings.dns, timings.connect, timings.tls);
        }
    }
}

fn to_http(request: Request<'_>) -> Result<http::Request<Full<Bytes>>, Failure> {
    let invalid = |reason: &str| Failure::new(FailureClass::Exchange, format!("invalid URL: {reason}"));
    let mut url = request.url.clone();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("the scheme is neither http nor https"));
    }
    // HTTP/2 would send user name and password, HTTP/1.1 would not. The fragment is for browsers.
    let (_, _) = (url.set_username(""), url.set_password(None));
    url.set_fragment(None);
    let length = HeaderValue::from(request.body.len());
    let built = http::Request::builder().method(Method::POST).uri(url.as_str()).body(Full::new(request.body));
    let mut built =
        built.map_err(|_| invalid("it contains characters that must be percent-encoded, or is too long"))?;
    *built.headers_mut() = request.headers;
    for name in CONNECTION_HEADERS {
        built.headers_mut().remove(name);
    }
    // hyper omits the length of an empty body, and some targets then wait for a body.
    built.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(built)
}

/// Sends a request and reads the response. Each part is recorded as it arrives, because the timeout may pass at any
/// await.
async fn send_request(
    http: Http,
    request: http::Request<Full<Bytes>>,
    started: Instant,
    exchange: &mut Exchange,
    body: &mut BodyPrefix,
) -> Result<(), Failure> {
    let response = http.request(request).await.map_err(|error| {
        exchange.is_unprocessed = error_message::is_unprocessed(&error);
        error_message::describe(&error)
    })?;
    exchange.phases.first_byte = Some(started.elapsed());
    let (head, incoming) = response.into_parts();
    (exchange.status, exchange.version) = (Some(head.status.as_u16()), Some(head.version));
    exchange.headers = head.headers;
    body.read(incoming).await.map_err(|error| error_message::describe(&error))
}

#[cfg(test)]
mod tests;
