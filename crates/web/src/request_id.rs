//! The request ID: names a request in the logs and in its response.

use axum::http::{HeaderName, HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

/// The header of the request ID.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Generates a request ID of 64 random bits. If the system has no randomness, the response has no ID.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RandomRequestId;

impl MakeRequestId for RandomRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = getrandom::u64().ok()?;
        HeaderValue::try_from(format!("{id:016x}")).ok().map(RequestId::new)
    }
}
