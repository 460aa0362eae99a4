//! Replays: events of the log sent to a target again.

use jiff::Timestamp;
use jiff::fmt::strtime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ::events::EventId;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::config::{Config, Record, key};
use crate::error::Error;
use crate::search::{Condition, Filter, Text};

/// Events sent to a target again: where it stands is kept with it, so that whoever goes on with it after a crash
/// knows where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Its name: those of later replays sort after it.
    pub name: String,
    /// The target's name.
    pub target: String,
    /// What is sent.
    pub of: ReplayOf,
    /// Which of those.
    pub selection: Selection,
    /// How many events are sent a second, at most.
    pub rate: u32,
    /// Where it stands.
    pub state: ReplayState,
    /// How many events there were to send when it was started.
    #[serde(default)]
    pub total: u64,
    /// How many have been sent.
    #[serde(default)]
    pub sent: u64,
    /// The last event that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<EventId>,
    /// What was sent last: nothing further is sent before this is attempted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page: Vec<EventId>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<Timestamp>,
    /// When it last began to look at all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_at: Option<Timestamp>,
    /// Until when somebody is at work on it, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<i64>,
    /// When it was started.
    pub created_at: Timestamp,
    /// The name of the key it was started with.
    pub created_by: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// What a replay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOf {
    /// Events of the log that the target wants.
    Log,
    /// What was held while the target was paused.
    Held,
    /// What failed.
    Failed,
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// There is more to send.
    Running,
    /// Everything was sent.
    Done,
    /// It was ended before.
    Cancelled,
}

/// Which events a replay sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// No event before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// No event at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// None that was received before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_from: Option<Timestamp>,
    /// None that was received at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_until: Option<Timestamp>,
    /// What must hold of their fields, besides what the target wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What must stand in their payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Selection {
    /// Whether an event that was received then may be one of them. No index and no segment tells when an event was
    /// received, so [`Self::filter`] leaves that open.
    pub fn is_received(&self, at: Timestamp) -> bool {
        self.received_from.is_none_or(|from| at >= from) && self.received_until.is_none_or(|until| at < until)
    }

    /// The same as a filter, with what the target wants.
    pub fn filter(&self, wanted: Vec<Condition>) -> Filter {
        let mut conditions = wanted;
        conditions.extend(self.conditions.iter().cloned());
        let text = self.text.as_deref().map(Text::part);
        Filter { conditions, from: self.from, until: self.until, text, ..Filter::default() }
    }
}

impl Record for Replay {
    const KIND: &'static str = "replays";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The name of a replay or retry that begins now. Later ones sort after it.
pub fn run_name(now: Timestamp) -> String {
    format!("{}-{:04x}", run_time(now), fastrand::u16(..))
}

/// What the names of all replays and retries begin with that begin then; those of later ones sort after it.
pub(crate) fn run_time(at: Timestamp) -> String {
    strtime::format("%Y%m%dT%H%M%S%3fZ", at).unwrap_or_else(|_| at.as_millisecond().to_string())
}

impl Config {
    /// Takes a replay for a while, and gives it as it is now; `None` where it has ended, or somebody else has it.
    pub async fn lease(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<Option<Replay>, Error> {
        let update = self
            .progress(name)
            .update_expression("SET leased_until = :until")
            .condition_expression("#state = :running AND (attribute_not_exists(leased_until) OR leased_until < :now)")
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()));
        self.updated(update).await
    }

    /// Keeps a replay for longer, or gives it back (`until` now); `None` where it has ended meanwhile.
    pub async fn keep(&self, name: &str, until: Timestamp) -> Result<Option<Replay>, Error> {
        let update = self
            .progress(name)
            .update_expression("SET leased_until = :until")
            .condition_expression("#state = :running")
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()));
        self.updated(update).await
    }

    /// Notes what a replay has just sent, and up to where it has looked: also of one that was ended meanwhile, since it
    /// was sent.
    pub async fn paged(&self, replay: &Replay, page: &[EventId], now: Timestamp) -> Result<Option<Replay>, Error> {
        let events = page.iter().map(|event| AttributeValue::N(event.to_string())).collect();
        let mut set = "SET sent = sent + :sent, page = :page, paged_at = :now".to_owned();
        let mut update = self
            .progress(&replay.name)
            .expression_attribute_values(":sent", AttributeValue::N(page.len().to_string()))
            .expression_attribute_values(":page", AttributeValue::L(events))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .condition_expression("#state = :running OR attribute_exists(ended_at)");
        if let Some(cursor) = replay.cursor {
            set.push_str(", #cursor = :cursor");
            update = update
                .expression_attribute_names("#cursor", "cursor")
                .expression_attribute_values(":cursor", AttributeValue::N(cursor.to_string()));
        }
        self.updated(update.update_expression(set)).await
    }

    /// Lets a replay begin anew with all there is, not before `at`, and gives back its lease.
    pub async fn begin_pass(&self, name: &str, at: Timestamp) -> Result<Option<Replay>, Error> {
        let update = self
            .progress(name)
            .update_expression("SET pass_at = :at REMOVE #cursor, leased_until")
            .condition_expression("#state = :running")
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()));
        self.updated(update).await
    }

    /// Ends a replay; `None` where it has ended before.
    pub async fn end(&self, name: &str, state: ReplayState, now: Timestamp) -> Result<Option<Replay>, Error> {
        let state = serde_dynamo::to_attribute_value(state).map_err(|e| Error::corrupt(self.table(), e))?;
        let update = self
            .progress(name)
            .update_expression("SET #state = :state, ended_at = :now REMOVE leased_until")
            .condition_expression("#state = :running")
            .expression_attribute_values(":state", state)
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        self.updated(update).await
    }

    fn progress(&self, name: &str) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key::<Replay>(name)))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
    }

    async fn updated(
        &self,
        update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder,
    ) -> Result<Option<Replay>, Error> {
        match update.send().await {
            Ok(answer) => {
                let read = |item| serde_dynamo::from_item(item).map_err(|e| Error::corrupt(self.table(), e));
                answer.attributes.map(read).transpose()
            }
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(None)
            }
            Err(e) => Err(Error::sdk("UpdateItem", e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_replays_began() {
        let at = |text: &str| run_name(text.parse().unwrap());
        let (first, second) = (at("2026-01-31T23:59:59.999Z"), at("2026-02-01T00:00:00.001Z"));
        assert!(first < second, "{first} {second}");
        assert!(first.starts_with("20260131T235959999Z-"), "{first}");
    }
}
