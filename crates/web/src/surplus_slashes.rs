//! Paths with surplus slashes, such as `/v1/events/`, or `//v1/events` from a base URL that ends with a slash.
//!
//! A router answers them with 404. For most operations that is right. A producer, however, sends an event once, and often
//! ignores the response.

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::{ServiceExt, service_fn};

/// Routes requests with a body as if their path were `path`, if it differs only by surplus slashes.
pub fn ignore_surplus_slashes(app: Router, path: &'static str) -> Router {
    let service = service_fn(move |mut request: Request| {
        if has_surplus_slashes(&request, path)
            && let Some(uri) = with_path(request.uri(), path)
        {
            *request.uri_mut() = uri;
        }
        app.clone().oneshot(request)
    });
    Router::new().fallback_service(service)
}

/// Redirects requests with a body to `path`, if their path differs from it only by surplus slashes. For a function that
/// does not have the route.
pub fn redirect_surplus_slashes(app: Router, path: &'static str) -> Router {
    let service = service_fn(move |request: Request| {
        let app = app.clone();
        async move { if has_surplus_slashes(&request, path) { Ok(redirect(path)) } else { app.oneshot(request).await } }
    });
    Router::new().fallback_service(service)
}

fn has_surplus_slashes(request: &Request, path: &str) -> bool {
    let found = request.uri().path();
    [Method::POST, Method::PUT, Method::PATCH].contains(request.method())
        && found != path
        && segments(found).eq(segments(path))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// A redirect after which clients send the same body again.
fn redirect(path: &'static str) -> Response {
    let text = format!("The path has surplus slashes: send the request to {path}\n");
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, path)], text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::post;

    use super::*;

    fn app() -> Router {
        Router::new().route("/v1/events", post(async |uri: Uri| uri.to_string()))
    }

    async fn send(app: Router, method: Method, path: &str) -> Response {
        app.oneshot(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn surplus_slashes_are_ignored() {
        for path in ["/v1/events", "/v1/events/", "//v1/events", "//v1//events//?a=/b"] {
            let response = send(ignore_surplus_slashes(app(), "/v1/events"), Method::POST, path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let seen = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
            assert_eq!(seen.ends_with(b"?a=/b"), path.contains('?'), "the query is kept");
        }
        for (method, path) in [(Method::POST, "/v1/events/5"), (Method::POST, "/v1"), (Method::GET, "/v1/events/")] {
            let response = send(ignore_surplus_slashes(app(), "/v1/events"), method, path).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn surplus_slashes_are_redirected_with_the_body() {
        let redirecting = || redirect_surplus_slashes(app(), "/v1/events");
        let response = send(redirecting(), Method::POST, "//v1/events").await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()["location"], "/v1/events");
        assert_eq!(send(redirecting(), Method::GET, "//v1/events").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(send(redirecting(), Method::POST, "/v1/events").await.status(), StatusCode::OK);
    }
}
