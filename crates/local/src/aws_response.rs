//! The response of the local DynamoDB or SQS.

/// The response of an AWS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsResponse {
    /// The status code.
    pub(crate) status: u16,
    /// The body: JSON.
    pub(crate) body: String,
}

impl AwsResponse {
    /// Creates the response of an error with this code and message.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: serde_json::json!({ "__type": code, "message": message }).to_string() }
    }
}
