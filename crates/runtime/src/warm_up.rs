//! Preparing a new process for its first call.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

/// Maximum time for the preparation. Lambda ends an initialisation after ten seconds.
pub const MAX_WARM_UP_TIME: Duration = Duration::from_secs(2);

/// Runs the preparation of a process for at most [`MAX_WARM_UP_TIME`]. Lambda gives an initialisation more processor
/// time than a call.
pub async fn warm_up(preparation: impl Future<Output = ()>) {
    if timeout(MAX_WARM_UP_TIME, preparation).await.is_err() {
        tracing::warn!("did not prepare for the first call in time");
    }
}
