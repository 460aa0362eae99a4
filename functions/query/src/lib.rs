//! Search and read events, explain their deliveries, and show all of that as a web page.

mod api;
mod catalogs;
mod config;
mod cursor;
mod deliveries;
mod docs;
mod examples;
mod export;
mod facets;
mod highlights;
mod key;
mod room;
mod search;
mod tally;
mod timeline;
mod ui;
mod unleash;
mod view;

use std::sync::Arc;

use ::search::EventLog;
use axum::Router;
use axum::extract::FromRef;
use model::{Target, TargetState};
use store::{CachedRecords, DeliveryTable};
use web::{Keys, Operation};

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub log: EventLog,
    /// What became of each delivery.
    pub deliveries: DeliveryTable,
    /// Who may read.
    pub keys: Keys,
    /// The targets, to explain what is not wanted.
    pub targets: Arc<CachedRecords<Target>>,
    /// Which of them are paused.
    pub states: Arc<CachedRecords<TargetState>>,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}

/// The function's routes.
pub fn router(state: State) -> Router {
    ui::register_routes(api::register_routes(Router::new())).with_state(state)
}

/// What the routes take and answer, for the API's document.
pub fn operations() -> Vec<&'static Operation> {
    api::register_routes(Vec::new())
}
