//! Parameters and responses that several operations share.

use events::EventId;
use schemars::json_schema;
use web::{ErrorResponse, Parameter, SuccessResponse, schema_of};

use crate::{cursor, event};

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

/// The errors of operations on one event.
pub(crate) const EVENT_ERRORS: [ErrorResponse; 2] = [
    ErrorResponse { description: "The event id is malformed.", example: || event::malformed_event_id("seven") },
    ErrorResponse { description: "No event has this id.", example: || event::event_not_found("3403542528000501") },
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

/// The id of an event in the path.
pub(crate) const EVENT_ID: Parameter =
    Parameter::path("id", "The event's id.", schema_of::<EventId>, "3403542528000501");
