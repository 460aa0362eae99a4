//! JSON bodies of the management API, refused with problem documents.

use std::fmt::Display;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::api::Refusal;
use crate::app::MAX_BODY;
use crate::problem::{Kind, Problem};

/// How every operation that takes a [`JsonBody`] may say no.
pub const BODY_REFUSALS: [Refusal; 2] = [
    Refusal {
        when: "The body is not JSON, has a field that is not known here, or lacks one.",
        example: || not_taken("missing field `name` at line 1 column 2"),
    },
    Refusal { when: "The body has more than 4.5 MB.", example: too_large },
];

/// A request's JSON body. Fields that the type does not know are refused by the type
/// (`deny_unknown_fields`).
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(unreadable)?;
        serde_json::from_slice(&body).map(Self).map_err(not_taken)
    }
}

/// The problem of a body that could not be read whole.
pub fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::new(Kind::BadRequest, "The body ended before it was complete: send it again")
}

fn not_taken(error: impl Display) -> Problem {
    Problem::new(Kind::BadRequest, format!("The body does not read as what this path takes: {error}"))
}

fn too_large() -> Problem {
    Problem::new(Kind::TooLarge, format!("The body has more than {MAX_BODY} bytes: send it in parts"))
}
