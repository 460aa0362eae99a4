//! Manages targets, deliveries, replays, sources, keys and the quarantine.

mod config;
mod deliveries;
mod examples;
mod health;
mod keys;
mod match_preview;
mod operation_parts;
mod patch_field;
mod preview;
mod quarantine;
mod replays;
mod routes;
mod sources;
mod targets;
mod validation;
mod webhook_parameters;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use jiff::Timestamp;
use model::DeliveryMessage;
use runtime::sqs::Queue;
use search::EventLog;
use store::{ConfigTable, DeliveryTable, EventTable, Quarantine};
use web::{Keys, Operation, Problem, ProblemType};
use webhook::Keyring;

pub use config::from_env;

/// The state shared by all handlers.
#[derive(Debug, Clone)]
pub struct State {
    /// The table of sources, keys and targets.
    pub config: Arc<ConfigTable>,
    /// The table of events, for reingested events and for the audit events of changes.
    pub events: EventTable,
    /// The log, for searches.
    pub log: EventLog,
    /// The delivery records.
    pub deliveries: DeliveryTable,
    /// The key ring that encrypts the targets' secrets.
    pub keyring: Keyring,
    /// The delivery queue, for retried deliveries.
    pub queue: Queue,
    /// The quarantine.
    pub quarantine: Quarantine,
    /// The API keys.
    pub keys: Keys,
    /// True if targets must have `https` addresses.
    pub https_only: bool,
    /// Returns the current time.
    pub clock: fn() -> Timestamp,
}

impl FromRef<State> for Keys {
    fn from_ref(state: &State) -> Self {
        state.keys.clone()
    }
}

impl State {
    /// Sends a message to the delivery queue.
    async fn send(&self, message: &DeliveryMessage) -> Result<(), Problem> {
        self.queue.send(message).await.map_err(|error| {
            tracing::error!(%error, "failed to send a message to the delivery queue");
            Problem::new(ProblemType::Unavailable, "failed to send the delivery to the queue: repeat the request")
        })
    }
}

/// Returns the function's routes.
pub fn router(state: State) -> Router {
    routes::register_routes(Router::new()).with_state(state)
}

/// Returns the operations of the routes, for the API document.
pub fn operations() -> Vec<&'static Operation> {
    routes::register_routes(Vec::new())
}
