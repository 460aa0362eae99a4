//! Writing the status and attempts of deliveries.
//!
//! Two messages for one delivery may be processed at the same time, because the stream and the queue deliver at least
//! once. Each write is therefore conditional on the state that it expects. A write that was overtaken adds its attempt
//! and changes nothing else.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
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
        let mut update = self.append_attempt(outcome)?;
        update.set_status(key.target, outcome.status);
        update.set("made = :made", ":made", AttributeValue::N(outcome.made.to_string()));
        match outcome.next_attempt_at {
            Some(at) => update.set("next_attempt_at = :next", ":next", AttributeValue::S(at.to_string())),
            None => update.remove.push("next_attempt_at"),
        }
        update.remove.extend(["claimed_until", "claims"]);
        let is_same_run = match key.run {
            Some(run) => {
                update.value(":run", AttributeValue::S(run.to_owned()));
                "run = :run"
            }
            None => "attribute_not_exists(run)",
        };
        update.condition = is_same_run.into();
        if outcome.status != RecordedStatus::Delivered {
            update.value(":delivered", AttributeValue::S(RecordedStatus::Delivered.name().to_owned()));
            update.condition =
                format!("{is_same_run} AND (attribute_not_exists(#status) OR #status <> :delivered)").into();
        }
        if self.update(key, update).await? {
            return Ok(true);
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

    /// Holds a delivery because its target is paused. `unrecorded` is the number of claims of a first delivery without a
    /// recorded result. Deliveries that are delivered, failed, or owned by another run are unchanged.
    pub async fn hold(&self, key: DeliveryKey<'_>, unrecorded: u32) -> Result<(), Error> {
        let mut update = ItemUpdate::new();
        update.set_status(key.target, RecordedStatus::Held);
        update.set("made = :zero", ":zero", AttributeValue::N("0".to_owned()));
        update.set.push("#count = if_not_exists(#count, :zero)");
        update.set("held_at = :now", ":now", AttributeValue::S(self.retention.now().to_string()));
        update.remove.extend(["next_attempt_at", "claimed_until"]);
        if key.run.is_none() && unrecorded > 0 {
            update.set("claims = :claims", ":claims", AttributeValue::N(unrecorded.to_string()));
        }
        update.value(":waiting", AttributeValue::S(RecordedStatus::Waiting.name().to_owned()));
        update.condition = match key.run {
            None => "attribute_not_exists(pk) OR (#status = :waiting AND attribute_not_exists(run))".into(),
            Some(run) => {
                update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
                "attribute_not_exists(run) OR run < :run OR (run = :run AND #status = :waiting)".into()
            }
        };
        update.skip_delivered(key);
        if let Some(expires) = self.retention.expires(self.retention.now()) {
            update.set("expires = :expires", ":expires", AttributeValue::N(expires.to_string()));
        }
        self.update(key, update).await.map(drop)
    }

    /// Claims the delivery for one attempt of a run until `until`. Returns the number of earlier claims since the last
    /// recorded attempt; `None` if another worker has claimed the delivery or it is done. `first` means that the run has
    /// not attempted the delivery before.
    pub async fn claim(
        &self,
        key: DeliveryKey<'_>,
        run: &str,
        first: bool,
        until: Timestamp,
    ) -> Result<Option<u32>, Error> {
        let mut update = ItemUpdate::new();
        update.set_status(key.target, RecordedStatus::Waiting);
        update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
        let until = AttributeValue::N(until.as_millisecond().to_string());
        update.set("claimed_until = :until", ":until", until);
        let one = AttributeValue::N("1".to_owned());
        update.set("claims = if_not_exists(claims, :zero) + :one", ":one", one);
        update.set("#count = if_not_exists(#count, :zero)", ":zero", AttributeValue::N("0".to_owned()));
        if first {
            update.set.push("made = :zero");
            update.condition = "attribute_not_exists(run) OR run < :run".into();
            update.skip_delivered(key);
        } else {
            let now = self.retention.now().as_millisecond();
            update.value(":now", AttributeValue::N(now.to_string()));
            update.value(":held", AttributeValue::S(RecordedStatus::Held.name().to_owned()));
            update.condition = "run = :run AND #status IN (:status, :held) \
                 AND (attribute_not_exists(claimed_until) OR claimed_until < :now)"
                .into();
        }
        // Only the updated attributes: the others include every recorded attempt.
        let updated = send_update(self.update_request(key, update).return_values(ReturnValue::UpdatedNew)).await?;
        let claims = |new: Item| new.get("claims").and_then(|claims| claims.as_n().ok()?.parse().ok());
        Ok(updated.map(|new| claims(new).unwrap_or(1u32).saturating_sub(1)))
    }

    /// Sets a delivery with the status `from` to waiting, because a run is about to send it. Returns `false` if the
    /// delivery has changed since, for example because it was held again or belongs to a newer run.
    pub async fn release(&self, key: DeliveryKey<'_>, from: RecordedStatus) -> Result<bool, Error> {
        let Some(run) = key.run else { return Ok(false) };
        let mut update = ItemUpdate::new();
        update.set_status(key.target, RecordedStatus::Waiting);
        update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
        update.set("made = :zero", ":zero", AttributeValue::N("0".to_owned()));
        update.value(":from", AttributeValue::S(from.name().to_owned()));
        update.condition = "#status = :from AND (attribute_not_exists(run) OR run < :run)".into();
        self.update(key, update).await
    }

    /// Undoes [`Self::release`], because the message could not be sent.
    pub async fn undo_release(&self, key: DeliveryKey<'_>, to: RecordedStatus) -> Result<(), Error> {
        let Some(run) = key.run else { return Ok(()) };
        let mut update = ItemUpdate::new();
        update.set_status(key.target, to);
        update.value(":run", AttributeValue::S(run.to_owned()));
        update.value(":waiting", AttributeValue::S(RecordedStatus::Waiting.name().to_owned()));
        update.condition = "#status = :waiting AND run = :run AND made = :none".into();
        update.value(":none", AttributeValue::N("0".to_owned()));
        self.update(key, update).await.map(drop)
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
