//! Parameters and responses that several operations share.

use schemars::json_schema;
use web::{ErrorResponse, Parameter, SuccessResponse};

use crate::cursor;

/// The response to a conditional request for an unchanged resource.
pub(crate) const NOT_MODIFIED: SuccessResponse =
    SuccessResponse::empty(304, "Not modified: the `ETag` matches `If-None-Match`.");

/// The error of operations that return whole events.
pub(crate) const EVENT_TOO_LARGE: ErrorResponse = ErrorResponse {
    description: "A single event is too large to be sent uncompressed. Request a compressed response.",
    example: web::compression_required,
};

/// The errors of operations with filters.
pub(crate) const FILTER_ERRORS: [ErrorResponse; 2] = [
    ErrorResponse {
        description: "A parameter is unknown, repeated, or invalid. `parameter` names it.",
        example: web::reversed_time_range,
    },
    ErrorResponse {
        description: "The cursor was modified, or belongs to a search with other filters.",
        example: cursor::wrong_search,
    },
];

/// The order of results, newest first by default.
pub(crate) const ORDER: Parameter = Parameter::query(
    "order",
    "The order of the events: newest first (`desc`) or oldest first (`asc`).",
    |_| json_schema!({ "enum": ["desc", "asc"], "default": "desc" }),
    r#""desc""#,
);

/// The position after the previous page.
pub(crate) const CURSOR: Parameter = Parameter::query(
    "cursor",
    "The `next` value of the previous page. The filters and the order must be the same as for that page.",
    cursor::schema,
    // A cursor belongs to one search, so a fixed example would be invalid.
    "",
);
