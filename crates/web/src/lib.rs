//! Shared building blocks of the HTTP functions: operation tables, authentication, parsing of query parameters and JSON bodies,
//! problem details, caching and the common middleware.
//!
//! Handlers, operation tables of a resource, and anything that reads or writes stored data belong in the functions, not
//! here.

mod auth;
mod content_negotiation;
mod csv_list;
pub mod filters;
mod http_cache;
mod json_body;
mod middleware;
mod operation;
mod problem;
mod query_params;
mod request_id;
mod response_size;
mod surplus_slashes;
mod time_range;
pub mod token;

pub use auth::{AnyKey, COMMON_AUTH_ERRORS, Caller, Ingest, Keys, Manage, Read, ReadAnyFormat, ReadOrManage};
pub use content_negotiation::{not_acceptable, require_json_accepted};
pub use http_cache::{Caching, StaticText, cached_response};
pub use json_body::{AnyJsonBody, BODY_ERRORS, JsonBody, Object, unreadable_body};
pub use middleware::{
    MAX_BODY_BYTES, cors_origins, method_not_allowed, with_common_layers, with_read_layers,
    with_strict_transport_security,
};
pub use operation::{
    Content, ErrorResponse, Method, Operation, Parameter, ParameterLocation, Routes, SchemaOf, SuccessResponse,
    schema_of,
};
#[doc(hidden)]
pub use operation::{concatenate, total_length};
pub use problem::{Problem, ProblemType};
pub use query_params::{Params, UNKNOWN_PARAMETER_ERROR, invalid_parameter, list_schema, quoted, text_schema};
pub use response_size::{MAX_RESPONSE_BYTES, compression_required, response_size};
pub use surplus_slashes::{ignore_surplus_slashes, redirect_surplus_slashes};
pub use time_range::{parse_time_range, parse_time_range_of, reversed_time_range};
