//! Packs the log's older events into segments, so that a text search reads a thousand events at once.

mod config;

use std::time::Duration;

use search::EventLog;
use store::Error;
use tokio::time::Instant;

pub use config::from_env;

/// Maximum time of one invocation: below the function's timeout, so that a run ends between two segments.
const MAX_TIME: Duration = Duration::from_mins(4);

/// State shared by all invocations.
#[derive(Debug, Clone)]
pub struct State {
    /// The event log and its segments.
    pub log: EventLog,
}

/// Packs events into segments. Events that are left over, because time ran out or DynamoDB failed, are packed by the
/// next invocation.
///
/// # Errors
/// If DynamoDB fails.
pub async fn handle(state: &State) -> Result<(), Error> {
    let packed = state.log.segments.pack(&state.log.events, Instant::now() + MAX_TIME).await?;
    // A run without work emits no metrics: a metric is billed for every hour in which it has data.
    if packed.segments > 0 || packed.unfinished {
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "pack",
            segments = packed.segments,
            packed = packed.events,
            unfinished = u64::from(packed.unfinished),
            "packed"
        );
    }
    Ok(())
}
