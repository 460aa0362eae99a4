//! The OpenAPI document (`GET /openapi.json`) and its HTML page (`GET /docs`).

mod page;

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use web::{Caching, cached_response};

/// The committed OpenAPI document. A test compares it with the operations.
const DOCUMENT: &str = include_str!("../../../openapi.json");

/// Content-Security-Policy of the page, which loads nothing and runs no script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// `GET /openapi.json`.
pub(crate) async fn document(headers: HeaderMap) -> Response {
    cached_response(&headers, Caching::Public, ("application/json", DOCUMENT))
}

/// `GET /docs`.
pub(crate) async fn read(headers: HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| page::render(&serde_json::from_str(DOCUMENT).unwrap_or_default()));
    let mut response = cached_response(&headers, Caching::Public, ("text/html; charset=utf-8", page.as_str()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
