//! Tidings' own events, which record changes of the configuration.

use serde_json::Value;

/// The content of an event that records a change of the configuration.
#[derive(Debug, Clone)]
pub struct AuditEvent<'a> {
    /// Type of the event: `target-created`.
    pub event_type: &'a str,
    /// Name of the key that made the change.
    pub actor: &'a str,
    /// Name of the changed record.
    pub subject: &'a str,
    /// The record after the change, without secrets.
    pub data: Value,
    /// The record before the change, without secrets.
    pub previous: Value,
}
