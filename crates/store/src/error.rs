//! What can go wrong between a function and its tables.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A failed call to DynamoDB, or an item that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DynamoDB asked to slow down, or did not answer in time, and kept doing so: send again later.
    #[error("DynamoDB is too busy for {operation}")]
    Busy {
        /// The call that it is too busy for.
        operation: &'static str,
    },
    /// The call failed after its retries.
    #[error("DynamoDB failed {operation}: {reason}")]
    Failed {
        /// The call that failed.
        operation: &'static str,
        /// The service's code and message, or the transport's error.
        reason: String,
    },
    /// An item larger than DynamoDB takes, after compression.
    #[error("the event takes {stored} bytes once compressed ({sent} as sent): at most {limit} can be stored")]
    TooLarge {
        /// The payload's bytes as the producer sent them.
        sent: usize,
        /// The payload's bytes as they would be stored.
        stored: usize,
        /// The most that fits.
        limit: usize,
    },
    /// An item that this version cannot read.
    #[error("an item of table {table} cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something with this name exists already.
    #[error("{0} exists already")]
    Exists(String),
}

impl Error {
    /// The error of an SDK call named `operation`.
    pub(crate) fn sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        const PASSES: [&str; 8] = [
            "InternalServerError",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "ReplicatedWriteConflictException",
            "ServiceUnavailable",
            "ThrottlingException",
            "TransactionConflictException",
            "TransactionInProgressException",
        ];
        let unanswered = matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_));
        if unanswered || error.code().is_some_and(|code| PASSES.contains(&code)) {
            let reason = aws_sdk_dynamodb::error::DisplayErrorContext(&error).to_string();
            tracing::debug!(operation, reason, "busy");
            return Self::Busy { operation };
        }
        let reason = aws_sdk_dynamodb::error::DisplayErrorContext(&error).to_string();
        Self::Failed { operation, reason }
    }

    /// The error of an item that does not read as what its table holds.
    pub(crate) fn corrupt(table: &str, error: impl std::fmt::Display) -> Self {
        Self::Corrupt { table: table.to_owned(), reason: error.to_string() }
    }
}
