//! Manage targets, their deliveries and replays, sources and keys, and look into the quarantine.

mod api;
mod config;
mod deliveries;
mod examples;
mod health;
mod keys;
mod merge;
mod name;
mod preview;
mod quarantine;
mod replay;
mod replays;
mod sources;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use jiff::Timestamp;
use model::DeliveryMessage;
use search::EventLog;
use store::{ConfigTable, DeliveryTable, EventTable, Quarantine};
use web::{Keys, Operation, Problem, ProblemType};
use webhook::Keyring;

pub use config::from_env;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// Sources, keys and targets.
    pub config: Arc<ConfigTable>,
    /// The log, for what is replayed into it, and for the events of every change.
    pub events: EventTable,
    /// The same, to be searched.
    pub log: EventLog,
    /// What became of each delivery.
    pub deliveries: DeliveryTable,
    /// What the targets' secrets are sealed with.
    pub keyring: Keyring,
    /// Where a delivery that is tried again is sent.
    pub queue: aws_sdk_sqs::Client,
    /// Its URL.
    pub queue_url: String,
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

impl State {
    /// Sends a message to the delivery queue.
    async fn send(&self, message: &DeliveryMessage) -> Result<(), Problem> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a message cannot be sent");
            Problem::new(ProblemType::Unavailable, "The queue did not take the delivery: send the same request again")
        };
        let body = serde_json::to_string(message).map_err(|error| failed(&error))?;
        let send = self.queue.send_message().queue_url(&self.queue_url).message_group_id(&message.target);
        let sent = send.message_body(body).send().await;
        sent.map(drop).map_err(|error| failed(&aws_sdk_sqs::error::DisplayErrorContext(&error)))
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
