//! Errors of calls to DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A failed call to DynamoDB, or an invalid item.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// DynamoDB throttled the call or did not respond in time, even after retries. A later call may succeed.
    #[error("DynamoDB throttled {operation}; retry later")]
    Busy {
        /// Name of the call.
        operation: &'static str,
    },
    /// The call failed after its retries.
    #[error("DynamoDB call {operation} failed: {reason}")]
    Failed {
        /// Name of the call.
        operation: &'static str,
        /// Error code and message of the service, or the error of the transport.
        reason: String,
    },
    /// DynamoDB rejected the call as invalid. A retry cannot succeed: the call is a defect of Tidings.
    #[error("DynamoDB rejected the call {operation} as invalid: {reason}")]
    Rejected {
        /// Name of the call.
        operation: &'static str,
        /// Message of the service.
        reason: String,
    },
    /// The item exceeds DynamoDB's size limit after compression.
    #[error("the event has {stored} bytes after compression ({sent} before); the maximum is {limit}")]
    TooLarge {
        /// Size of the payload as sent, in bytes.
        sent: usize,
        /// Size of the payload as stored, in bytes.
        stored: usize,
        /// Maximum stored size, in bytes.
        limit: usize,
    },
    /// The item is invalid, or was written by a newer version.
    #[error("failed to decode an item of table {table}: {reason}")]
    Corrupt {
        /// Name of the table.
        table: String,
        /// Description of the error.
        reason: String,
    },
    /// A setting of the function differs from the one with which the deployment was created.
    #[error("{setting} is {own}, but the deployment was created with {stored}: deploy it with the earlier value")]
    Misconfigured {
        /// Name of the template's parameter.
        setting: &'static str,
        /// Value of the function.
        own: String,
        /// Value of the deployment.
        stored: String,
    },
    /// A record with this name exists.
    #[error("{0} already exists")]
    Exists(String),
}

impl Error {
    /// Converts the error of the SDK call `operation`.
    pub fn sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        const TRANSIENT_CODES: [&str; 8] = [
            "InternalServerError",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "ReplicatedWriteConflictException",
            "ServiceUnavailable",
            "ThrottlingException",
            "TransactionConflictException",
            "TransactionInProgressException",
        ];
        let is_unanswered = matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_));
        if is_unanswered || error.code().is_some_and(|code| TRANSIENT_CODES.contains(&code)) {
            let reason = aws_sdk_dynamodb::error::DisplayErrorContext(&error).to_string();
            tracing::debug!(operation, reason, "DynamoDB call was throttled");
            return Self::Busy { operation };
        }
        let is_invalid = error.code() == Some("ValidationException");
        let reason = aws_sdk_dynamodb::error::DisplayErrorContext(&error).to_string();
        if is_invalid { Self::Rejected { operation, reason } } else { Self::Failed { operation, reason } }
    }

    /// Creates the error of an invalid item of `table`.
    pub fn corrupt(table: &str, error: impl std::fmt::Display) -> Self {
        Self::Corrupt { table: table.to_owned(), reason: error.to_string() }
    }
}
