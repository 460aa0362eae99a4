//! One attempt: a signed POST, and what came of it.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::Event;
use jiff::Timestamp;
use reqwest::{Response, header, redirect};
use store::{Attempt, Target};
use url::Host;

use crate::address::Guard;
use crate::signature::sign;

/// How long an attempt may take: name look-up, connecting, headers and body together.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most of an answer that is read; with more, the attempt ends as if it were complete.
const MAX_ANSWER: usize = 64 * 1024;

/// How much of an answer is kept.
const KEPT_ANSWER: usize = 1024;

/// What posts to targets; connections are pooled between attempts.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
}

impl Client {
    /// A client that dials what `guard` allows.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("Tidings/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // A redirect would be followed with another method, or into another network.
            .redirect(redirect::Policy::none())
            // A proxy would resolve the name itself, past the guard.
            .no_proxy()
            .dns_resolver(Arc::new(guard.clone()))
            .build()?;
        Ok(Self { http, guard })
    }

    /// Posts an event to a target, once. Whatever happens is told in the attempt.
    pub(crate) async fn post(&self, event: &Event, target: &Target, at: Timestamp) -> Attempt {
        let started = Instant::now();
        let posted = self.try_post(event, target, at).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match posted {
            Ok((status, answer)) => {
                let error = (!(200..300).contains(&status)).then(|| refusal(status));
                Attempt { at, duration_ms, status: Some(status), error, answer: Some(answer) }
            }
            Err(error) => Attempt { at, duration_ms, status: None, error: Some(error), answer: None },
        }
    }

    /// The status and the beginning of the answer, or why there is none.
    async fn try_post(&self, event: &Event, target: &Target, at: Timestamp) -> Result<(u16, String), String> {
        self.check_literal(target)?;
        let key = target.signing_secret.key().ok_or("the target's signing secret cannot be read")?;
        let signed = sign(event.id, &target.name, &key, at, &event.payload);
        let response = self
            .http
            .post(target.address.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", signed.signature)
            .body(event.payload.clone())
            .send()
            .await
            .map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        let answer = read(response).await.map_err(|error| format!("answered {status}, then {}", in_words(&error)))?;
        Ok((status, answer))
    }

    /// Refuses an address that needs no look-up, and so does not come by the resolver.
    fn check_literal(&self, target: &Target) -> Result<(), String> {
        let address: IpAddr = match target.address.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.guard.allows(address) { Ok(()) } else { Err(format!("{address} may not be dialled")) }
    }
}

/// The beginning of the answer's body, as text.
async fn read(mut response: Response) -> Result<String, reqwest::Error> {
    let mut kept: Vec<u8> = Vec::new();
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len();
        kept.extend(chunk.iter().take(KEPT_ANSWER - kept.len()));
        if bytes >= MAX_ANSWER {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

fn refusal(status: u16) -> String {
    match status {
        300..=399 => format!("answered {status}: redirects are not followed"),
        _ => format!("answered {status}"),
    }
}

/// What went wrong, for the person who runs the target.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no complete answer within {} s", TIMEOUT.as_secs());
    }
    // The innermost error says what happened; those around it where in the client.
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_connect() { "cannot connect" } else { "the exchange failed" };
    format!("{what}: {cause}")
}
