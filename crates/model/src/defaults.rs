//! Defaults and limits of targets, replays, and searches. `GET /v1/defaults` returns them, so that clients such as the
//! web UI do not repeat them.

/// Number of attempts of a delivery, if a target does not set it.
pub const DEFAULT_RETRY_COUNT: u32 = 3;

/// Maximum number of attempts of a delivery.
pub const MAX_RETRY_COUNT: u32 = 100;

/// Time between two attempts, if a target does not set it.
pub const DEFAULT_RETRY_INTERVAL: &str = "10s";

/// Maximum duration of an attempt, if a target does not set it.
pub const DEFAULT_ATTEMPT_TIMEOUT: &str = "10s";

/// Time without a success after which a failing target is paused, if the target does not set it.
pub const DEFAULT_DISABLE_AFTER: &str = "120h";

/// `Content-Type` of webhooks, if a target does not set it.
pub const DEFAULT_CONTENT_TYPE: &str = "application/json";

/// Events per second of a replay, if the request does not set it.
pub const DEFAULT_REPLAY_RATE: u32 = 100;

/// Maximum events per second of a replay.
pub const MAX_REPLAY_RATE: u32 = 1000;

/// Maximum characters of the reason for a pause.
pub const MAX_PAUSE_REASON_CHARS: usize = 1000;

/// Maximum characters of the text of a full-text search.
pub const MAX_SEARCH_TEXT_CHARS: usize = 1000;
