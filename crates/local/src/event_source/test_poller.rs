//! A poller that runs in a test.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Limit for every wait, so that a defect fails a test instead of hanging it.
pub(super) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A running poller and its stop signal.
pub(super) struct RunningPoller {
    pub(super) stop: watch::Sender<bool>,
    pub(super) poller: JoinHandle<()>,
}

impl RunningPoller {
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        timeout(TEST_TIMEOUT, self.poller).await.unwrap().unwrap();
    }
}
