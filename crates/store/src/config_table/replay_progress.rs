//! Recording the progress of replays.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use events::EventId;
use jiff::Timestamp;
use model::{Replay, ReplayState};

use super::table::{ConfigTable, record_key};
use crate::error::Error;

impl ConfigTable {
    /// Acquires the lease of a replay until `until`, and returns the replay; `None` if it has ended or another worker
    /// holds the lease.
    pub async fn lease_replay(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<Option<Replay>, Error> {
        let latest = until.checked_add(until.duration_since(now)).unwrap_or(until);
        let update = self
            .replay_update(name)
            .update_expression("SET leased_until = :until")
            .condition_expression(
                "#state = :running \
                 AND (attribute_not_exists(leased_until) OR leased_until < :now OR leased_until > :latest)",
            )
            // A lease that ends much later than this one was taken before the clock was set back.
            .expression_attribute_values(":latest", AttributeValue::N(latest.as_millisecond().to_string()))
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()));
        self.send_replay_update(update).await
    }

    /// Extends the lease of a replay until `until`, or releases it if `until` is now; `None` if the replay has ended.
    pub async fn extend_replay_lease(&self, name: &str, until: Timestamp) -> Result<Option<Replay>, Error> {
        let update = self
            .replay_update(name)
            .update_expression("SET leased_until = :until")
            .condition_expression("#state = :running")
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()));
        self.send_replay_update(update).await
    }

    /// Records the events that a replay has just sent, and its cursor. Events that were sent are recorded even if the
    /// replay has ended meanwhile.
    pub async fn record_replay_page(
        &self,
        replay: &Replay,
        page: &[EventId],
        now: Timestamp,
    ) -> Result<Option<Replay>, Error> {
        let events = page.iter().map(|event| AttributeValue::N(event.to_string())).collect();
        let mut set = "SET sent = sent + :sent, page = :page, paged_at = :now".to_owned();
        let mut update = self
            .replay_update(&replay.name)
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
        self.send_replay_update(update.update_expression(set)).await
    }

    /// Schedules another pass of a replay over all its events at `at`, and releases the lease.
    pub async fn start_replay_pass(&self, name: &str, at: Timestamp) -> Result<Option<Replay>, Error> {
        let update = self
            .replay_update(name)
            .update_expression("SET pass_at = :at REMOVE #cursor, leased_until")
            .condition_expression("#state = :running")
            .expression_attribute_names("#cursor", "cursor")
            .expression_attribute_values(":at", AttributeValue::S(at.to_string()));
        self.send_replay_update(update).await
    }

    /// Ends a replay; `None` if it has ended already.
    pub async fn end_replay(&self, name: &str, state: ReplayState, now: Timestamp) -> Result<Option<Replay>, Error> {
        let state = serde_dynamo::to_attribute_value(state).map_err(|e| Error::corrupt(self.table(), e))?;
        let update = self
            .replay_update(name)
            .update_expression("SET #state = :state, ended_at = :now REMOVE leased_until")
            .condition_expression("#state = :running")
            .expression_attribute_values(":state", state)
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        self.send_replay_update(update).await
    }

    fn replay_update(&self, name: &str) -> UpdateItemFluentBuilder {
        self.client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(record_key::<Replay>(name)))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
            .return_values(ReturnValue::AllNew)
    }

    async fn send_replay_update(&self, update: UpdateItemFluentBuilder) -> Result<Option<Replay>, Error> {
        match update.send().await {
            Ok(response) => {
                let read = |item| serde_dynamo::from_item(item).map_err(|e| Error::corrupt(self.table(), e));
                response.attributes.map(read).transpose()
            }
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(None)
            }
            Err(e) => Err(Error::sdk("UpdateItem", e)),
        }
    }
}
