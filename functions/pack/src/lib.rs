//! The pack function: packs older events of the log into segments. A full-text search reads a thousand events with one
//! segment.
//!
//! Only the schedule's time limit and metrics belong here. Packing and the format of segments belong in `search`.

mod config;
mod state;

use std::time::Duration;

use store::Error;
use tokio::time::Instant;

pub use config::from_env;
pub use state::State;

/// Time after which a call starts no further segment. It is less than the function's timeout, so that a call ends between
/// two segments.
const MAX_PACK_TIME: Duration = Duration::from_mins(4);

/// Packs the events that are due. If time runs out or an error occurs, the next call packs the rest.
///
/// # Errors
/// If DynamoDB fails.
pub async fn handle(state: &State) -> Result<(), Error> {
    if let Err(error) = state.deployment.store_or_verify().await {
        if matches!(error, Error::Misconfigured { .. }) {
            tracing::info!(target: runtime::METRICS_TARGET, function = "pack", misconfigured = 1, "misconfigured");
        }
        return Err(error);
    }
    let packed = state.log.segments.pack(&state.log.events, Instant::now() + MAX_PACK_TIME).await?;
    // CloudWatch bills a metric for each hour in which it is emitted.
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
