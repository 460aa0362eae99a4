//! Errors of replays.

use runtime::sqs::SendError;

/// A replay that could not continue. Its message is received again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("failed to parse the replay message: {0}")]
    InvalidMessage(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Send(#[from] SendError),
}
