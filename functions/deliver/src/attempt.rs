//! One attempt: what is posted, and what came of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::Event;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use model::{Attempt, Phases, Target};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use webhook::{Escape, Secrets, SigningSecret, Template};

use crate::State;
use crate::client::{Exchange, FailureClass, Request};
use crate::signature::sign;

/// The most bytes that a template may make.
const MAX_BODY: usize = 4 << 20;

/// An attempt, and what of its answer decides what follows.
pub(crate) struct Made {
    pub(crate) attempt: Attempt,
    /// The headers of the answer.
    pub(crate) headers: HeaderMap,
    /// Whether another attempt would end the same.
    pub(crate) is_final: bool,
}

/// Why nothing was posted.
struct NotPosted {
    class: &'static str,
    error: String,
    is_final: bool,
}

/// Posts an event to a target, once. Whatever happens is told in the attempt.
pub(crate) async fn make(state: &State, event: &Event, target: &Target, run: Option<&str>) -> Made {
    let at = (state.clock)();
    match prepare(state, event, target, at).await {
        Ok((headers, body)) => {
            let sha256 = hex::encode(Sha256::digest(&body));
            let request = Request {
                pool: &target.name,
                url: &target.address,
                headers,
                body,
                timeout: target.timeout,
                ca_cert: target.ca_cert.as_deref(),
            };
            let exchange = state.client.post(request).await;
            posted(at, run, sha256, exchange)
        }
        Err(NotPosted { class, error, is_final }) => {
            let attempt = Attempt { class: Some(class.to_owned()), error: Some(error), ..blank(at, run) };
            Made { attempt, headers: HeaderMap::new(), is_final }
        }
    }
}

fn blank(at: Timestamp, run: Option<&str>) -> Attempt {
    Attempt { at, run: run.map(str::to_owned), ..Attempt::default() }
}

fn posted(at: Timestamp, run: Option<&str>, sha256: String, exchange: Exchange) -> Made {
    let ms = |duration: Option<Duration>| duration.map(|d| (d.as_secs_f64() * 1e6).round() / 1e3);
    let phases = Phases {
        dns_ms: ms(exchange.phases.dns),
        connect_ms: ms(exchange.phases.connect),
        tls_ms: ms(exchange.phases.tls),
        first_byte_ms: ms(exchange.phases.first_byte),
    };
    let (class, error) = match (&exchange.failure, exchange.status) {
        (Some(failure), _) => (Some(name(failure.class)), Some(failure.message.clone())),
        (None, Some(status)) if (200..300).contains(&status) => (None, None),
        (None, status) => (Some("status"), Some(refusal(status.unwrap_or_default()))),
    };
    let attempt = Attempt {
        duration_ms: u64::try_from(exchange.phases.total.as_millis()).unwrap_or(u64::MAX),
        phases,
        address: exchange.address.map(|address| address.to_string()),
        http: exchange.version.map(|version| format!("{version:?}")),
        body_sha256: Some(sha256),
        status: exchange.status,
        class: class.map(str::to_owned),
        error,
        answer: exchange.answer,
        ..blank(at, run)
    };
    Made { attempt, headers: exchange.headers, is_final: false }
}

/// The headers and the body.
async fn prepare(
    state: &State,
    event: &Event,
    target: &Target,
    at: Timestamp,
) -> Result<(HeaderMap, Bytes), NotPosted> {
    let unread = |error: String| NotPosted { class: "secrets", error, is_final: false };
    let secrets = state.keyring.open(&target.name, &target.secrets).await.map_err(|error| unread(error.to_string()))?;
    let body = match &target.body_template {
        None => Bytes::from(event.payload.clone()),
        Some(template) => Bytes::from(render(template, event, &target.content_type)?),
    };
    let rotating = target.rotating_until.is_some_and(|until| at < until);
    let former = secrets.previous_signing.as_ref().filter(|_| rotating);
    let keys: Option<Vec<Vec<u8>>> = std::iter::once(&secrets.signing).chain(former).map(SigningSecret::key).collect();
    let keys = keys.ok_or_else(|| unread("the target's signing secret cannot be read: rotate it".to_owned()))?;
    let signed = sign(event.id, &target.name, &keys, at, &body);
    let mut headers = HeaderMap::new();
    own_headers(&mut headers, target, &secrets).map_err(unread)?;
    let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
            Ok(())
        }
        Err(_) => Err(unread(format!("the header {name} would hold what no header may hold: set it again"))),
    };
    set(header::CONTENT_TYPE, &target.content_type)?;
    set(header::USER_AGENT, concat!("Tidings/", env!("CARGO_PKG_VERSION")))?;
    set(HeaderName::from_static("webhook-id"), &signed.id)?;
    set(HeaderName::from_static("webhook-timestamp"), &signed.timestamp.to_string())?;
    set(HeaderName::from_static("webhook-signature"), &signed.signature)?;
    Ok((headers, body))
}

/// The target's own headers and credentials.
fn own_headers(headers: &mut HeaderMap, target: &Target, secrets: &Secrets) -> Result<(), String> {
    let wrong = |name: &str| format!("the header {name} holds what no header may hold: set it again");
    for (name, value) in &secrets.headers {
        let named: HeaderName = name.parse().map_err(|_| wrong(name))?;
        headers.insert(named, secret(value).ok_or_else(|| wrong(name))?);
    }
    let password = secrets.password.as_deref().unwrap_or_default();
    let basic = |name: &String| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    let authorization = secrets.authorization.clone().or_else(|| target.username.as_ref().map(basic));
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, secret(&value).ok_or_else(|| wrong("authorization"))?);
    }
    Ok(())
}

/// A value that is not shown when its headers are printed.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The body that a template makes of an event.
fn render(template: &str, event: &Event, content_type: &str) -> Result<String, NotPosted> {
    let failed = |error: &dyn std::fmt::Display| NotPosted {
        class: "template",
        error: format!("the body cannot be made of the template: {error}"),
        is_final: true,
    };
    let template = Template::parse(template).map_err(|error| failed(&error))?;
    let body = template
        .render(&context(event), Escape::for_content_type(content_type), MAX_BODY)
        .map_err(|error| failed(&error))?;
    if webhook::is_json_media_type(content_type)
        && let Err(error) = webhook::validate_json(&body)
    {
        return Err(failed(&format!("its output, {error}")));
    }
    Ok(body)
}

/// What a template may use: `event`, `eventJson` and `eventMarkdown`, as Unleash has them.
fn context(event: &Event) -> Value {
    let payload: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    let catalog = events::catalog(&event.catalog);
    let markdown = catalog.map(|catalog| catalog.describe(&event.fields, &payload).summary);
    json!({ "event": payload, "eventJson": String::from_utf8_lossy(&event.payload), "eventMarkdown": markdown })
}

fn name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Dns => "dns",
        FailureClass::Forbidden => "forbidden",
        FailureClass::Connect => "connect",
        FailureClass::Tls => "tls",
        FailureClass::Timeout => "timeout",
        FailureClass::Exchange => "exchange",
    }
}

fn refusal(status: u16) -> String {
    match status {
        304 => "answered 304, which is no answer to a POST".to_owned(),
        300..=399 => format!("answered {status}: redirects are not followed"),
        _ => format!("answered {status}"),
    }
}
