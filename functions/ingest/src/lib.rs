//! `POST /v1/events`: keeps every event that an authenticated producer sends.

mod body;
mod config;
mod keep;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::post;
use jiff::Timestamp;
use store::{Directory, Events, Quarantine, Source};
use web::Keys;

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub events: Events,
    /// Where refused events are kept.
    pub quarantine: Quarantine,
    /// Who may post.
    pub keys: Keys,
    /// The registered producers.
    pub sources: Arc<Directory<Source>>,
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
    Router::new().route("/v1/events", post(keep::post_events)).with_state(state)
}
