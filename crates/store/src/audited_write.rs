//! Changes of the configuration, each written in one transaction with its audit event. The log therefore has an event
//! for every change, and no event without a change. The stream delivers the event, so the actions that follow a change
//! are never lost.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put as PutRequest, TransactWriteItem, Update};
use events::{AcceptedEvent, Attributes, EventId, Form, RawEvent, TIDINGS_SOURCE};
use jiff::Timestamp;
use model::{AuditEvent, Pause, Record, Target, TargetState};
use serde_json::json;
use tokio::time::Instant;

use crate::config_table::table::{ConfigTable, record_key};
use crate::error::Error;
use crate::event_table::insert_outcome::{InsertOutcome, InsertRefusal};
use crate::event_table::slot_sequence::SlotSequence;
use crate::event_table::table::EventTable;
use crate::throttle_backoff::retry_throttled;

/// Maximum time for a change, including retries.
const AUDITED_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Condition that a target is unchanged since it was read. [`version_values`] returns its values.
const UNCHANGED_TARGET: &str = "version = :version AND created_at = :created";

fn version_values(target: &Target, version: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (":version".to_owned(), AttributeValue::N(version.to_string())),
        (":created".to_owned(), AttributeValue::S(target.created_at.to_string())),
    ])
}

/// A conditional write of the configuration, to be made together with its audit event.
#[derive(Debug, Clone)]
pub struct ConfigWrite(pub(crate) TransactWriteItem);

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The change was made. This is the id of its audit event.
    Done(EventId),
    /// The condition of the write with this index failed, and nothing was changed.
    ConditionFailed(usize),
}

impl ConfigTable {
    /// Returns a write that creates a record; its condition fails if the name is taken.
    pub fn create_write<T: Record>(&self, record: &T) -> Result<ConfigWrite, Error> {
        self.put_if(record, Some("attribute_not_exists(pk)"), HashMap::new())
    }

    /// Returns a write of a record without a condition.
    pub fn put_write<T: Record>(&self, record: &T) -> Result<ConfigWrite, Error> {
        self.put_if(record, None, HashMap::new())
    }

    /// Returns a write that replaces the record created at `created_at`; its condition fails if that record was removed.
    pub fn replace_write<T: Record>(&self, record: &T, created_at: Timestamp) -> Result<ConfigWrite, Error> {
        let values = HashMap::from([(":created".to_owned(), AttributeValue::S(created_at.to_string()))]);
        self.put_if(record, Some("created_at = :created"), values)
    }

    /// Returns a write that replaces a target in this version; its condition fails if the target was changed, or removed
    /// and created again.
    pub fn replace_target_write(&self, target: &Target, version: u64) -> Result<ConfigWrite, Error> {
        self.put_if(target, Some(UNCHANGED_TARGET), version_values(target, version))
    }

    /// Returns a write that removes a target; its condition fails if the target has another version.
    pub fn remove_target_write(&self, target: &Target) -> Result<ConfigWrite, Error> {
        self.delete_if::<Target>(&target.name, Some(UNCHANGED_TARGET), version_values(target, target.version))
    }

    fn put_if<T: Record>(
        &self,
        record: &T,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<ConfigWrite, Error> {
        let put = PutRequest::builder()
            .table_name(self.table())
            .set_item(Some(self.item(record)?))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        let put = put.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(ConfigWrite(TransactWriteItem::builder().put(put).build()))
    }

    /// Returns a write that removes the record with this name; if `must_exist`, its condition fails if there is no such
    /// record.
    pub fn remove_write<T: Record>(&self, name: &str, must_exist: bool) -> Result<ConfigWrite, Error> {
        self.delete_if::<T>(name, must_exist.then_some("attribute_exists(pk)"), HashMap::new())
    }

    fn delete_if<T: Record>(
        &self,
        name: &str,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<ConfigWrite, Error> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(record_key::<T>(name)))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        let delete = delete.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(ConfigWrite(TransactWriteItem::builder().delete(delete).build()))
    }

    /// Returns a write that pauses a target; its condition fails if the target is paused.
    pub fn pause_write(&self, target: &str, pause: &Pause) -> Result<ConfigWrite, Error> {
        let paused = serde_dynamo::to_attribute_value(pause).map_err(|e| Error::corrupt(self.table(), e))?;
        self.update_state_if(
            target,
            "SET #name = :name, paused = :paused",
            "attribute_not_exists(paused)",
            vec![(":paused", paused), (":name", AttributeValue::S(target.to_owned()))],
        )
    }

