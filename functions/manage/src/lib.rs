//! Manage targets, sources and keys, and look into the quarantine.

mod config;
mod keys;
mod name;
mod quarantine;
mod sources;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get};
use jiff::Timestamp;
use store::{Config, Quarantine};
use web::Keys;

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// Sources, keys and targets.
    pub config: Arc<Config>,
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
    Router::new()
        .route("/v1/targets", get(targets::list).post(targets::create))
        .route("/v1/targets/{name}", get(targets::read).delete(targets::remove))
        .route("/v1/sources", get(sources::list).post(sources::create))
        .route("/v1/sources/{name}", delete(sources::remove))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/keys/{name}", delete(keys::remove))
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/quarantine/{source}/{id}", get(quarantine::read))
        .with_state(state)
}
