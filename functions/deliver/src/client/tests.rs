//! The client against well-behaved and hostile servers on loopback addresses.

mod destinations;
mod hostile;
mod pooled;
mod secure;
mod server;

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Version};
use url::Url;

use super::body_prefix::MAX_STORED_RESPONSE_BYTES;
use super::*;

/// A secret that must not appear in any error message.
const SECRET: &str = "geheim";

/// A timeout for exchanges that should succeed.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);

/// A timeout for exchanges that do not end.
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

/// A resolver with scripted answers. The last answer repeats, and an empty answer is an error.
struct ScriptedResolver {
    answers: Vec<Vec<IpAddr>>,
    lookups: AtomicUsize,
    hosts: Mutex<Vec<String>>,
}

impl Network for Arc<ScriptedResolver> {
    fn resolve(&self, host: &str) -> Lookup {
        self.hosts.lock().unwrap().push(host.to_owned());
        let number = self.lookups.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        let answer = self.answers[number].clone();
        Box::pin(async move { if answer.is_empty() { Err(io::Error::other("no such host")) } else { Ok(answer) } })
    }
}

fn scripted_resolver(answers: &[&[&str]]) -> Arc<ScriptedResolver> {
    let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(ScriptedResolver {
        answers: answers.iter().map(parse).collect(),
        lookups: AtomicUsize::new(0),
        hosts: Mutex::default(),
    })
}

/// Returns a client that may connect to IPv4 loopback addresses and resolves every name to these addresses.
fn client_resolving(answers: &[&[&str]]) -> Client {
    Client::with_network("127.0.0.0/8".parse().unwrap(), scripted_resolver(answers))
}

/// Returns a client that resolves every name to this machine.
fn local_client() -> Client {
    client_resolving(&[&["127.0.0.1"]])
}

/// Returns a URL that contains secrets.
fn url(scheme: &str, host: &str, port: u16) -> Url {
    format!("{scheme}://user:{SECRET}@{host}:{port}/{SECRET}?token={SECRET}#{SECRET}").parse().unwrap()
}

async fn post_with(client: &Client, url: &Url, timeout: Duration, ca_cert: Option<&str>) -> Exchange {
    let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"{}"));
    let exchange = client.post(Request { pool: "t", url, headers, body, timeout, ca_cert }).await;
    if let Some(failure) = &exchange.failure {
        assert!(!failure.message.contains(SECRET), "{failure}");
    }
    assert!(exchange.phases.total >= exchange.phases.first_byte.unwrap_or_default());
    exchange
}

async fn post(client: &Client, port: u16) -> Exchange {
    post_with(client, &url("http", "hooks.example.com", port), LONG_TIMEOUT, None).await
}

#[track_caller]
fn assert_succeeded(exchange: &Exchange) {
    assert_eq!((exchange.status, &exchange.failure), (Some(200), &None));
}

#[track_caller]
fn assert_failed(exchange: &Exchange, class: FailureClass, message: &str) {
    let failure = exchange.failure.as_ref().expect("a failure");
    assert_eq!(failure.class, class, "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}
