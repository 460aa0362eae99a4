//! The dependencies of the function.

use std::sync::Arc;

use jiff::Timestamp;
use model::{Target, TargetState};
use runtime::Tracer;
use runtime::sqs::Queue;
use search::EventLog;
use store::{CachedRecords, ConfigTable, DeliveryTable, DeploymentCheck};

/// The dependencies of the function.
#[derive(Debug, Clone)]
pub struct State {
    /// Compares the settings of the function with those of the deployment.
    pub deployment: DeploymentCheck,
    /// Cached targets.
    pub targets: Arc<CachedRecords<Target>>,
    /// Cached target states.
    pub states: Arc<CachedRecords<TargetState>>,
    /// Targets, their states and replays, read and written without a cache.
    pub config: ConfigTable,
    /// The delivery records.
    pub deliveries: DeliveryTable,
    /// The event log, for replays.
    pub log: EventLog,
    /// The queue of delivery messages.
    pub queue: Queue,
    /// The queue of replay messages.
    pub replays: Queue,
    /// The dead-letter queue of stream records.
    pub stream_dead_letters: Queue,
    /// Trace sink.
    pub tracer: Tracer,
    /// Returns the current time.
    pub clock: fn() -> Timestamp,
}
