//! What every HTTP function does around its own routes.

use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use runtime::{Env, EnvError};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tracing::Instrument;

use crate::problem::{Kind, Problem};
use crate::size::bounded;

/// The most bytes of a body, before and after API Gateway's own limit: 4.5 MB.
pub const MAX_BODY: usize = 4_500_000;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes with what all of them share: problem documents for unknown paths and methods, a
/// request id on every answer, bounded bodies, one log line for each request.
pub fn finish(routes: Router) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::map_response(as_problem))
        .layer(middleware::from_fn(identify))
}

/// The routes with what those who read them need besides: answers compressed for who can read that, none that is too
/// large to be sent, and pages of these origins as callers. Ingest answers in a few bytes, and its producers are no
/// pages.
pub fn for_readers(routes: Router, origins: Vec<HeaderValue>) -> Router {
    let routes = routes
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::map_response(bounded));
    if origins.is_empty() { routes } else { routes.layer(cross_origin(origins)) }
}

/// The origins whose pages may call the API (`CORS_ORIGINS`, separated by commas); none where it is not set.
///
/// # Errors
/// Where it is no list of origins.
pub fn cors_origins(env: &Env<'_>) -> Result<Vec<HeaderValue>, EnvError> {
    let wrong = |value: &str| EnvError::Invalid {
        name: "CORS_ORIGINS",
        value: value.to_owned(),
        expected: "origins separated by commas, as https://log.example.org",
    };
    let origins = env.get("CORS_ORIGINS").unwrap_or_default();
    let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let read = |origin: &str| {
        // An origin has no path, not even an empty one, and is sent as the browser writes it.
        let same = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
        HeaderValue::try_from(origin).ok().filter(|_| same).ok_or_else(|| wrong(origin))
    };
    origins.map(read).collect()
}

/// Lets pages of these origins call the API with a key's token. There are no cookies to send along.
fn cross_origin(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
        ])
        .expose_headers([header::ETAG, header::LINK, header::RETRY_AFTER, header::CONTENT_DISPOSITION, REQUEST_ID])
        .max_age(Duration::from_hours(1))
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("There is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{} does not take {method}: see the Allow header", uri.path()))
}

/// What is refused before a handler is asked, such as a path whose bytes are no UTF-8, as a problem document: no
/// handler refuses with plain text.
async fn as_problem(response: Response) -> Response {
    const MOST: usize = 4096;
    let plain = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let is_plain = response.headers().get(header::CONTENT_TYPE).is_some_and(plain);
    if response.status() != StatusCode::BAD_REQUEST || !is_plain {
        return response;
    }
    let said = to_bytes(response.into_body(), MOST).await.unwrap_or_default();
    Problem::new(Kind::BadRequest, String::from_utf8_lossy(&said)).into_response()
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
