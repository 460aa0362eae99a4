//! The state of a target: changes during operation, stored apart from the target's definition.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Record;

/// The state of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetState {
    /// Name of the target.
    pub name: String,
    /// The current pause; `None` if the target is active.
    #[serde(default, rename = "paused", skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Time since which every attempt has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Time until which deliveries use the slow queue, because an attempt was slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_until: Option<Timestamp>,
    /// Time at which a failed delivery was last reported by an audit event.
    #[serde(default, rename = "failure_told_at", skip_serializing_if = "Option::is_none")]
    pub failure_reported_at: Option<Timestamp>,
    /// Replay that the last resume started. It sends the held deliveries, and earlier replays do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<String>,
}

/// A pause of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Paused")]
pub struct Pause {
    /// Start of the pause.
    pub since: Timestamp,
    /// Reason for the pause.
    pub reason: String,
    /// Name of the key that paused the target; `tidings` if it was paused automatically.
    pub by: String,
}

impl Record for TargetState {
    const KIND: &'static str = "states";

    fn name(&self) -> &str {
        &self.name
    }
}
