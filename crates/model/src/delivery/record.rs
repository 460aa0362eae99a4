//! The record of a delivery: one event for one target, its attempts and its status.

use std::collections::BTreeMap;

use events::EventId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::replay::run_name_prefix;
use crate::target::Target;

/// The error of a delivery that was still due when its target was removed.
pub const TARGET_REMOVED: &str = "the target was removed before the event was delivered";

/// Maximum length of an error in a [`LastAttempt`], in characters.
const MAX_SUMMARY_ERROR_CHARS: usize = 300;

/// The stored status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordedStatus {
    /// The target answered with a 2xx status.
    Delivered,
    /// The next attempt is scheduled.
    Waiting,
    /// The last attempt failed, and no other is scheduled.
    Failed,
    /// The target is paused. The delivery continues when the target is resumed.
    Held,
}

impl RecordedStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Waiting, Self::Failed, Self::Held];

    /// Returns the name of the status in the table and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    /// Returns whether the delivery waits for an attempt or is held.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Waiting | Self::Held)
    }

    /// Returns the status of a delivery whose target was removed: an unfinished delivery has failed.
    #[must_use]
    pub fn after_target_removal(self) -> Self {
        if self.is_unfinished() { Self::Failed } else { self }
    }
}

/// One POST request to a target, and its result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Time at which the attempt started.
    pub at: Timestamp,
    /// Duration of the attempt, in milliseconds.
    pub duration_ms: u64,
    /// Durations of the phases of the attempt. A reused connection has no DNS, connect or TLS phase.
    #[serde(default)]
    pub phases: Phases,
    /// IP address and port that the attempt connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// HTTP version of the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// URL that the request was sent to. A path or query is masked, because it may contain credentials: it is replaced
    /// by the first 12 hexadecimal digits of the SHA-256 of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers of the request. Secret values and the signature are replaced by `***`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// SHA-256 of the request body, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// HTTP status of the response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Class of the failure: `status`, `dns`, `forbidden`, `connect`, `tls`, `timeout`, `exchange`, `template` or
    /// `secrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Error message of a failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// First kilobyte of the response body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Replay or retry that the attempt belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Number of times that a worker took up the delivery since the previous attempt without a recorded result: either
    /// the function ended during an attempt, which the target may have received, or the attempt was postponed because
    /// the target was at its concurrency limit or no attempt was due. Omitted if 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<u32>,
}

/// The durations of the phases of an attempt, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Duration of the DNS lookup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// Duration of the TCP connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// Duration of the TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    /// Time from the start of the attempt to the first byte of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
}

/// The delivery of one event to one target.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delivery {
    /// The event.
    #[serde(rename = "pk")]
    pub event: EventId,
    /// Name of the target.
    #[serde(rename = "sk")]
    pub target: String,
    /// Status of the delivery.
    pub status: RecordedStatus,
    /// The attempts, oldest first; only the latest ones if there are very many.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Number of attempts.
    #[serde(default)]
    pub count: u32,
    /// Number of attempts since the retry schedule last started.
    #[serde(default)]
    pub made: u32,
    /// Replay or retry that the delivery belongs to; `None` for the first delivery of an event.
    #[serde(default)]
    pub run: Option<String>,
    /// Creation time of the target, which tells it from a removed target of the same name.
    #[serde(default)]
    pub target_created_at: Option<Timestamp>,
    /// Time of the next attempt.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Time since which the delivery is, or was last, held.
    #[serde(default)]
    pub held_at: Option<Timestamp>,
    /// Expiry of the claim of the worker that attempts the delivery, in milliseconds since 1970.
    #[serde(default)]
    pub claimed_until: Option<i64>,
    /// Time after which DynamoDB may remove the delivery, in seconds since 1970.
    #[serde(default)]
    pub expires: Option<i64>,
}

impl Delivery {
    /// Returns whether the delivery belongs to this target, and not to a removed target of the same name.
    pub fn is_for(&self, target: &Target) -> bool {
        // Times do not compare if a clock was set back. Records of earlier versions have no creation time.
        if let Some(created_at) = self.target_created_at {
            return created_at == target.created_at;
        }
        let since = target.known_since();
        let attempted = self.attempts.last().is_some_and(|attempt| attempt.at >= since);
        let is_run_newer = self.run.as_ref() >= Some(&run_name_prefix(since));
        attempted || self.held_at.is_some_and(|held| held >= since) || is_run_newer
    }
}

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DeliverySummary {
    /// The event.
    #[serde(rename = "pk")]
    pub event: EventId,
    /// Name of the target.
    #[serde(rename = "sk")]
    pub target: String,
    /// Status of the delivery.
    pub status: RecordedStatus,
    /// Number of attempts.
    #[serde(default)]
    pub count: u32,
    /// The last attempt.
    #[serde(default)]
    pub last: Option<LastAttempt>,
    /// Time of the next attempt.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Time since which the delivery is held.
    #[serde(default)]
    pub held_at: Option<Timestamp>,
    /// Replay or retry that the delivery belongs to.
    #[serde(default)]
    pub run: Option<String>,
    /// Time after which DynamoDB may remove the delivery, in seconds since 1970.
    #[serde(default)]
    pub expires: Option<i64>,
}

/// The last attempt of a delivery in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// Time at which the attempt started.
    pub at: Timestamp,
    /// Duration of the attempt, in milliseconds.
    pub ms: u64,
    /// HTTP status of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Error message of a failed attempt, truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl LastAttempt {
    /// Summarises an attempt.
    pub fn of(attempt: &Attempt) -> Self {
        let error = attempt.error.as_ref().map(|error| error.chars().take(MAX_SUMMARY_ERROR_CHARS).collect());
        Self { at: attempt.at, ms: attempt.duration_ms, status: attempt.status, error }
    }
}

/// A query for deliveries of a target, ordered by the ids of their events.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryQuery<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// Creation time of the target: excludes deliveries of a removed target of the same name.
    pub since: Option<Timestamp>,
    /// Status of the deliveries; `None` for any.
    pub status: Option<RecordedStatus>,
    /// Lowest event id, inclusive.
    pub low: EventId,
    /// Highest event id, inclusive.
    pub high: EventId,
    /// `true` if the oldest deliveries come first.
    pub ascending: bool,
    /// Maximum number of deliveries.
    pub limit: usize,
}

/// The delivery that a message is about, and the run that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryKey<'a> {
    /// The event.
    pub event: EventId,
    /// Name of the target.
    pub target: &'a str,
    /// Creation time of the target; `None` if it is not known or recorded already.
    pub target_created_at: Option<Timestamp>,
    /// Replay or retry; `None` for the first delivery of an event.
    pub run: Option<&'a str>,
    /// `true` if the run skips events that have been delivered.
    pub undelivered: bool,
}

/// The result of an attempt, to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct AttemptOutcome<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// Status of the delivery after the attempt.
    pub status: RecordedStatus,
    /// Number of attempts since the retry schedule started, including this one.
    pub made: u32,
    /// Time of the next attempt.
    pub next_attempt_at: Option<Timestamp>,
    /// Number of attempts recorded before this one.
    pub before: usize,
}
