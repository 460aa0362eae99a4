//! The error of a body that does not contain events.

use events::Violation;
use web::ProblemType;

/// A body that cannot be split into events.
#[derive(Debug)]
pub(crate) struct BodyError {
    /// Type of the problem that the request is answered with.
    pub(crate) problem_type: ProblemType,
    /// Reason, which is stored with the body in the quarantine.
    pub(crate) violation: Violation,
}

impl BodyError {
    /// Creates an error whose violation concerns the whole body.
    pub(crate) fn new(problem_type: ProblemType, keyword: &str, message: impl Into<String>) -> Self {
        Self { problem_type, violation: Violation::new("", keyword, message) }
    }
}
