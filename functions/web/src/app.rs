//! What every HTTP function does around its own routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use tracing::Instrument;

use crate::problem::{Kind, Problem};

/// The most bytes of a body, before and after API Gateway's own limit: 4.5 MB.
pub const MAX_BODY: usize = 4_500_000;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes with what all of them share: problem documents for unknown paths and methods, a
/// request id on every answer, bounded bodies, one log line for each request.
pub fn finish(routes: Router) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(identify))
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("There is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{} does not take {method}: see the Allow header", uri.path()))
}

/// Gives the request an id, answers with it and logs it.
async fn identify(request: Request, next: Next) -> Response {
    let id = request_id();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id = id.as_deref());
    async move {
        let started = std::time::Instant::now();
        let mut response = next.run(request).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        tracing::info!(%method, path, status, elapsed_ms, "answered");
        if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}

/// 64 random bits. A system without randomness answers without an id rather than not at all.
fn request_id() -> Option<String> {
    getrandom::u64().ok().map(|id| format!("{id:016x}"))
}
