//! `POST /v1/events`: keeps every event that an authenticated producer sends.

mod api;
mod body;
mod config;
mod encoding;
mod keep;
mod media;
mod post;
mod tally;
mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use jiff::Timestamp;
use model::Source;
use runtime::Tracer;
use store::{CachedRecords, EventTable, Quarantine};
use web::{Keys, Operation};

pub use config::from_env;
pub use told::Told;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub events: EventTable,
    /// Where refused events are kept.
    pub quarantine: Quarantine,
    /// Who may post.
    pub keys: Keys,
    /// The registered producers.
    pub sources: Arc<CachedRecords<Source>>,
    /// Of which sources it is told that they send what is refused.
    pub told: Arc<Told>,
    /// How long a request tries to write what DynamoDB is too busy for.
    pub patience: Duration,
    /// Where what becomes of an event is told.
    pub tracer: Tracer,
    /// The time.
    pub clock: fn() -> Timestamp,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}

/// The function's routes.
pub fn router(state: State) -> Router {
    api::register_routes(Router::new()).with_state(state)
}

/// What the routes take and answer, for the API's document.
pub fn operations() -> Vec<&'static Operation> {
    api::register_routes(Vec::new())
}

#[cfg(test)]
mod tests;
