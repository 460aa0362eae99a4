//! Targets: webhook receivers.

use std::time::Duration;

use events::{Event, TIDINGS_SOURCE};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::duration;
use crate::event_filter::{EventFilter, FilterMismatch};
use crate::record::Record;
use crate::retry_policy::RetryPolicy;

/// Type of the event that tests a target. Its subject is the target that receives it.
const TEST_EVENT_TYPE: &str = "target-tested";

/// Number of previous filters that are kept to explain why earlier events were not delivered.
const MAX_PREVIOUS_FILTERS: usize = 20;

/// Number of webhooks that may forward an event from log to log. A target that leads back into a log, directly or
/// through other systems, would otherwise forward its own webhooks for ever.
pub const MAX_HOPS: u32 = 5;

/// Maximum difference between the clocks of two processes.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(1);

/// A webhook receiver: its address, its filter, and how events are delivered to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Name of the target.
    pub name: String,
    /// Description by the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// URL that events are posted to.
    pub address: Url,
    /// Filter that selects the events.
    #[serde(rename = "wanted")]
    pub filter: EventFilter,
    /// Time since which the filter applies.
    #[serde(rename = "wanted_since")]
    pub filter_since: Timestamp,
    /// Previous filters, oldest first.
    #[serde(default, rename = "former", skip_serializing_if = "Vec::is_empty")]
    pub previous_filters: Vec<PreviousFilter>,
    /// Retry policy of deliveries.
    pub retry: RetryPolicy,
    /// Maximum duration of an attempt, from the DNS lookup to the end of the response.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Time without a successful attempt after which the target is paused.
    #[serde(with = "duration")]
    pub disable_after: Duration,
    /// `Content-Type` of the requests.
    pub content_type: String,
    /// Mustache template of the request body; `None` sends the event's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_template: Option<String>,
    /// User name for HTTP Basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Names of the custom headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// True if the secrets include a password.
    #[serde(default)]
    pub has_password: bool,
    /// True if the secrets include an `Authorization` header.
    #[serde(default)]
    pub has_authorization: bool,
    /// CA certificates in PEM format that replace the public trust anchors for this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    /// Encrypted secrets: password, header values and signing secrets.
    #[serde(rename = "sealed")]
    pub secrets: SealedSecrets,
    /// Time until which deliveries are also signed with the previous signing secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotating_until: Option<Timestamp>,
    /// Creation time. Events received earlier are not delivered to the target.
    pub created_at: Timestamp,
    /// Number of changes of the target.
    pub version: u64,
}

/// A filter that a target had before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousFilter {
    /// The filter.
    #[serde(rename = "wanted")]
    pub filter: EventFilter,
    /// Time since which the filter applied.
    pub since: Timestamp,
}

/// Encrypted secrets of a target. The `webhook` crate decrypts them.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSecrets(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl std::fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sealed, {} bytes", self.0.len())
    }
}

impl Record for Target {
    const KIND: &'static str = "targets";

    fn name(&self) -> &str {
        &self.name
    }
}

impl Target {
    /// Returns whether the target's filter accepted an event when it was received, or why not.
    ///
    /// The decision depends on the event and the target alone. The fan-out and the explanation of a delivery therefore
    /// agree. The exception is a clock that was set back, so that the target was created or changed after `now`: the
    /// time of receipt then says nothing, and the current filter applies.
    pub fn accepts(&self, event: &Event, now: Timestamp) -> Result<(), FilterMismatch> {
        if self.is_tested_by(event) {
            return Ok(());
        }
        if event.hops >= MAX_HOPS {
            let hops = event.hops;
            let reason = format!(
                "webhooks have forwarded the event {hops} times from log to log, and the limit is {MAX_HOPS}: a target \
                 leads back into the log"
            );
            return Err(FilterMismatch { filter: "hops", reason });
        }
        let was_set_back = known_since(self.filter_since) > now;
        let received = if was_set_back { event.received_at.max(self.filter_since) } else { event.received_at };
        if received < self.created_at {
            let created = self.created_at;
            let reason = format!("the event was received at {received}, before the target was created at {created}");
            return Err(FilterMismatch { filter: "created_at", reason });
        }
        self.filter_at(received)
            .ok_or_else(|| FilterMismatch {
                filter: "unknown",
                reason: format!(
                    "the filter that applied at {received} is unknown: the target has been changed too often since"
                ),
            })?
            .check(event)
    }

    /// Returns whether an event tests this target. A test event is delivered once, even if the target is paused. Only
    /// Tidings writes events of its own source.
    pub fn is_tested_by(&self, event: &Event) -> bool {
        is_test_of(event, &self.name)
    }

    /// Returns the filter that applied at `time`; `None` if it is no longer stored.
    fn filter_at(&self, time: Timestamp) -> Option<&EventFilter> {
        if time >= self.filter_since {
            return Some(&self.filter);
        }
        self.previous_filters.iter().rev().find(|previous| time >= previous.since).map(|previous| &previous.filter)
    }

    /// Replaces the filter from `now` on.
    pub fn set_filter(&mut self, filter: EventFilter, now: Timestamp) {
        if filter == self.filter {
            return;
        }
        let previous = std::mem::replace(&mut self.filter, filter);
        self.previous_filters.push(PreviousFilter { filter: previous, since: self.filter_since });
        if self.previous_filters.len() > MAX_PREVIOUS_FILTERS {
            self.previous_filters.remove(0);
        }
        self.filter_since = now;
    }

    /// Returns the earliest time at which another process may have known the target. Deliveries recorded before
    /// belong to a removed target of the same name.
    pub fn known_since(&self) -> Timestamp {
        known_since(self.created_at)
    }
}

/// Returns whether an event tests the target with this name.
pub fn is_test_of(event: &Event, target: &str) -> bool {
    event.source == TIDINGS_SOURCE
        && event.catalog == TIDINGS_SOURCE
        && event.fields.event_type == TEST_EVENT_TYPE
        && event.fields.subject.as_deref() == Some(target)
}

/// Returns the earliest time at which another process may have known a target that was created at `created_at`.
pub fn known_since(created_at: Timestamp) -> Timestamp {
    created_at.checked_sub(MAX_CLOCK_SKEW).unwrap_or(created_at)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
