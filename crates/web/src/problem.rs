//! Problem documents (RFC 9457): how every HTTP function says no.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Where the kinds of problems are described; `type` is this and the kind's name.
const TYPES: &str = "https://tidings.dev/problems/";

/// What kind of problem it is. Names and statuses are stable: callers may branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something in the request cannot be read.
    BadRequest,
    /// There is no key, or not one that is known.
    Unauthorized,
    /// The key may not do this.
    Forbidden,
    /// There is nothing at this path.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The client reads nothing that is answered here.
    NotAcceptable,
    /// It does not fit what there is already: a name is taken, say.
    Conflict,
    /// It has been changed since the caller read it.
    PreconditionFailed,
    /// The request does not say how long its body is.
    LengthRequired,
    /// The body, or one event, is too large.
    TooLarge,
    /// The body is of a kind that is not read here.
    UnsupportedMediaType,
    /// The request can be read, and what it says is refused.
    Refused,
    /// Something behind the function failed: the same request may be sent again.
    Unavailable,
}

impl Kind {
    fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "The request cannot be read"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "A valid key is needed"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The key may not do this"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "This path takes other methods")
            }
            Self::NotAcceptable => ("not-acceptable", StatusCode::NOT_ACCEPTABLE, "The answer could not be read"),
            Self::LengthRequired => ("length-required", StatusCode::LENGTH_REQUIRED, "The body's length is needed"),
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "It cannot be done as things stand"),
            Self::PreconditionFailed => {
                ("precondition-failed", StatusCode::PRECONDITION_FAILED, "It has been changed since")
            }
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "This kind of body is not read here")
            }
            Self::Refused => ("refused", StatusCode::UNPROCESSABLE_ENTITY, "What was sent is refused"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Not now: send it again"),
        }
    }
}

/// A problem, with what its reader needs to mend it.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: String,
    extensions: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind; `detail` says what, where, and what to do.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), extensions: Map::new() }
    }

    /// The problem with a further member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// What, where, and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Its kind's name: the last part of `type`.
    pub fn name(&self) -> &'static str {
        self.kind.parts().0
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.kind.parts().1
    }

    /// The header that tells programs what to do about it.
    pub fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self.kind {
            Kind::Unauthorized => Some((header::WWW_AUTHENTICATE, "Bearer, Basic realm=\"Tidings\"")),
            Kind::Unavailable => Some((header::RETRY_AFTER, "2")),
            // RFC 9110, 15.5.16: what would have been taken.
            Kind::UnsupportedMediaType => Some((header::ACCEPT_ENCODING, "gzip, zstd")),
            _ => None,
        }
    }

    /// Its document, as JSON.
    pub fn document(&self) -> Value {
        let (name, status, title) = self.kind.parts();
        let mut document = json!({
            "type": format!("{TYPES}{name}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail,
        });
        if let Some(document) = document.as_object_mut() {
            document.extend(self.extensions.clone());
        }
        document
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document().serialize(serializer)
    }
}

impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Why the answer is no (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {
                    "description": "What kind of problem it is: stable, to branch on.",
                    "type": "string",
                    "format": "uri",
                },
                "title": { "description": "The kind, in words.", "type": "string" },
                "status": {
                    "description": "The answer's status.",
                    "type": "integer",
                    "minimum": 400,
                    "maximum": 599,
                },
                "detail": {
                    "description": "What, where, and what to do: for a person.",
                    "type": "string",
                },
                "parameter": { "description": "The query parameter that is wrong.", "type": "string" },
                "violations": {
                    "description": "Everything that is wrong with the body.",
                    "type": "array",
                    "items": generator.subschema_for::<events::Violation>(),
                },
                "quarantine": {
                    "description": "What was sent is kept in the quarantine under this id.",
                    "type": "string",
                },
                "results": {
                    "description": "What became of each event of an array, in its order.",
                    "type": "array",
                    "items": { "type": "object" },
                },
            },
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.document().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The store's errors as callers may see them: what failed inside is logged here, and not told.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match &error {
            store::Error::TooLarge { .. } => Self::new(Kind::TooLarge, error.to_string()),
            store::Error::Exists(name) => {
                Self::new(Kind::Conflict, format!("{name} exists already: choose another name"))
            }
            store::Error::Busy { .. } => {
                tracing::warn!(%error, "busy");
                busy()
            }
            store::Error::Failed { .. } | store::Error::Corrupt { .. } => {
                tracing::error!(%error, "the store failed");
                Self::new(Kind::Unavailable, "The database did not answer: what was stored is safe to send again")
            }
        }
    }
}

/// The problem of a database that asks to slow down.
pub(crate) fn busy() -> Problem {
    Problem::new(Kind::Unavailable, "The database is busy: what was stored is safe to send again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_five_members_and_its_own() {
        let document = Problem::new(Kind::Refused, "no").with("quarantine", "q1").document();
        assert_eq!(document["type"], "https://tidings.dev/problems/refused");
        assert_eq!(document["status"], 422);
        assert_eq!(document["quarantine"], "q1");
    }

    #[test]
    fn what_failed_inside_is_not_told() {
        let error = store::Error::Failed { operation: "PutItem", reason: "dynamodb.eu-west-1: secret table".into() };
        let document = Problem::from(error).document().to_string();
        assert!(!document.contains("secret table"), "{document}");
    }
}
