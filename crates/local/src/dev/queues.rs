//! The queues of `infra/template.yaml`.

use std::time::Duration;

use crate::sqs::{QueueConfig, RedrivePolicy};

/// Messages from fanout to deliver.
pub(super) const DELIVERY: &str = "delivery";

/// Messages to targets that are slow.
pub(super) const SLOW_DELIVERY: &str = "slow-delivery";

/// Replays that are running.
pub(super) const REPLAYS: &str = "replays";

/// Nudges from ingest to fanout.
pub(super) const NUDGES: &str = "nudges";

/// Messages that deliver failed to process.
const DELIVERY_DEAD_LETTERS: &str = "delivery-dead-letters";

/// Replays that fanout failed to continue.
const REPLAYS_DEAD_LETTERS: &str = "replays-dead-letters";

/// Nudges that fanout failed to process.
const NUDGE_DEAD_LETTERS: &str = "nudge-dead-letters";

/// Stream records that fanout failed to process.
pub(super) const STREAM_DEAD_LETTERS: &str = "stream-dead-letters";

/// Visibility timeout of every queue: longer than an attempt takes.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(90);

/// Receives of a delivery before it is a dead letter. Retries are delayed by visibility, and a target may have up to
/// a hundred attempts.
const MAX_DELIVERY_RECEIVES: u32 = 1000;

/// Receives of a replay before it is a dead letter.
const MAX_REPLAY_RECEIVES: u32 = 10;

/// Receives of a nudge before it is a dead letter.
const MAX_NUDGE_RECEIVES: u32 = 10;

/// The configuration of every queue.
pub(super) fn queue_configs() -> Vec<QueueConfig> {
    let queue = |name: &str, redrive: Option<RedrivePolicy>| QueueConfig {
        name: name.to_owned(),
        visibility_timeout: VISIBILITY_TIMEOUT,
        redrive,
    };
    let redrive = |dead_letters: &str, max_receives| {
        Some(RedrivePolicy { dead_letter_queue: dead_letters.to_owned(), max_receives })
    };
    vec![
        queue(DELIVERY, redrive(DELIVERY_DEAD_LETTERS, MAX_DELIVERY_RECEIVES)),
        queue(SLOW_DELIVERY, redrive(DELIVERY_DEAD_LETTERS, MAX_DELIVERY_RECEIVES)),
        queue(REPLAYS, redrive(REPLAYS_DEAD_LETTERS, MAX_REPLAY_RECEIVES)),
        queue(NUDGES, redrive(NUDGE_DEAD_LETTERS, MAX_NUDGE_RECEIVES)),
        queue(DELIVERY_DEAD_LETTERS, None),
        queue(REPLAYS_DEAD_LETTERS, None),
        queue(NUDGE_DEAD_LETTERS, None),
        queue(STREAM_DEAD_LETTERS, None),
    ]
}
