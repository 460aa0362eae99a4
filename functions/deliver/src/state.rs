//! The dependencies of the function.

use std::sync::Arc;

use jiff::Timestamp;
use model::{Target, TargetState};
use runtime::Tracer;
use store::{CachedRecords, ConfigTable, DeliveryTable, DeploymentCheck, EventTable};
use webhook::Keyring;

use crate::client::Client;
use crate::permits::Permits;
use crate::queues::Queues;

/// The dependencies of the function.
#[derive(Debug, Clone)]
pub struct State {
    /// Compares the settings of the function with those of the deployment.
    pub deployment: DeploymentCheck,
    /// The event log.
    pub events: EventTable,
    /// The delivery records.
    pub deliveries: DeliveryTable,
    /// Targets and their states, read and written without a cache.
    pub config: ConfigTable,
    /// Cached targets.
    pub targets: Arc<CachedRecords<Target>>,
    /// Cached target states.
    pub states: Arc<CachedRecords<TargetState>>,
    /// Decrypts the secrets of targets.
    pub keyring: Keyring,
    /// The regular and the slow delivery queue.
    pub queues: Queues,
    /// Limits the concurrent attempts to each target.
    pub permits: Permits,
    /// Sends HTTP requests.
    pub client: Client,
    /// Trace sink.
    pub tracer: Tracer,
    /// Returns the current time.
    pub clock: fn() -> Timestamp,
}
