//! Middleware and fallbacks that the HTTP functions have in common.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use runtime::{Env, EnvError};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tracing::Instrument;

use crate::problem::{Problem, ProblemType};
use crate::request_id::{REQUEST_ID, RandomRequestId};
use crate::response_size::limit_response_size;

/// Maximum size of a request body: 4.5 MB, which is below the limit of API Gateway and Lambda after base64 encoding.
pub const MAX_BODY_BYTES: usize = 4_500_000;

/// Adds the layers of every HTTP function: problem details for unknown paths and methods, a request ID, a limited body
/// size, and one log line per request.
pub fn with_common_layers(routes: Router) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(async |method: Method, uri: Uri| method_not_allowed(&method, &uri))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(plain_text_to_problem))
        .layer(middleware::map_response(set_default_headers))
        .layer(middleware::from_fn(log_request))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, RandomRequestId))
        .layer(middleware::map_request(remove_request_id))
}

/// Adds the layers of functions that clients read from: compression, a limited response size, and CORS for the given
/// origins. The ingest function does not need them: its responses are small, and its producers are not web pages.
pub fn with_read_layers(routes: Router, origins: Vec<HeaderValue>) -> Router {
    let routes = routes
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::map_response(limit_response_size));
    let routes = if origins.is_empty() { routes } else { routes.layer(cors_layer(origins)) };
    // Again for the responses of these layers.
    routes.layer(middleware::map_response(set_default_headers))
}

/// Adds the header of functions that are only reachable with TLS: browsers then never use plain HTTP for this host.
pub fn with_strict_transport_security(routes: Router) -> Router {
    routes.layer(middleware::map_response(async |mut response: Response| {
        let always = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, always);
        response
    }))
}

/// Sets the headers of every response that does not define them: it is not stored, because it may contain the log, a token
/// or a secret, and its media type is not guessed.
async fn set_default_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// The origins whose pages may call the API, from the comma-separated list in `CORS_ORIGINS`; empty if it is not set.
///
/// # Errors
/// If the variable is not a list of origins.
pub fn cors_origins(env: &Env<'_>) -> Result<Vec<HeaderValue>, EnvError> {
    let invalid = |value: &str| EnvError::Invalid {
        name: "CORS_ORIGINS",
        value: value.to_owned(),
        expected: "origins separated by commas, such as https://log.example.org",
    };
    let origins = env.get("CORS_ORIGINS").unwrap_or_default();
    let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let parse = |origin: &str| {
        // Browsers send an origin without a path, not even `/`, so only that spelling can match.
        let is_origin = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
        HeaderValue::try_from(origin).ok().filter(|_| is_origin).ok_or_else(|| invalid(origin))
    };
    origins.map(parse).collect()
}

/// Allows pages of these origins to call the API with a key's token. The API uses no cookies.
fn cors_layer(origins: Vec<HeaderValue>) -> CorsLayer {
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
    Problem::new(ProblemType::NotFound, format!("No route matches {}", uri.path()))
}

/// The problem of a method that the path does not support. axum adds the `Allow` header.
pub fn method_not_allowed(method: &Method, uri: &Uri) -> Problem {
    let detail = format!("{} does not support {method}: see the Allow header", uri.path());
    Problem::new(ProblemType::MethodNotAllowed, detail)
}

/// Converts axum's plain-text rejections, such as that of a path that is not UTF-8, to problem details.
async fn plain_text_to_problem(response: Response) -> Response {
    const MAX_REJECTION_BYTES: usize = 4096;
    let is_plain = |media_type: &HeaderValue| media_type.as_bytes().starts_with(b"text/plain");
    let is_plain = response.headers().get(header::CONTENT_TYPE).is_some_and(is_plain);
    if response.status() != StatusCode::BAD_REQUEST || !is_plain {
        return response;
    }
    let detail = to_bytes(response.into_body(), MAX_REJECTION_BYTES).await.unwrap_or_default();
    Problem::new(ProblemType::BadRequest, String::from_utf8_lossy(&detail)).into_response()
}

/// Removes a caller's request ID: IDs in the logs must be unique.
async fn remove_request_id(mut request: Request) -> Request {
    request.headers_mut().remove(REQUEST_ID);
    request
}

/// Logs each request, within a span that carries its ID.
async fn log_request(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).map(str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id);
    async move {
        let started = Instant::now();
        let response = next.run(request).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        // API Gateway logs each request too, so that this line is only for debugging.
        tracing::debug!(%method, path, status, elapsed_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn every_response_has_its_own_request_id() {
        let app = with_common_layers(Router::new().route("/known", axum::routing::get(async || "ok")));
        for (path, status) in [("/known", 200), ("/unknown", 404)] {
            let request = Request::get(path).header(REQUEST_ID, "from the caller").body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path}");
            let ids: Vec<_> = response.headers().get_all(REQUEST_ID).iter().collect();
            let [id] = ids[..] else { panic!("{path}: {ids:?}") };
            let id = id.to_str().unwrap();
            assert!(id.len() == 16 && u64::from_str_radix(id, 16).is_ok(), "{path}: {id}");
        }
    }

    #[tokio::test]
    async fn responses_are_not_stored_and_not_sniffed_unless_they_allow_it() {
        let cached = async || ([(header::CACHE_CONTROL, "public, max-age=300")], "ok");
        let routes = Router::new().route("/cached", axum::routing::get(cached));
        let app = with_strict_transport_security(with_read_layers(with_common_layers(routes), Vec::new()));
        for (path, caching) in [("/cached", "public, max-age=300"), ("/unknown", "no-store")] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.headers()[header::CACHE_CONTROL], caching, "{path}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            assert_eq!(response.headers()[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000", "{path}");
        }
    }
}
