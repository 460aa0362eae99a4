//! Problem details (RFC 9457): the error responses of every HTTP function.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Base URI of problem types; `type` is this URI followed by the type's name.
const TYPE_BASE_URI: &str = "https://tidings.dev/problems/";

/// The type of a problem. Names and statuses are stable, so callers may branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemType {
    /// The request is malformed.
    BadRequest,
    /// The request has no key, or an unknown one.
    Unauthorized,
    /// The key does not permit the operation.
    Forbidden,
    /// The resource or route does not exist.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed,
    /// The client does not accept the response.
    NotAcceptable,
    /// The request conflicts with the current state, for example because a name is taken.
    Conflict,
    /// The resource has changed since the caller read it.
    PreconditionFailed,
    /// The request does not declare the length of its body.
    LengthRequired,
    /// The body or an event is too large.
    TooLarge,
    /// The body has an unsupported media type or encoding.
    UnsupportedMediaType,
    /// The request is well-formed, but its content is invalid.
    ValidationFailed,
    /// A defect of Tidings; the same request fails again.
    Internal,
    /// A dependency of the function failed; the same request may be sent again.
    Unavailable,
}

impl ProblemType {
    /// Name, status and title.
    fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "Bad request"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::NotAcceptable => ("not-acceptable", StatusCode::NOT_ACCEPTABLE, "Not acceptable"),
            Self::LengthRequired => ("length-required", StatusCode::LENGTH_REQUIRED, "Length required"),
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "Conflict with the current state"),
            Self::PreconditionFailed => ("precondition-failed", StatusCode::PRECONDITION_FAILED, "Precondition failed"),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Content too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::ValidationFailed => ("refused", StatusCode::UNPROCESSABLE_ENTITY, "Validation failed"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Service unavailable"),
        }
    }
}

/// An RFC 9457 problem with details for the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemType,
    detail: String,
    extensions: Map<String, Value>,
}

impl Problem {
    /// Creates a problem; `detail` says what is wrong, where, and what to do about it.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), extensions: Map::new() }
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// Returns what is wrong, where, and what to do about it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the name of the problem's type: the last segment of `type`.
    pub fn name(&self) -> &'static str {
        self.kind.parts().0
    }

    /// Returns the status code of the response.
    pub fn status(&self) -> StatusCode {
        self.kind.parts().1
    }

    /// Returns the header that tells clients how to proceed.
    pub fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self.kind {
            ProblemType::Unauthorized => Some((header::WWW_AUTHENTICATE, "Bearer, Basic realm=\"Tidings\"")),
            ProblemType::Unavailable => Some((header::RETRY_AFTER, "2")),
            // RFC 9110, 15.5.16: the supported encodings.
            ProblemType::UnsupportedMediaType => Some((header::ACCEPT_ENCODING, "gzip, zstd")),
            _ => None,
        }
    }

    /// Returns the problem details as JSON.
    pub fn document(&self) -> Value {
        let (name, status, title) = self.kind.parts();
        let mut document = json!({
            "type": format!("{TYPE_BASE_URI}{name}"),
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
            "description": "Problem details (RFC 9457).",
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {
                    "description": "URI of the problem type. It is stable, so clients can branch on it.",
                    "type": "string",
                    "format": "uri",
                },
                "title": { "description": "Short name of the problem type.", "type": "string" },
                "status": {
                    "description": "HTTP status code of the response.",
                    "type": "integer",
                    "minimum": 400,
                    "maximum": 599,
                },
                "detail": {
                    "description": "Explanation for people: what is wrong, where, and what to do about it.",
                    "type": "string",
                },
                "parameter": { "description": "Name of the invalid query parameter.", "type": "string" },
                "violations": {
                    "description": "All violations in the body.",
                    "type": "array",
                    "items": generator.subschema_for::<events::Violation>(),
                },
                "quarantine": {
                    "description": "ID under which the rejected body is stored in the quarantine.",
                    "type": "string",
                },
                "results": {
                    "description": "Result of each event of an array, in the order of the array.",
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

/// Converts store errors to problems for callers. Internal causes are logged and not disclosed.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match &error {
            store::Error::TooLarge { .. } => Self::new(ProblemType::TooLarge, error.to_string()),
            store::Error::Exists(name) => {
                Self::new(ProblemType::Conflict, format!("{name} already exists: choose another name"))
            }
            store::Error::Busy { .. } => {
                tracing::warn!(%error, "DynamoDB is throttling requests");
                busy()
            }
            store::Error::Misconfigured { setting, .. } => {
                tracing::error!(%error, "the function must not use the deployment's data");
                let detail = format!(
                    "{setting} differs from the value with which this deployment was created. An operator must deploy \
                     the earlier value, which is in the logs"
                );
                Self::new(ProblemType::Unavailable, detail)
            }
            store::Error::Rejected { .. } => {
                tracing::error!(%error, "a call to DynamoDB is invalid");
                Self::new(
                    ProblemType::Internal,
                    "The request caused an invalid call to the database, and would do so again. This is a defect of \
                     Tidings: report it with the request's ID",
                )
            }
            store::Error::Corrupt { table, .. } => {
                tracing::error!(%error, "failed to decode a stored item");
                Self::new(
                    ProblemType::Unavailable,
                    format!(
                        "An item of the table {table} is damaged, or a newer version wrote it. The same request fails \
                         again until the item is restored; the function's log names the item"
                    ),
                )
            }
            store::Error::Failed { .. } => {
                tracing::error!(%error, "failed to access DynamoDB");
                Self::new(
                    ProblemType::Unavailable,
                    "The database did not respond. Send the same request again; events that were stored are not stored twice",
                )
            }
        }
    }
}

/// The problem of a database that throttles requests.
pub(crate) fn busy() -> Problem {
    Problem::new(
        ProblemType::Unavailable,
        "The database is busy. Send the same request again; events that were stored are not stored twice",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_details_have_the_standard_members_and_extensions() {
        let document = Problem::new(ProblemType::ValidationFailed, "no").with("quarantine", "q1").document();
        assert_eq!(document["type"], "https://tidings.dev/problems/refused");
        assert_eq!(document["status"], 422);
        assert_eq!(document["quarantine"], "q1");
    }

    #[test]
    fn internal_causes_are_not_disclosed() {
        let reason = "dynamodb.eu-west-1: secret table".to_owned();
        let failed = store::Error::Failed { operation: "PutItem", reason: reason.clone() };
        let rejected = store::Error::Rejected { operation: "PutItem", reason };
        for (error, status) in
            [(failed, StatusCode::SERVICE_UNAVAILABLE), (rejected, StatusCode::INTERNAL_SERVER_ERROR)]
        {
            let problem = Problem::from(error);
            assert_eq!(problem.status(), status);
            assert!(!problem.document().to_string().contains("secret table"), "{}", problem.document());
        }
        let document = Problem::from(store::Error::corrupt("events", "the secret item")).document();
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.starts_with("An item of the table events is damaged") && !detail.contains("secret"), "{detail}");
    }
}
