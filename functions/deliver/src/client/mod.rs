//! One exchange with a target: a POST, and exactly what happened.

mod attempt;
mod connect;
mod pools;
mod stream;
mod tls;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::address::{Guard, Resolve, System};
use attempt::Attempt;
use pools::{Http, MOST_IDLE, Pools};
use stream::Link;

/// The most of an answer that is read; with more, the exchange ends as if it were complete.
const MAX_ANSWER: usize = 64 * 1024;

/// How much of an answer is kept.
const KEPT_ANSWER: usize = 1024;

/// What only the connection may say: a caller's own would contradict it.
const FRAMING: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What posts to targets. Connections are kept for each target by itself.
#[derive(Debug, Clone)]
pub struct Client {
    pools: Arc<Pools>,
}

/// What is posted.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// Whose connections are used: a target's name.
    pub(crate) pool: &'a str,
    /// Where to. User information in it is not sent.
    pub(crate) url: &'a Url,
    /// Of the request; what frames its body is added, and a caller's own taken out.
    pub(crate) headers: HeaderMap,
    /// Of the request.
    pub(crate) body: Bytes,
    /// For everything together, from the look-up of the name to the end of the answer.
    pub(crate) timeout: Duration,
    /// What the target's certificate must be signed by, in PEM, instead of what everybody trusts.
    pub(crate) ca_cert: Option<&'a str>,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The answer's status.
    pub(crate) status: Option<u16>,
    /// The answer's version of HTTP.
    pub(crate) version: Option<Version>,
    /// The beginning of the answer's body, as text; as much as came, where it broke off.
    pub(crate) answer: Option<String>,
    /// The answer's headers.
    pub(crate) headers: HeaderMap,
    /// The address that was dialled.
    pub(crate) address: Option<SocketAddr>,
    /// Whether the connection was there already, made for another exchange.
    pub(crate) reused: bool,
    /// How long each phase took.
    pub(crate) phases: Phases,
    /// Why there is no complete answer.
    pub(crate) failure: Option<Failure>,
}

/// How long each phase took, of those that ended. A connection that was there already has none of the first three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    /// Looking the name up.
    pub(crate) dns: Option<Duration>,
    /// Dialling, all addresses together.
    pub(crate) connect: Option<Duration>,
    /// The TLS handshake.
    pub(crate) tls: Option<Duration>,
    /// From the beginning of the exchange to the answer's head.
    pub(crate) first_byte: Option<Duration>,
    /// From the beginning of the exchange to its end.
    pub(crate) total: Duration,
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What kind of failure it was.
    pub(crate) class: FailureClass,
    /// In words, for the person who runs the target.
    pub(crate) message: String,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// The name could not be looked up.
    Dns,
    /// The address may not be dialled.
    Forbidden,
    /// Nobody answered there.
    Connect,
    /// The handshake failed, or the certificate is not trusted.
    Tls,
    /// Time ran out.
    Timeout,
    /// The connection broke, or what came was not HTTP.
    Exchange,
}

impl Failure {
    fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Client {
    /// A client that dials what `guard` allows.
    pub fn new(guard: Guard) -> Self {
        Self::with_resolver(guard, System)
    }

    /// The same, which looks names up in its own way.
    pub(crate) fn with_resolver(guard: Guard, resolver: impl Resolve) -> Self {
        Self { pools: Arc::new(Pools::new(guard, Arc::new(resolver))) }
    }

    /// Posts, once. Nothing is followed.
    ///
    /// A connection that was kept may be closed by its target in the very moment in which it is used: where nothing was
    /// heard over it, that is no answer, and the next one is taken, a new one in the end. Should the target have read
    /// the request in that moment, it gets it twice, under one id.
    pub(crate) async fn post(&self, request: Request<'_>) -> Exchange {
        let started = Instant::now();
        for _ in 0..=MOST_IDLE {
            let (exchange, heard) = self.post_from(request.clone(), started).await;
            let broke = exchange.failure.as_ref().is_some_and(|failure| failure.class == FailureClass::Exchange);
            if !(broke && exchange.reused && exchange.status.is_none() && !heard) {
                return exchange;
            }
        }
        self.post_from(request, started).await.0
    }

    /// The exchange over one connection, and whether anything was heard over it.
    async fn post_from(&self, request: Request<'_>, started: Instant) -> (Exchange, bool) {
        let timeout = request.timeout;
        let attempt = Attempt::new(started, timeout);
        let http = self.pools.of(request.pool, request.ca_cert);
        let mut posted = match to_http(request) {
            Ok(posted) => posted,
            Err(failure) => return (Exchange { failure: Some(failure), ..Exchange::default() }, false),
        };
        let captured = capture_connection(&mut posted);
        let (mut exchange, mut body) = (Exchange::default(), Kept::default());
        let talk = attempt.follow(talk(http, posted, started, &mut exchange, &mut body));
        let outcome = timeout_at(attempt.deadline(), talk).await;
        let link = Link::of(&captured);
        exchange.tell_of_connection(&attempt, link.as_ref());
        exchange.answer = exchange.status.map(|_| body.text());
        exchange.failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(failure)) if failure.class != FailureClass::Timeout => Some(failure),
            // The connector keeps to the same deadline, but knows less of what came before it.
            _ => Some(words::timed_out(timeout, &attempt, link.as_ref(), exchange.status)),
        };
        if let (Some(failure), Some(status)) = (&mut exchange.failure, exchange.status) {
            failure.message = format!("answered {status}, then {}", failure.message);
        }
        if exchange.failure.is_some() || body.cut {
            abandon(&captured);
        }
        exchange.phases.total = started.elapsed();
        (exchange, link.is_some_and(|link| link.heard()))
    }
}

