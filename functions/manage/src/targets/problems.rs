//! Problems that several operations on targets return.

use web::{Problem, ProblemType};

/// The problem of a target that was changed since the caller read it.
pub(crate) fn changed_since() -> Problem {
    Problem::new(
        ProblemType::PreconditionFailed,
        "The target was changed since you read it: read it again, then change it",
    )
}

/// The problem of a failed random generator.
pub(super) fn no_randomness() -> Problem {
    tracing::error!("failed to generate a signing secret: the system has no randomness");
    Problem::new(ProblemType::Unavailable, "failed to generate a signing secret: repeat the request")
}

/// The problem of secrets that cannot be encrypted or decrypted.
pub(super) fn no_key(error: webhook::KeyringError) -> Problem {
    tracing::error!(%error, "failed to encrypt or decrypt the secrets of a target");
    Problem::new(ProblemType::Unavailable, "The target's secrets could not be encrypted or decrypted")
}
