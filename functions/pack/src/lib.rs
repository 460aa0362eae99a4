//! Packs the log's older events into segments: what lets a search for any text look at a thousand events at
//! once.

mod config;

use std::time::Duration;

use search::EventLog;
use store::Error;
use tokio::time::Instant;

pub use config::from_env;

/// How long it goes on, in one call: below the function's timeout, so that it ends between two segments.
const MAX_TIME: Duration = Duration::from_mins(4);

/// What the function works with.
#[derive(Debug, Clone)]
pub struct State {
    /// The log, and its segments.
    pub log: EventLog,
}

/// Packs what there is to pack. What is left, because time ran out or something failed, the next call
/// packs.
///
/// # Errors
/// Where DynamoDB fails.
pub async fn handle(state: &State) -> Result<(), Error> {
    let packed = state.log.segments.pack(&state.log.events, Instant::now() + MAX_TIME).await?;
    // Where nothing was to do there is nothing to tell: metrics are paid by the hour in which they come.
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