    /// Returns a write that ends the pause that started at `since`, and clears the record of failures. `replay` sends
    /// the held deliveries.
    pub fn resume_write(&self, target: &str, since: Timestamp, replay: &str) -> Result<ConfigWrite, Error> {
        self.update_state_if(
            target,
            "SET #name = :name, resumed_by = :replay REMOVE paused, failing_since, slow_until",
            "paused.#since = :since",
            vec![
                (":since", AttributeValue::S(since.to_string())),
                (":name", AttributeValue::S(target.to_owned())),
                (":replay", AttributeValue::S(replay.to_owned())),
            ],
        )
    }

    /// Returns a write that marks a failed delivery as reported; its condition fails if a failure was reported after
    /// `before`.
    pub fn report_failure_write(&self, target: &str, now: Timestamp, before: Timestamp) -> Result<ConfigWrite, Error> {
        self.update_state_if(
            target,
            "SET #name = :name, failure_told_at = :now",
            "attribute_not_exists(failure_told_at) OR failure_told_at < :before",
            vec![
                (":now", AttributeValue::S(now.to_string())),
                (":before", AttributeValue::S(before.to_string())),
                (":name", AttributeValue::S(target.to_owned())),
            ],
        )
    }

    /// Returns a write that ends the report of a failed delivery, because a delivery has succeeded; its condition fails if
    /// no failure is reported.
    ///
    /// # Errors
    /// If the write cannot be built.
    pub fn report_recovery_write(&self, target: &str) -> Result<ConfigWrite, Error> {
        self.update_state_if(
            target,
            "SET #name = :name REMOVE failing_since, failure_told_at",
            "attribute_exists(failure_told_at)",
            vec![(":name", AttributeValue::S(target.to_owned()))],
        )
    }

    fn update_state_if(
        &self,
        target: &str,
        expression: &str,
        condition: &str,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<ConfigWrite, Error> {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(record_key::<TargetState>(target)))
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#name", "name")
            .set_expression_attribute_values(Some(values));
        if condition.contains("#since") {
            update = update.expression_attribute_names("#since", "since");
        }
        let update = update.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(ConfigWrite(TransactWriteItem::builder().update(update).build()))
    }
}

impl EventTable {
    /// Maximum number of writes and events in one transaction: DynamoDB's limit.
    pub const MAX_TRANSACTION_ITEMS: usize = 100;

    /// Makes a change and writes its audit event in one transaction.
    pub async fn write_audited(&self, event: &AuditEvent<'_>, writes: Vec<ConfigWrite>) -> Result<WriteOutcome, Error> {
        let written = self.write_transaction(&[(event.clone(), writes)]).await?;
        Ok(written.map_or_else(WriteOutcome::ConditionFailed, |ids| WriteOutcome::Done(ids[0])))
    }

