//! Targets of every kind, on this machine's loopback addresses.

mod hostile;
mod names;
mod pooled;
mod secure;
mod server;

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::address::LookUp;

/// What must be in no message.
const SECRET: &str = "geheim";

/// Enough for whatever should work.
const AMPLE: Duration = Duration::from_secs(20);

/// Too short for what never ends.
const SHORT: Duration = Duration::from_millis(300);

/// Answers for look-ups, one after the other, the last of which stays; an empty one is an error.
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
    hosts: Mutex<Vec<String>>,
}

impl Resolve for Arc<Names> {
    fn look_up(&self, host: &str) -> LookUp {
        self.hosts.lock().unwrap().push(host.to_owned());
        let number = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        let answer = self.answers[number].clone();
        Box::pin(async move { if answer.is_empty() { Err(io::Error::other("no such host")) } else { Ok(answer) } })
    }
}

fn names(answers: &[&[&str]]) -> Arc<Names> {
    let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(Names {
        answers: answers.iter().map(parse).collect(),
        asked: AtomicUsize::new(0),
        hosts: Mutex::default(),
    })
}

/// A client that may dial this machine by IPv4, where all names resolve to these.
fn client(answers: &[&[&str]]) -> Client {
    Client::with_resolver("127.0.0.0/8".parse().unwrap(), names(answers))
}

/// A client for which every name is this machine.
fn local() -> Client {
    client(&[&["127.0.0.1"]])
}

/// A URL with secrets in it.
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
    post_with(client, &url("http", "hooks.example.com", port), AMPLE, None).await
}

#[track_caller]
fn succeeded(exchange: &Exchange) {
    assert_eq!((exchange.status, &exchange.failure), (Some(200), &None));
}

#[track_caller]
fn failed(exchange: &Exchange, class: FailureClass, words: &str) {
    let failure = exchange.failure.as_ref().expect("a failure");
    assert_eq!(failure.class, class, "{failure}");
    assert!(failure.message.contains(words), "{failure}");
}
