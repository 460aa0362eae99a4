//! Writing the status and attempts of deliveries.
//!
//! `model::delivery` decides what is written: each write is a transition, whose guard becomes the condition of the
//! write. Two messages for one delivery may be processed at the same time, because the stream and the queue deliver at
//! least once. An attempt that was overtaken is added to the record, and changes nothing else.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use model::delivery::transition::{DeliveryEvent, Transition, transition};
use model::{Attempt, AttemptOutcome, DeliveryKey, LastAttempt, RecordedStatus};
use serde::Serialize;

use super::item_update::{ItemUpdate, status_key};
use super::table::{DeliveryTable, delivery_key};
use crate::batch_get::Item;
use crate::error::Error;

/// Maximum number of attempts in a record: DynamoDB limits items to 400 KB, and an attempt may take 3 KB.
const MAX_RECORDED_ATTEMPTS: usize = 100;

/// The item of a delivery after its first attempt.
#[derive(Serialize)]
struct FirstAttemptItem<'a> {
    status: RecordedStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    attempts: [&'a Attempt; 1],
    count: u32,
    made: u32,
    last: LastAttempt,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

impl DeliveryTable {
    /// Records an attempt and the new status. Returns `false` if a newer run has changed the delivery meanwhile: the
    /// attempt is then recorded, and the status is unchanged.
    pub async fn record_attempt(&self, key: DeliveryKey<'_>, outcome: AttemptOutcome<'_>) -> Result<bool, Error> {
        // Most deliveries succeed at the first attempt, and a put costs less than an update.
        if outcome.before == 0 && key.run.is_none() && self.put_first(key, outcome).await? {
            return Ok(true);
        }
        let AttemptOutcome { status, made, next_attempt_at, .. } = outcome;
        if let Some(transition) = transition(key, DeliveryEvent::Attempted { status, made, next_attempt_at }) {
            let mut update = self.append_attempt(outcome)?;
            update.change(key, &transition.change);
            update.guard(&transition.guard);
            if self.update(key, update).await? {
                return Ok(true);
            }
        }
        let mut update = self.append_attempt(outcome)?;
        update.condition = "attribute_exists(pk)".into();
        self.update(key, update).await?;
        Ok(false)
    }

    /// Writes the record of a first attempt. Returns `false` if there is a record already.
    async fn put_first(&self, key: DeliveryKey<'_>, outcome: AttemptOutcome<'_>) -> Result<bool, Error> {
        let first = FirstAttemptItem {
            status: outcome.status,
            ts: (outcome.status != RecordedStatus::Delivered).then(|| status_key(key.target, outcome.status)),
            attempts: [outcome.attempt],
            count: 1,
            made: outcome.made,
            last: LastAttempt::of(outcome.attempt),
            target_created_at: key.target_created_at,
            next_attempt_at: outcome.next_attempt_at,
            expires: self.retention.expires(outcome.attempt.at),
        };
        let mut item: Item = serde_dynamo::to_item(first).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(delivery_key(key.event, key.target));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(e) => Err(Error::sdk("PutItem", e)),
        }
    }

    /// Returns an update that appends an attempt.
    fn append_attempt(&self, outcome: AttemptOutcome<'_>) -> Result<ItemUpdate, Error> {
        let attempt = outcome.attempt;
        let value = |value: serde_dynamo::Result<AttributeValue>| value.map_err(|e| Error::corrupt(&self.table, e));
        let mut update = ItemUpdate::new();
        let list = AttributeValue::L(vec![value(serde_dynamo::to_attribute_value(attempt))?]);
        update.set("attempts = list_append(if_not_exists(attempts, :none), :attempt)", ":attempt", list);
        update.value(":none", AttributeValue::L(Vec::new()));
        update.set("#count = if_not_exists(#count, :zero) + :one", ":zero", AttributeValue::N("0".to_owned()));
        update.value(":one", AttributeValue::N("1".to_owned()));
        let last = LastAttempt::of(attempt);
        update.set("#last = :last", ":last", value(serde_dynamo::to_attribute_value(last))?);
        if let Some(expires) = self.retention.expires(attempt.at) {
            update.set("expires = :expires", ":expires", AttributeValue::N(expires.to_string()));
        }
        // An update sees the list before the update: the oldest attempt is removed when this one is appended.
        if outcome.before >= MAX_RECORDED_ATTEMPTS {
            update.set.remove(0);
            let (first, rest) = ("attempts[0]", AttributeValue::L(Vec::new()));
            update.remove.push(first);
            update.value(":none", rest);
            update.set.insert(0, "attempts[1000] = :added");
            let attempt = update.values.remove(":attempt");
            update.values.remove(":none");
            if let Some(AttributeValue::L(mut list)) = attempt {
                update.values.extend(list.pop().map(|added| (":added".to_owned(), added)));
            }
        }
        Ok(update)
    }

    /// Holds a delivery because its target is paused. `lost_attempts` is the number of attempts of a first delivery
    /// without a recorded result.
    pub async fn hold(&self, key: DeliveryKey<'_>, lost_attempts: u32) -> Result<(), Error> {
        let event = DeliveryEvent::Held { now: self.retention.now(), lost_attempts };
        self.apply(key, event).await.map(drop)
    }

    /// Claims the delivery for one attempt of a run until `until`. Returns the number of earlier claims since the last
    /// recorded attempt; `None` if another worker has claimed the delivery or it is done. `is_new_run` means that the
    /// delivery does not belong to the run yet.
    pub async fn claim(&self, key: DeliveryKey<'_>, is_new_run: bool, until: Timestamp) -> Result<Option<u32>, Error> {
        let updated = self.apply(key, DeliveryEvent::Claimed { is_new_run, now: self.retention.now(), until }).await?;
        let claims = |new: Item| new.get("claims").and_then(|claims| claims.as_n().ok()?.parse().ok());
        Ok(updated.map(|new| claims(new).unwrap_or(1u32).saturating_sub(1)))
    }

    /// Sets a delivery with the status `from` to waiting, because a run is about to send it. Returns `false` if the
    /// delivery has changed since, for example because it was held again or belongs to a newer run.
    pub async fn release(&self, key: DeliveryKey<'_>, from: RecordedStatus) -> Result<bool, Error> {
        Ok(self.apply(key, DeliveryEvent::Released { from }).await?.is_some())
    }

    /// Undoes [`Self::release`], because the message could not be sent.
    pub async fn undo_release(&self, key: DeliveryKey<'_>, to: RecordedStatus) -> Result<(), Error> {
        self.apply(key, DeliveryEvent::ReleaseUndone { to }).await.map(drop)
    }

    /// Writes the transition of an event. Returns the updated attributes; `None` if the event does not apply to the
    /// current state.
    async fn apply(&self, key: DeliveryKey<'_>, event: DeliveryEvent) -> Result<Option<Item>, Error> {
        let Some(Transition { guard, change }) = transition(key, event) else { return Ok(None) };
        let mut update = ItemUpdate::new();
        update.change(key, &change);
        update.guard(&guard);
        if guard.allows_missing_record() {
            update.set("#count = if_not_exists(#count, :zero)", ":zero", AttributeValue::N("0".to_owned()));
        }
        // The expiry of a delivery follows its last attempt, or its last hold.
        if let Some(expires) = change.held_at.and_then(|held_at| self.retention.expires(held_at)) {
            update.set("expires = :expires", ":expires", AttributeValue::N(expires.to_string()));
        }
        // Only the updated attributes: the others include every recorded attempt.
        send_update(self.update_request(key, update).return_values(ReturnValue::UpdatedNew)).await
    }

    /// Sends an update. Returns whether its condition held.
    async fn update(&self, key: DeliveryKey<'_>, update: ItemUpdate) -> Result<bool, Error> {
        Ok(send_update(self.update_request(key, update)).await?.is_some())
    }

    fn update_request(&self, key: DeliveryKey<'_>, update: ItemUpdate) -> UpdateItemFluentBuilder {
        let ItemUpdate { set, mut remove, condition, values } = update;
        remove.sort_unstable();
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let expression = format!("SET {}{remove}", set.join(", "));
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(delivery_key(key.event, key.target)))
            .set_expression_attribute_values(Some(values));
        for (name, attribute) in [("#status", "status"), ("#count", "count"), ("#last", "last")] {
            if expression.contains(name) || condition.contains(name) {
                request = request.expression_attribute_names(name, attribute);
            }
        }
        request.update_expression(expression).condition_expression(condition)
    }
}

/// Sends an update. Returns its response; `None` if its condition failed.
async fn send_update(request: UpdateItemFluentBuilder) -> Result<Option<Item>, Error> {
    match request.send().await {
        Ok(updated) => Ok(Some(updated.attributes.unwrap_or_default())),
        Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(None),
        Err(e) => Err(Error::sdk("UpdateItem", e)),
    }
}
