//! Manage targets, sources and keys, and look into the quarantine.

mod api;
mod config;
mod examples;
mod keys;
mod name;
mod quarantine;
mod replay;
mod sources;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use jiff::Timestamp;
use store::{Config, Events, Quarantine};
use web::{Keys, Operation};

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// Sources, keys and targets.
    pub config: Arc<Config>,
    /// The log, for what is replayed into it.
    pub events: Events,
    /// What was refused.
    pub quarantine: Quarantine,
    /// Who may manage.
    pub keys: Keys,
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
    api::read_into(Router::new()).with_state(state)
}

/// What the routes take and answer, for the API's document.
pub fn operations() -> Vec<&'static Operation> {
    api::read_into(Vec::new())
}
