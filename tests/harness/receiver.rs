//! A webhook receiver that remembers what it was sent and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use standardwebhooks::Webhook;

use crate::within;

/// One webhook that came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body's bytes.
    pub body: Vec<u8>,
}

impl Received {
    /// The `webhook-id`.
    ///
    /// # Panics
    /// Where there is none.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].to_str().expect("an id in ASCII").to_owned()
    }

    /// Checks the signature as the official library does.
    ///
    /// # Panics
    /// Where it is not right.
    #[track_caller]
    pub fn verify(&self, secret: &str) {
        let webhook = Webhook::new(secret).expect("a secret of the Standard Webhooks form");
        webhook.verify(&self.body, &self.headers).expect("a signature that the official library verifies");
    }
}

#[derive(Debug, Default)]
struct Shared {
    received: Vec<Received>,
    answers: VecDeque<u16>,
    takes: Duration,
}

/// A receiver on a free port of this machine, for as long as the test runs.
#[derive(Debug, Clone)]
pub struct Receiver {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    /// Starts one that answers 204.
    ///
    /// # Panics
    /// Where it cannot listen.
    pub async fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let app = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers the next webhooks with these statuses, those after them with 204.
    pub fn answer_next(&self, statuses: &[u16]) {
        self.lock().answers.extend(statuses);
    }

    /// Takes this long for each answer from now on.
    pub fn take(&self, time: Duration) {
        self.lock().takes = time;
    }

    /// How many webhooks came in so far.
    pub fn count(&self) -> usize {
        self.lock().received.len()
    }

    /// Everything that came in so far.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Waits until this many webhooks have come in.
    ///
    /// # Panics
    /// Where they have not within 20 s.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Received>> {
        self.wait_for_all(count, Duration::from_secs(20))
    }

    /// The same, with another patience.
    ///
    /// # Panics
    /// Where they have not come in time.
    #[track_caller]
    pub fn wait_for_all(&self, count: usize, limit: Duration) -> impl Future<Output = Vec<Received>> {
        let receiver = self.clone();
        within(limit, format!("{count} webhooks"), move || {
            let received = receiver.received();
            async move { (received.len() >= count).then_some(received) }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, takes) = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.received.push(Received { at: Instant::now(), headers, body: body.to_vec() });
        (shared.answers.pop_front().unwrap_or(204), shared.takes)
    };
    tokio::time::sleep(takes).await;
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}
