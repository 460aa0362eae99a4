//! Searches, reads and exports events, explains their deliveries, and serves the web UI and the API document.

mod catalogs;
mod config;
mod current_key;
mod cursor;
mod defaults;
mod deliveries;
mod docs;
mod event;
mod event_text;
mod event_view;
mod examples;
mod export;
mod facets;
mod highlights;
mod operation_parts;
mod response_budget;
mod routes;
mod search;
mod search_metrics;
mod timeline;
mod timeline_event;
mod ui;
mod unknown_types;
mod unleash;

use std::sync::Arc;

use ::search::EventLog;
use axum::Router;
use axum::extract::FromRef;
use model::{Target, TargetState};
use store::{CachedRecords, DeliveryTable};
use web::{Keys, Operation};

pub use config::from_env;

/// The state shared by all handlers.
#[derive(Debug, Clone)]
pub struct State {
    /// The log.
    pub log: EventLog,
    /// The delivery records.
    pub deliveries: DeliveryTable,
    /// The API keys.
    pub keys: Keys,
    /// The targets, whose filters explain deliveries without a record.
    pub targets: Arc<CachedRecords<Target>>,
    /// The states of the targets, which contain pauses.
    pub states: Arc<CachedRecords<TargetState>>,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}

/// Returns the function's routes.
pub fn router(state: State) -> Router {
    ui::register_routes(routes::register_routes(Router::new())).with_state(state)
}

/// Returns the operations of the routes, for the API document.
pub fn operations() -> Vec<&'static Operation> {
    routes::register_routes(Vec::new())
}
