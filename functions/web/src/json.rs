//! JSON bodies of the management API, refused with problem documents.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::app::MAX_BODY;
use crate::problem::{Kind, Problem};

/// A request's JSON body. Fields that the type does not know are refused by the type
/// (`deny_unknown_fields`).
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(unreadable)?;
        let read = serde_json::from_slice(&body).map_err(|error| {
            let detail = format!("The body does not read as what this path takes: {error}");
            Problem::new(Kind::BadRequest, detail)
        })?;
        Ok(Self(read))
    }
}

/// The problem of a body that could not be read whole.
pub fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Kind::TooLarge, format!("The body has more than {MAX_BODY} bytes: send it in parts"));
    }
    Problem::new(Kind::BadRequest, "The body ended before it was complete: send it again")
}
