//! Events as they are received, before their catalog accepts or rejects them.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One event as it was received. The quarantine stores the same data if the event is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// Name of the source that sent the event.
    pub source: &'a str,
    /// Bytes that were sent for this event.
    pub bytes: Cow<'a, [u8]>,
    /// Format of the bytes.
    pub form: Form,
    /// Attributes that the request gave the event in addition to the bytes.
    pub attributes: Attributes,
    /// Time at which the event was received.
    pub received_at: Timestamp,
}

/// The format in which an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The event itself.
    #[default]
    Event,
    /// A `CloudEvents` envelope in JSON, with the event as its data.
    CloudEvent,
}

/// Attributes of an event from outside of its payload: those of a `CloudEvents` envelope, or the request's
/// `Idempotency-Key`. An attribute is used only if the payload does not contain that information.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Attributes {
    /// ID that the sender gave the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Type of the event.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Subject of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Time at which the event occurred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Identifier of the receipt. It identifies an event that has neither an ID nor a time, so that equal events are
    /// distinct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Number of webhooks that have forwarded the event from log to log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Attributes {
    /// Returns whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
