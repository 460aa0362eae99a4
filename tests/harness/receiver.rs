//! A webhook receiver that records its requests and responds as configured.

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

use crate::{MAX_WAIT, within};

/// A received webhook.
#[derive(Debug, Clone)]
pub struct Received {
    /// The time of receipt.
    pub at: Instant,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns the `webhook-id` header.
    ///
    /// # Panics
    /// If the header is missing.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].to_str().expect("an id in ASCII").to_owned()
    }

    /// Verifies the signature with the official Standard Webhooks library.
    ///
    /// # Panics
    /// If the signature is invalid.
    #[track_caller]
    pub fn verify(&self, secret: &str) {
        let webhook = Webhook::new(secret).expect("a Standard Webhooks secret");
        webhook.verify(&self.body, &self.headers).expect("a signature that the official library verifies");
    }
}

#[derive(Debug, Default)]
struct Shared {
    received: Vec<Received>,
    statuses: VecDeque<u16>,
    delay: Duration,
    /// Number of webhooks without a response, now and at most.
    concurrent: usize,
    max_concurrent: usize,
}

/// A receiver on a free local port, for the duration of the test.
#[derive(Debug, Clone)]
pub struct Receiver {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    /// Starts a receiver that responds with 204.
    ///
    /// # Panics
    /// If the receiver cannot listen.
    pub async fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let app = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Returns the receiver's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Responds to the next webhooks with these statuses, and to later ones with 204.
    pub fn respond_next(&self, statuses: &[u16]) {
        self.lock().statuses.extend(statuses);
    }

    /// Sets the delay of all further responses.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Returns the number of webhooks received so far.
    pub fn count(&self) -> usize {
        self.lock().received.len()
    }

    /// Returns the maximum number of webhooks that waited for a response at the same time.
    pub fn max_concurrent(&self) -> usize {
        self.lock().max_concurrent
    }

    /// Returns the webhooks received so far.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Waits up to [`MAX_WAIT`] for this many webhooks.
    ///
    /// # Panics
    /// If fewer arrive in time.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Received>> {
        let receiver = self.clone();
        within(MAX_WAIT, format!("{count} webhooks"), move || {
            let received = receiver.received();
            async move { (received.len() >= count).then_some(received) }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, delay) = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.received.push(Received { at: Instant::now(), headers, body: body.to_vec() });
        shared.concurrent += 1;
        shared.max_concurrent = shared.max_concurrent.max(shared.concurrent);
        (shared.statuses.pop_front().unwrap_or(204), shared.delay)
    };
    tokio::time::sleep(delay).await;
    shared.lock().unwrap_or_else(PoisonError::into_inner).concurrent -= 1;
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}