/// Takes a connection out of its pool: HTTP/2 would go on with one that is dead, and no answer tells that it is.
fn abandon(captured: &CaptureConnection) {
    if let Some(connected) = &*captured.connection_metadata() {
        connected.poison();
    }
}

impl Exchange {
    /// Of the connection that the request went over; where there is none, of what was tried to get one.
    fn tell_of_connection(&mut self, attempt: &Attempt, link: Option<&Link>) {
        let known = match link {
            Some(link) => link.known,
            None => attempt.known(),
        };
        self.address = known.address;
        self.reused = link.is_some_and(|link| link.attempt != attempt.number());
        if !self.reused {
            (self.phases.dns, self.phases.connect, self.phases.tls) = (known.dns, known.connect, known.tls);
        }
    }
}

fn to_http(request: Request<'_>) -> Result<http::Request<Full<Bytes>>, Failure> {
    let unusable = |why: &str| Failure::new(FailureClass::Exchange, format!("the URL cannot be posted to: {why}"));
    let mut url = request.url.clone();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable("it is neither http nor https"));
    }
    // HTTP/2 would send the first two along, HTTP/1.1 would not; the last is for browsers.
    let (_, _) = (url.set_username(""), url.set_password(None));
    url.set_fragment(None);
    let length = HeaderValue::from(request.body.len());
    let built = http::Request::builder().method(Method::POST).uri(url.as_str()).body(Full::new(request.body));
    let mut built = built.map_err(|_| unusable("it holds characters that must be percent-encoded, or is too long"))?;
    *built.headers_mut() = request.headers;
    for name in FRAMING {
        built.headers_mut().remove(name);
    }
    // Also of an empty body, where hyper would say nothing, and some targets wait.
    built.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(built)
}

/// Sends the request and reads the answer, and notes down what comes as it comes: time may run out at any await.
async fn talk(
    http: Http,
    request: http::Request<Full<Bytes>>,
    started: Instant,
    exchange: &mut Exchange,
    body: &mut Kept,
) -> Result<(), Failure> {
    let response = http.request(request).await.map_err(|error| words::of(&error))?;
    exchange.phases.first_byte = Some(started.elapsed());
    let (head, answer) = response.into_parts();
    (exchange.status, exchange.version) = (Some(head.status.as_u16()), Some(head.version));
    exchange.headers = head.headers;
    body.read(answer).await.map_err(|error| words::of(&error))
}

/// What is kept of an answer's body.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Whether there was more than is read of any.
    cut: bool,
}

impl Kept {
    /// Some bytes more than are shown, so that a character which ends among them is seen to be one.
    const MOST: usize = KEPT_ANSWER + 3;

    async fn read(&mut self, mut body: Incoming) -> Result<(), hyper::Error> {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            let room = Self::MOST - self.bytes.len();
            self.bytes.extend(data.iter().take(room));
            read += data.len();
            if read >= MAX_ANSWER {
                self.cut = !body.is_end_stream();
                break;
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        text.truncate(text.floor_char_boundary(KEPT_ANSWER));
        text
    }
}

#[cfg(test)]
mod tests;
