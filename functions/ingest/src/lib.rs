//! The ingest function: stores every event that an authenticated producer posts to `/v1/events`.
//!
//! Request parsing and responses belong here. Validation of events belongs in `events`, and access to the log and the
//! quarantine in `store`.

mod body_error;
mod config;
mod content_encoding;
mod content_type;
mod event_outcome;
mod forwarded;
mod handler;
mod idempotency_key;
mod method_fallback;
mod metrics;
mod nudger;
mod operation;
mod quarantine_alert;
mod request_body;
mod response;
mod state;
mod store_or_quarantine;
mod warm_up;

use axum::{Router, middleware};
use web::Operation;

pub use config::from_env;
pub use content_encoding::ReceivedAsText;
pub use nudger::Nudger;
pub use quarantine_alert::QuarantineAlertLimiter;
pub use state::State;
pub use warm_up::warm_up;

/// Path of the function's only operation.
pub const PATH: &str = "/v1/events";

/// The function's routes.
pub fn router(state: State) -> Router {
    let routes = operation::register_routes(Router::new());
    routes
        .method_not_allowed_fallback(method_fallback::reject_method)
        .layer(middleware::from_fn(content_encoding::reject_spoiled_body))
        .with_state(state)
}

/// The function's operations, for the OpenAPI document.
pub fn operations() -> Vec<&'static Operation> {
    operation::register_routes(Vec::new())
}

#[cfg(test)]
mod tests;