    /// Makes several changes and writes the audit event of each in one transaction. Returns the index of the change
    /// whose condition failed; `None` if all changes were made.
    ///
    /// The limit is [`Self::MAX_TRANSACTION_ITEMS`] writes and events of together 4 MB.
    pub async fn write_all_audited(
        &self,
        changes: &[(AuditEvent<'_>, Vec<ConfigWrite>)],
    ) -> Result<Option<usize>, Error> {
        let Err(write) = self.write_transaction(changes).await? else { return Ok(None) };
        let ends = changes.iter().scan(0, |end, (_, writes)| {
            *end += writes.len();
            Some(*end)
        });
        Ok(Some(ends.take_while(|end| *end <= write).count()))
    }

    /// Writes an audit event without a change. The write is idempotent: an event with the same `id` is written once.
    pub async fn write_audit_event_once(
        &self,
        event: &AuditEvent<'_>,
        id: &str,
        at: Timestamp,
        deadline: Instant,
    ) -> Result<(), Error> {
        let attributes = Attributes { id: Some(id.to_owned()), ..Attributes::default() };
        let accepted = self.accept_audit_event(event, at, attributes)?;
        match self.insert(&accepted, deadline).await?.outcome {
            InsertOutcome::Refused(InsertRefusal::NoFreeSlot) => Err(no_free_slot("PutItem", &accepted)),
            // Another process may have written the event with other data.
            _ => Ok(()),
        }
    }

    /// Makes the changes, and returns the ids of their audit events, or the index of the write whose condition failed.
    async fn write_transaction(
        &self,
        changes: &[(AuditEvent<'_>, Vec<ConfigWrite>)],
    ) -> Result<Result<Vec<EventId>, usize>, Error> {
        let (now, deadline) = (self.retention.now(), Instant::now() + AUDITED_WRITE_TIMEOUT);
        let accepted = changes.iter().map(|(event, _)| self.accept_audit_event(event, now, Attributes::default()));
        let accepted = accepted.collect::<Result<Vec<_>, _>>()?;
        let fence = retry_throttled(deadline, "BatchGetItem", || self.pack_fence()).await?;
        let mut inserts =
            accepted.iter().map(|event| self.prepare_insert(event, fence)).collect::<Result<Vec<_>, _>>()?;
        let key = self.slot_key(deadline).await?;
        let mut free: Vec<_> = accepted.iter().map(|event| SlotSequence::new(key, event).into_slots()).collect();
        let mut ids: Vec<Option<EventId>> = vec![None; changes.len()];
        loop {
            for (index, insert) in inserts.iter_mut().enumerate() {
                if ids[index].is_some() {
                    continue;
                }
                // Two events may have the same slot, and a transaction may write each item only once.
                let Some(id) = free[index].find(|id| !ids.contains(&Some(*id))) else {
                    return Err(no_free_slot("TransactWriteItems", &accepted[index]));
                };
                insert.item.place(id, self.shards);
                ids[index] = Some(id);
            }
            let items = inserts.iter().map(|insert| self.in_transaction(self.to_item(&insert.item)?, true));
            let mut items = items.collect::<Result<Vec<_>, _>>()?;
            items.extend(changes.iter().flat_map(|(_, writes)| writes).map(|write| write.0.clone()));
            // The token makes a repetition succeed if the first response was lost. An equal event in our slot therefore
            // belongs to another caller with the same request in the same millisecond, who must not succeed as well.
            let token = format!("{:032x}", fastrand::u128(..));
            let attempt = || self.try_transaction(items.clone(), token.clone(), changes.len());
            match retry_throttled(deadline, "TransactWriteItems", attempt).await? {
                TransactionAttempt::Done => return Ok(Ok(ids.into_iter().flatten().collect())),
                TransactionAttempt::ConditionFailed(write) => return Ok(Err(write)),
                TransactionAttempt::SlotsTaken(taken) => taken.into_iter().for_each(|index| ids[index] = None),
            }
        }
    }

    fn accept_audit_event(
        &self,
        event: &AuditEvent<'_>,
        at: Timestamp,
        attributes: Attributes,
    ) -> Result<AcceptedEvent, Error> {
        let payload = json!({
            "type": event.event_type,
            "time": at,
            "actor": event.actor,
            "subject": event.subject,
            "data": event.data,
            "previous": event.previous,
        });
        let bytes = Cow::Owned(payload.to_string().into_bytes());
        let received_at = self.retention.now();
        let arrival = RawEvent { source: TIDINGS_SOURCE, bytes, form: Form::Event, attributes, received_at };
        let invalid = |reason: String| Error::corrupt(&self.table, format!("the audit event is invalid: {reason}"));
        let catalog =
            events::catalog(TIDINGS_SOURCE).ok_or_else(|| invalid("its catalog does not exist".to_owned()))?;
        catalog.accept(&arrival).map_err(|rejected| invalid(format!("{:?}", rejected.violations)))
    }

    /// Writes the items in one transaction. The first `events` items are events.
    async fn try_transaction(
        &self,
        items: Vec<TransactWriteItem>,
        token: String,
        events: usize,
    ) -> Result<TransactionAttempt, Error> {
        let write = self.client.transact_write_items().set_transact_items(Some(items)).client_request_token(token);
        let Err(error) = write.send().await else { return Ok(TransactionAttempt::Done) };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            let reasons = cancelled.cancellation_reasons().iter().enumerate();
            let failed = reasons.clone().filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
            let (taken, conditions): (Vec<usize>, Vec<usize>) =
                failed.map(|(index, _)| index).partition(|n| *n < events);
            if let Some(index) = conditions.first() {
                return Ok(TransactionAttempt::ConditionFailed(index - events));
            }
            if !taken.is_empty() {
                return Ok(TransactionAttempt::SlotsTaken(taken));
            }
            if let Some((_, invalid)) = reasons.clone().find(|(_, reason)| reason.code() == Some("ValidationError")) {
                let reason = invalid.message().unwrap_or_default().to_owned();
                return Err(Error::Rejected { operation: "TransactWriteItems", reason });
            }
            if reasons.into_iter().any(|(_, reason)| reason.code().is_some_and(|code| code != "None")) {
                return Err(Error::Busy { operation: "TransactWriteItems" });
            }
        }
        Err(Error::sdk("TransactWriteItems", error))
    }
}

fn no_free_slot(operation: &'static str, accepted: &AcceptedEvent) -> Error {
    let reason = format!("the log has no free slot for an event at {}", accepted.event.fields.time);
    Error::Failed { operation, reason }
}

/// The result of one attempt of a transaction.
enum TransactionAttempt {
    Done,
    /// The condition of the write with this index failed.
    ConditionFailed(usize),
    /// The slots of the events with these indexes are taken.
    SlotsTaken(Vec<usize>),
}
