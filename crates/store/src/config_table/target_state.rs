//! Updating the state of targets.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::TargetState;

use super::table::{ConfigTable, record_key};
use crate::error::Error;

impl ConfigTable {
    /// Records that a target has been failing since `since`, unless an earlier time is recorded.
    pub async fn record_failing(&self, target: &str, since: Timestamp) -> Result<(), Error> {
        let since = AttributeValue::S(since.to_string());
        self.update_state(
            target,
            "SET #name = :name, failing_since = if_not_exists(failing_since, :since)",
            (":since", since),
        )
        .await
    }

    /// Records that an attempt was slow: deliveries use the slow queue until `until`.
    pub async fn record_slow(&self, target: &str, until: Timestamp) -> Result<(), Error> {
        let until = AttributeValue::S(until.to_string());
        self.update_state(target, "SET #name = :name, slow_until = :until", (":until", until)).await
    }

    /// Records that an attempt succeeded, and whether it was fast enough for the main queue.
    pub async fn record_success(&self, target: &str, is_fast: bool) -> Result<(), Error> {
        let update = if is_fast {
            "SET #name = :name REMOVE failing_since, failure_told_at, slow_until"
        } else {
            "SET #name = :name REMOVE failing_since, failure_told_at"
        };
        self.update_state(target, update, (":name", AttributeValue::S(target.to_owned()))).await
    }

    async fn update_state(&self, target: &str, expression: &str, value: (&str, AttributeValue)) -> Result<(), Error> {
        self.client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(record_key::<TargetState>(target)))
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
