//! How a target is doing: what changes by itself, apart from how it was set up.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Record, key};
use crate::error::Error;

/// How a target is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetState {
    /// The target's name.
    pub name: String,
    /// Why its deliveries are held, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Since when every attempt has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when its deliveries take the slow lane, because an attempt took long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_until: Option<Timestamp>,
    /// When it was last told that a delivery has failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_told_at: Option<Timestamp>,
    /// The replay that the last resume began: what is held is its to send, and no earlier one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<String>,
}

/// Since when a target is paused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// Why, in words.
    pub reason: String,
    /// The name of the key it was done with; `tidings`, where it happened by itself.
    pub by: String,
}

impl Record for TargetState {
    const KIND: &'static str = "states";

    fn name(&self) -> &str {
        &self.name
    }
}

impl Config {
    /// Notes that a target has failed since then, unless it is known to have failed for longer.
    pub async fn note_failing(&self, target: &str, since: Timestamp) -> Result<(), Error> {
        let since = AttributeValue::S(since.to_string());
        self.note(target, "SET #name = :name, failing_since = if_not_exists(failing_since, :since)", (":since", since))
            .await
    }

    /// Notes that an attempt took long.
    pub async fn note_slow(&self, target: &str, until: Timestamp) -> Result<(), Error> {
        let until = AttributeValue::S(until.to_string());
        self.note(target, "SET #name = :name, slow_until = :until", (":until", until)).await
    }

    /// Notes that an attempt succeeded; `quickly`, when it took no longer than it should.
    pub async fn note_success(&self, target: &str, quickly: bool) -> Result<(), Error> {
        let update = if quickly {
            "SET #name = :name REMOVE failing_since, failure_told_at, slow_until"
        } else {
            "SET #name = :name REMOVE failing_since, failure_told_at"
        };
        self.note(target, update, (":name", AttributeValue::S(target.to_owned()))).await
    }

    async fn note(&self, target: &str, expression: &str, value: (&str, AttributeValue)) -> Result<(), Error> {
        self.client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key::<TargetState>(target)))
            .update_expression(expression)
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(target.to_owned()))
            .expression_attribute_values(value.0, value.1)
            .send()
            .await
            .map(drop)
            .map_err(|e| Error::sdk("UpdateItem", e))
    }
}
