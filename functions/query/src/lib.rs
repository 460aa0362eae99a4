//! Search and read events, and explain their deliveries.

mod config;
mod cursor;
mod deliveries;
mod search;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use store::{Deliveries, Directory, Events, Target};
use web::Keys;

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub events: Events,
    /// What became of each delivery.
    pub deliveries: Deliveries,
    /// Who may read.
    pub keys: Keys,
    /// The targets, to explain what is not wanted.
    pub targets: Arc<Directory<Target>>,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}

/// The function's routes.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/events", get(search::list))
        .route("/v1/events/{id}", get(search::read))
        .route("/v1/events/{id}/deliveries", get(deliveries::explain))
        .with_state(state)
}
