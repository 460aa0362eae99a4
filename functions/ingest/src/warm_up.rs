//! Preparing a new process for its first request.

use tokio::time::Instant;

use crate::state::State;

/// Connects to DynamoDB and SQS, and reads what every request needs: keys, sources, the slot key, the fence, and whether
/// a target exists. The reads run at the same time. A failed read is repeated by the first request.
pub async fn warm_up(state: &State) {
    let nudger = async {
        match &state.nudger {
            Some(nudger) => nudger.warm_up().await,
            None => Ok(()),
        }
    };
    runtime::warm_up(Box::pin(async {
        let events = state.events.warm_up(Instant::now() + runtime::MAX_WARM_UP_TIME);
        let (keys, sources, events, nudger) =
            tokio::join!(state.keys.warm_up(), state.sources.warm_up(), events, nudger);
        for error in [keys, sources, events, nudger].into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "failed to prepare for the first request");
        }
    }))
    .await;
}
