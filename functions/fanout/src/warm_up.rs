//! Preparing a new process for its first batch.

use crate::state::State;

/// Connects to DynamoDB by reading the targets, and compares the settings of the function. The first batch reads them again if it has a newer event.
pub async fn warm_up(state: &State) {
    runtime::warm_up(async {
        let (targets, states, settings) =
            tokio::join!(state.targets.warm_up(), state.states.warm_up(), state.deployment.verify());
        for error in [targets, states, settings].into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "failed to prepare for the first batch");
        }
    })
    .await;
}
