//! The signal that ends servers and pollers.

use tokio::sync::watch;

/// Receives the request to stop. A dropped sender counts as a request.
#[derive(Debug, Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

/// Creates a signal and its sender, which requests the stop by sending `true`.
pub(crate) fn stop_channel() -> (watch::Sender<bool>, StopSignal) {
    let (sender, receiver) = watch::channel(false);
    (sender, StopSignal(receiver))
}

impl StopSignal {
    /// Returns true if a stop was requested.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until a stop is requested.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the sender was dropped.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}
