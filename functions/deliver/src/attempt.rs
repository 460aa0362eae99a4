//! Sending one attempt.

use std::time::Duration;

use events::Event;
use http::HeaderMap;
use jiff::Timestamp;
use model::{Attempt, Phases, Target};

use crate::client::{Exchange, FailureClass, Request};
use crate::sent_request::SentRequest;
use crate::state::State;
use crate::webhook_request::{RequestError, build_request};

/// An attempt, and the facts that affect further attempts.
pub(crate) struct AttemptResult {
    pub(crate) attempt: Attempt,
    /// Headers of the response.
    pub(crate) headers: HeaderMap,
    /// `true` if every further attempt would fail in the same way.
    pub(crate) is_permanent: bool,
}

/// Posts an event to a target once. The attempt describes every failure.
pub(crate) async fn send_attempt(state: &State, event: &Event, target: &Target, run: Option<&str>) -> AttemptResult {
    let at = (state.clock)();
    match build_request(state, event, target, at).await {
        Ok((headers, body)) => {
            let sent = SentRequest::new(&target.address, &headers, &body);
            let request = Request {
                pool: &target.name,
                url: &target.address,
                headers,
                body,
                timeout: target.timeout,
                ca_cert: target.ca_cert.as_deref(),
            };
            let exchange = state.client.post(request).await;
            attempt_result(at, run, sent, exchange)
        }
        Err(RequestError { class, message, is_permanent }) => {
            let attempt = Attempt { class: Some(class.to_owned()), error: Some(message), ..new_attempt(at, run) };
            AttemptResult { attempt, headers: HeaderMap::new(), is_permanent }
        }
    }
}

fn new_attempt(at: Timestamp, run: Option<&str>) -> Attempt {
    Attempt { at, run: run.map(str::to_owned), ..Attempt::default() }
}

fn attempt_result(at: Timestamp, run: Option<&str>, sent: SentRequest, exchange: Exchange) -> AttemptResult {
    let ms = |duration: Option<Duration>| duration.map(|d| (d.as_secs_f64() * 1e6).round() / 1e3);
    let phases = Phases {
        dns_ms: ms(exchange.phases.dns),
        connect_ms: ms(exchange.phases.connect),
        tls_ms: ms(exchange.phases.tls),
        first_byte_ms: ms(exchange.phases.first_byte),
    };
    let (class, error) = match (&exchange.failure, exchange.status) {
        (Some(failure), _) => (Some(class_name(failure.class)), Some(failure.message.clone())),
        (None, Some(status)) if (200..300).contains(&status) => (None, None),
        (None, status) => (Some("status"), Some(status_error(status.unwrap_or_default()))),
    };
    let attempt = Attempt {
        duration_ms: u64::try_from(exchange.phases.total.as_millis()).unwrap_or(u64::MAX),
        phases,
        address: exchange.address.map(|address| address.to_string()),
        http: exchange.version.map(|version| format!("{version:?}")),
        url: Some(sent.url),
        headers: sent.headers,
        body_sha256: Some(sent.body_sha256),
        status: exchange.status,
        class: class.map(str::to_owned),
        error,
        answer: exchange.response_text,
        ..new_attempt(at, run)
    };
    AttemptResult { attempt, headers: exchange.headers, is_permanent: false }
}

/// Returns the name of a failure class in the API.
fn class_name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Dns => "dns",
        FailureClass::Forbidden => "forbidden",
        FailureClass::Connect => "connect",
        FailureClass::Tls => "tls",
        FailureClass::Timeout => "timeout",
        FailureClass::Exchange => "exchange",
    }
}

/// Returns the error message for a status other than 2xx.
fn status_error(status: u16) -> String {
    match status {
        304 => "answered 304, which is not a valid response to a POST request".to_owned(),
        300..=399 => format!("answered {status}: redirects are not followed"),
        _ => format!("answered {status}"),
    }
}
