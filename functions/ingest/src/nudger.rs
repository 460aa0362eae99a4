//! Sending nudges: fanout learns of new events without waiting for the stream.

use std::sync::Arc;
use std::time::Duration;

use events::EventId;
use model::NudgeMessage;
use runtime::sqs::Queue;
use store::{ConfigTable, TargetPresence};
use tokio::time::timeout;

/// Maximum time by which a nudge delays the response. The stream announces what was not nudged.
const MAX_NUDGE_TIME: Duration = Duration::from_millis(150);

/// Sends one nudge for each request that stores events, if a target exists.
#[derive(Debug, Clone)]
pub struct Nudger {
    queue: Queue,
    targets: Arc<TargetPresence>,
}

/// The nudge of one request.
#[derive(Debug)]
pub(crate) struct Nudge<'a> {
    queue: &'a Queue,
    /// Random number, which the events of the request store. A number that is used twice does no harm: the claim of a
    /// nudge names its events.
    pub(crate) number: u64,
}

impl Nudger {
    /// Creates a sender for this queue. The targets are in the `config` table.
    pub fn new(queue: Queue, config: ConfigTable) -> Self {
        Self { queue, targets: Arc::new(TargetPresence::new(config)) }
    }

    /// Starts the nudge of a request; `None` if there is no nudger or no target. If the targets cannot be read, the
    /// stream announces the events.
    pub(crate) async fn start(nudger: Option<&Self>) -> Option<Nudge<'_>> {
        let nudger = nudger?;
        match timeout(MAX_NUDGE_TIME, nudger.targets.has_targets()).await {
            Ok(Ok(true)) => Some(Nudge { queue: &nudger.queue, number: fastrand::u64(..) }),
            Ok(Ok(false)) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to find out whether a target exists");
                None
            }
            Err(_) => {
                tracing::warn!("did not find out in time whether a target exists");
                None
            }
        }
    }

    /// Reads whether a target exists, and connects to SQS, so that the first request does not wait for that.
    pub(crate) async fn warm_up(&self) -> Result<(), store::Error> {
        let (has_targets, connected) = tokio::join!(self.targets.has_targets(), self.queue.connect());
        if let Err(error) = connected {
            tracing::warn!(%error, "failed to connect to the queue of nudges");
        }
        has_targets.map(drop)
    }
}

impl Nudge<'_> {
    /// Sends the nudge. Returns whether SQS has accepted it in time.
    pub(crate) async fn send(self, events: Vec<EventId>) -> bool {
        let message = NudgeMessage { nudge: self.number, events };
        match timeout(MAX_NUDGE_TIME, self.queue.send_delayed(&message, Duration::ZERO)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to send a nudge");
                false
            }
            Err(_) => {
                tracing::warn!("SQS did not accept a nudge in time");
                false
            }
        }
    }
}
