//! Replays: logged events that are sent to a target again.

use events::EventId;
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::search_filter::text_query::TextQuery;
use crate::search_filter::{Condition, SearchFilter};

/// A replay: events that are sent to a target again. Its progress is stored with it, so that another process can
/// continue it after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Name of the replay. Names of later replays sort after it.
    pub name: String,
    /// Name of the target.
    pub target: String,
    /// Kind of events that the replay sends.
    pub of: ReplayOf,
    /// Selection among those events.
    pub selection: ReplaySelection,
    /// Maximum number of events sent per second.
    pub rate: u32,
    /// State of the replay.
    pub state: ReplayState,
    /// Number of events to send, counted when the replay started.
    #[serde(default)]
    pub total: u64,
    /// Number of events sent so far.
    #[serde(default)]
    pub sent: u64,
    /// The last event that was examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<EventId>,
    /// The events sent last. The replay continues after each of them has been attempted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page: Vec<EventId>,
    /// Time at which `page` was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<Timestamp>,
    /// Time at which the current pass over all events started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_at: Option<Timestamp>,
    /// Expiry of the worker's lease, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<i64>,
    /// Time at which the replay was started.
    pub created_at: Timestamp,
    /// Name of the key that started the replay.
    pub created_by: String,
    /// Time at which the replay ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// The kind of events that a replay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOf {
    /// Logged events that pass the target's filter.
    Log,
    /// Deliveries that were held while the target was paused.
    Held,
    /// Deliveries that failed.
    Failed,
}

/// The state of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// The replay has more events to send.
    Running,
    /// Every event was sent.
    Done,
    /// The replay was cancelled before every event was sent.
    Cancelled,
}

/// The selection of events that a replay sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaySelection {
    /// Start of the time range, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// End of the time range, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Earliest time of receipt, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_from: Option<Timestamp>,
    /// Latest time of receipt, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_until: Option<Timestamp>,
    /// Conditions on fields, in addition to the target's filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Text that the payload must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl ReplaySelection {
    /// Returns whether an event received at `at` may be selected. Neither an index nor a segment holds the time of
    /// receipt, so [`Self::search_filter`] does not cover it.
    pub fn is_received(&self, at: Timestamp) -> bool {
        self.received_from.is_none_or(|from| at >= from) && self.received_until.is_none_or(|until| at < until)
    }

    /// Returns the selection as a search filter, combined with the conditions of the target's filter.
    pub fn search_filter(&self, target_conditions: Vec<Condition>) -> SearchFilter {
        let mut conditions = target_conditions;
        conditions.extend(self.conditions.iter().cloned());
        let text = self.text.as_deref().map(|text| TextQuery::words(text).unwrap_or_else(|_| TextQuery::part(text)));
        SearchFilter { conditions, from: self.from, until: self.until, text, ..SearchFilter::default() }
    }
}

impl Record for Replay {
    const KIND: &'static str = "replays";

    fn name(&self) -> &str {
        &self.name
    }
}

/// Returns a name for a replay or retry that starts at `now`. Names of later runs sort after it.
pub fn run_name(now: Timestamp) -> String {
    format!("{}-{:04x}", run_name_prefix(now), fastrand::u16(..))
}

/// Returns a name like [`run_name`] that sorts after `previous`, even if the clock was set back since.
pub fn run_name_after(now: Timestamp, previous: Option<&str>) -> String {
    let after = |previous: &str| {
        let (date_time, millisecond) = (previous.get(..15)?, previous.get(15..18)?);
        let previous: Timestamp = format!("{date_time}.{millisecond}Z").parse().ok()?;
        previous.checked_add(SignedDuration::from_millis(1)).ok()
    };
    run_name(previous.and_then(after).map_or(now, |after| now.max(after)))
}

/// Returns the common prefix of the names of all runs that start at `at`. Names of later runs sort after it.
pub fn run_name_prefix(at: Timestamp) -> String {
    strtime::format("%Y%m%dT%H%M%S%3fZ", at).unwrap_or_else(|_| at.as_millisecond().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_names_sort_by_start_time() {
        let at = |text: &str| run_name(text.parse().unwrap());
        let (first, second) = (at("2026-01-31T23:59:59.999Z"), at("2026-02-01T00:00:00.001Z"));
        assert!(first < second, "{first} {second}");
        assert!(first.starts_with("20260131T235959999Z-"), "{first}");
    }

    #[test]
    fn a_run_after_another_sorts_after_it() {
        let now: Timestamp = "2026-01-31T23:59:59.999Z".parse().unwrap();
        let earlier = run_name("2026-01-01T00:00:00Z".parse().unwrap());
        assert!(run_name_after(now, Some(&earlier)).starts_with("20260131T235959999Z-"));
        for later in ["2026-01-31T23:59:59.999Z", "2026-02-28T12:00:00.001Z"] {
            let later = run_name(later.parse().unwrap());
            assert!(run_name_after(now, Some(&later)) > later, "{later}");
        }
        assert!(run_name_after(now, Some("r1")).starts_with("20260131T235959999Z-"));
    }
}
