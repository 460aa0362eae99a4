//! Parameters, responses and errors that several operations share.

use model::{KeyScope, Record, Source, Target};
use web::{BODY_ERRORS, ErrorResponse, Operation, Parameter, Problem, SuccessResponse};

use crate::validation::{Violations, not_found};

/// The common part of the operations: they need a manage key.
pub(crate) const MANAGE_OPERATION: Operation = Operation { scope: Some(KeyScope::Manage), ..Operation::DEFAULT };

/// The response of a removal.
pub(crate) const REMOVED: SuccessResponse = SuccessResponse::empty(204, "Removed.");

/// The error of an invalid query parameter.
pub(crate) const FILTER_ERROR: ErrorResponse = ErrorResponse {
    description: "A parameter is unknown, repeated, or invalid. `parameter` names it.",
    example: web::reversed_time_range,
};

/// The error of an unknown source.
pub(crate) const SOURCE_NOT_FOUND: ErrorResponse =
    ErrorResponse { description: "The source does not exist.", example: || not_found(Source::KIND, "unleash-prod") };

/// Returns the errors of an operation that changes a resource.
pub(crate) const fn change_errors(not_found: ErrorResponse, invalid_field: fn() -> Problem) -> [ErrorResponse; 4] {
    let [unread, too_large] = BODY_ERRORS;
    let refused = "The body is invalid. `violations` lists the errors.";
    [unread, not_found, too_large, ErrorResponse { description: refused, example: invalid_field }]
}

/// Returns the errors of an operation that creates a resource.
pub(crate) const fn creation_errors(taken: fn() -> Problem, invalid_field: fn() -> Problem) -> [ErrorResponse; 4] {
    let [unread, too_large] = BODY_ERRORS;
    [
        unread,
        ErrorResponse { description: "The name is already in use.", example: taken },
        too_large,
        ErrorResponse { description: "The body is invalid. `violations` lists the errors.", example: invalid_field },
    ]
}

/// The problem of a name that is in use, as an example.
pub(crate) fn exists(kind: &str, name: &str) -> Problem {
    store::Error::Exists(format!("{kind}/{name}")).into()
}

/// The problem of an invalid field, as an example.
pub(crate) fn invalid_field(field: &str, keyword: &str, message: &str) -> Problem {
    let mut violations = Violations::default();
    violations.add(field, keyword, message);
    violations.into_problem()
}

/// The error of an unknown target.
pub(crate) const TARGET_NOT_FOUND: ErrorResponse =
    ErrorResponse { description: "The target does not exist.", example: || not_found(Target::KIND, "audit") };

/// The name of a target in the path.
pub(crate) const TARGET_NAME: Parameter = Parameter::path("name", "The target's name.", web::text_schema, r#""audit""#);
