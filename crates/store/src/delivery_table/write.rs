//! Writing where a delivery stands.
//!
//! Two messages for one delivery may be at work at the same time: the stream and the queue give everything at
//! least once. Each write therefore says what it takes the record to be, and what is overtaken adds its attempt and
//! changes nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

use ::events::EventId;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use serde::Serialize;

use super::{Attempt, Deliveries, Last, Status, key};
use crate::error::Error;
use crate::events::Item;

/// How many attempts a record keeps: an item ends at 400 KB, and one may take 3.
const KEPT: usize = 100;

/// The longest error that stands in lists.
const SHORT: usize = 300;

/// The part of an event's delivery that a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'a> {
    /// The event.
    pub event: EventId,
    /// The target's name.
    pub target: &'a str,
    /// The replay or retry; `None` for the event's own way.
    pub run: Option<&'a str>,
    /// Whether that is about what has not been delivered alone.
    pub undelivered: bool,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// Where the delivery stands now.
    pub status: Status,
    /// How many attempts there were since the schedule began, with this one.
    pub made: u32,
    /// When the next one is due.
    pub next_attempt_at: Option<Timestamp>,
    /// How many attempts were on record before.
    pub before: usize,
}

/// The record of a delivery after its first attempt.
#[derive(Serialize)]
struct First<'a> {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    attempts: [&'a Attempt; 1],
    count: u32,
    made: u32,
    last: Last,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

impl Last {
    fn of(attempt: &Attempt) -> Self {
        let error = attempt.error.as_ref().map(|error| error.chars().take(SHORT).collect());
        Self { at: attempt.at, ms: attempt.duration_ms, status: attempt.status, error }
    }
}

/// An update in the making: what is set, what is removed, on which condition.
struct Update {
    set: Vec<&'static str>,
    remove: Vec<&'static str>,
    condition: Cow<'static, str>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    fn new() -> Self {
        Self { set: Vec::new(), remove: Vec::new(), condition: Cow::Borrowed(""), values: HashMap::new() }
    }

    fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.insert(name.to_owned(), value);
    }

    fn set(&mut self, assignment: &'static str, name: &str, value: AttributeValue) {
        self.set.push(assignment);
        self.value(name, value);
    }

    /// Changes nothing where it is delivered, if the turn is not about that.
    fn spare_delivered(&mut self, turn: Turn<'_>) {
        if turn.undelivered {
            self.value(":delivered", AttributeValue::S(Status::Delivered.name().to_owned()));
            self.condition =
                format!("({}) AND (attribute_not_exists(#status) OR #status <> :delivered)", self.condition).into();
        }
    }

    /// Where the delivery stands. What is not delivered stands in an index of its own.
    fn status(&mut self, target: &str, status: Status) {
        self.set("#status = :status", ":status", AttributeValue::S(status.name().to_owned()));
        match status {
            Status::Delivered => self.remove.push("ts"),
            _ => self.set("ts = :ts", ":ts", AttributeValue::S(status_key(target, status))),
        }
    }
}

/// The partition key of the index `by_status`, of what is not delivered.
pub fn status_key(target: &str, status: Status) -> String {
    format!("{target}#{}", status.name())
}

impl Deliveries {
    /// Adds an attempt, and says where the delivery stands now. `false` where something newer had overtaken it:
    /// then the attempt is on record and nothing else has changed.
    pub async fn record(&self, turn: Turn<'_>, outcome: Outcome<'_>) -> Result<bool, Error> {
        // Most deliveries are made at the first attempt: a put is less work than an update.
        if outcome.before == 0 && turn.run.is_none() && self.put_first(turn, outcome).await? {
            return Ok(true);
        }
        let mut update = self.adding(outcome)?;
        update.status(turn.target, outcome.status);
        update.set("made = :made", ":made", AttributeValue::N(outcome.made.to_string()));
        match outcome.next_attempt_at {
            Some(at) => update.set("next_attempt_at = :next", ":next", AttributeValue::S(at.to_string())),
            None => update.remove.push("next_attempt_at"),
        }
        update.remove.extend(["claimed_until", "claims"]);
        let own = match turn.run {
            Some(run) => {
                update.value(":run", AttributeValue::S(run.to_owned()));
                "run = :run"
            }
            None => "attribute_not_exists(run)",
        };
        update.condition = own.into();
        if outcome.status != Status::Delivered {
            update.value(":delivered", AttributeValue::S(Status::Delivered.name().to_owned()));
            update.condition = format!("{own} AND (attribute_not_exists(#status) OR #status <> :delivered)").into();
        }
        if self.update(turn, update).await? {
            return Ok(true);
        }
        let mut update = self.adding(outcome)?;
        update.condition = "attribute_exists(pk)".into();
        self.update(turn, update).await?;
        Ok(false)
    }

    /// Writes the record of a first attempt; `false` where there is a record.
    async fn put_first(&self, turn: Turn<'_>, outcome: Outcome<'_>) -> Result<bool, Error> {
        let first = First {
            status: outcome.status,
            ts: (outcome.status != Status::Delivered).then(|| status_key(turn.target, outcome.status)),
            attempts: [outcome.attempt],
            count: 1,
            made: outcome.made,
            last: Last::of(outcome.attempt),
            next_attempt_at: outcome.next_attempt_at,
            expires: self.retention.expires(outcome.attempt.at),
        };
        let mut item: Item = serde_dynamo::to_item(first).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(key(turn.event, turn.target));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(e) => Err(Error::sdk("PutItem", e)),
        }
    }

    /// The update that adds an attempt.
    fn adding(&self, outcome: Outcome<'_>) -> Result<Update, Error> {
        let attempt = outcome.attempt;
        let value = |value: serde_dynamo::Result<AttributeValue>| value.map_err(|e| Error::corrupt(&self.table, e));
        let mut update = Update::new();
        let list = AttributeValue::L(vec![value(serde_dynamo::to_attribute_value(attempt))?]);
        update.set("attempts = list_append(if_not_exists(attempts, :none), :attempt)", ":attempt", list);
        update.value(":none", AttributeValue::L(Vec::new()));
        update.set("#count = if_not_exists(#count, :zero) + :one", ":zero", AttributeValue::N("0".to_owned()));
        update.value(":one", AttributeValue::N("1".to_owned()));
        let last = Last::of(attempt);
        update.set("#last = :last", ":last", value(serde_dynamo::to_attribute_value(last))?);
        if let Some(expires) = self.retention.expires(attempt.at) {
            update.set("expires = :expires", ":expires", AttributeValue::N(expires.to_string()));
        }
        // An update sees the list as it was: when this one is added, the first goes.
        if outcome.before >= KEPT {
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

    /// Holds a delivery because its target is paused; on its own way, it was taken up so often and nothing put on record.
    /// Nothing happens where it is delivered, failed, or somebody else's turn already.
    pub async fn hold(&self, turn: Turn<'_>, unrecorded: u32) -> Result<(), Error> {
        let mut update = Update::new();
        update.status(turn.target, Status::Held);
        update.set("made = :zero", ":zero", AttributeValue::N("0".to_owned()));
        update.set.push("#count = if_not_exists(#count, :zero)");
        update.set("held_at = :now", ":now", AttributeValue::S(self.retention.now().to_string()));
        update.remove.extend(["next_attempt_at", "claimed_until"]);
        if turn.run.is_none() && unrecorded > 0 {
            update.set("claims = :claims", ":claims", AttributeValue::N(unrecorded.to_string()));
        }
        update.value(":waiting", AttributeValue::S(Status::Waiting.name().to_owned()));
        update.condition = match turn.run {
            None => "attribute_not_exists(pk) OR (#status = :waiting AND attribute_not_exists(run))".into(),
            Some(run) => {
                update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
                "attribute_not_exists(run) OR run < :run OR (run = :run AND #status = :waiting)".into()
            }
        };
        update.spare_delivered(turn);
        if let Some(expires) = self.retention.expires(self.retention.now()) {
            update.set("expires = :expires", ":expires", AttributeValue::N(expires.to_string()));
        }
        self.update(turn, update).await.map(drop)
    }

    /// Takes the delivery for one attempt of a run, until a time, and says how often that was done since the last one on
    /// record; `None` where somebody else has it, or it is done. `first` says that this run has made none yet.
    pub async fn claim(&self, turn: Turn<'_>, run: &str, first: bool, until: Timestamp) -> Result<Option<u32>, Error> {
        let mut update = Update::new();
        update.status(turn.target, Status::Waiting);
        update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
        let until = AttributeValue::N(until.as_millisecond().to_string());
        update.set("claimed_until = :until", ":until", until);
        let one = AttributeValue::N("1".to_owned());
        update.set("claims = if_not_exists(claims, :zero) + :one", ":one", one);
        update.set("#count = if_not_exists(#count, :zero)", ":zero", AttributeValue::N("0".to_owned()));
        if first {
            update.set.push("made = :zero");
            update.condition = "attribute_not_exists(run) OR run < :run".into();
            update.spare_delivered(turn);
        } else {
            let now = self.retention.now().as_millisecond();
            update.value(":now", AttributeValue::N(now.to_string()));
            update.value(":held", AttributeValue::S(Status::Held.name().to_owned()));
            update.condition = "run = :run AND #status IN (:status, :held) \
                 AND (attribute_not_exists(claimed_until) OR claimed_until < :now)"
                .into();
        }
        // Of nothing but this: it would be every attempt on record.
        let changed = changed(self.request(turn, update).return_values(ReturnValue::UpdatedNew)).await?;
        let claims = |new: Item| new.get("claims").and_then(|claims| claims.as_n().ok()?.parse().ok());
        Ok(changed.map(|new| claims(new).unwrap_or(1u32).saturating_sub(1)))
    }

    /// Notes that a delivery which stood `from` is on its way again; whether that is so. Not where something has
    /// brought it further since: it may be held anew, or somebody else's.
    pub async fn release(&self, turn: Turn<'_>, from: Status) -> Result<bool, Error> {
        let Some(run) = turn.run else { return Ok(false) };
        let mut update = Update::new();
        update.status(turn.target, Status::Waiting);
        update.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
        update.set("made = :zero", ":zero", AttributeValue::N("0".to_owned()));
        update.value(":from", AttributeValue::S(from.name().to_owned()));
        update.condition = "#status = :from AND (attribute_not_exists(run) OR run < :run)".into();
        self.update(turn, update).await
    }

    /// Takes back that a delivery is on its way, because nothing was sent.
    pub async fn unrelease(&self, turn: Turn<'_>, to: Status) -> Result<(), Error> {
        let Some(run) = turn.run else { return Ok(()) };
        let mut update = Update::new();
        update.status(turn.target, to);
        update.value(":run", AttributeValue::S(run.to_owned()));
        update.value(":waiting", AttributeValue::S(Status::Waiting.name().to_owned()));
        update.condition = "#status = :waiting AND run = :run AND made = :none".into();
        update.value(":none", AttributeValue::N("0".to_owned()));
        self.update(turn, update).await.map(drop)
    }

    /// Whether the record was as the condition says, and is updated.
    async fn update(&self, turn: Turn<'_>, update: Update) -> Result<bool, Error> {
        Ok(changed(self.request(turn, update)).await?.is_some())
    }

    fn request(&self, turn: Turn<'_>, update: Update) -> UpdateItemFluentBuilder {
        let Update { set, mut remove, condition, values } = update;
        remove.sort_unstable();
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let expression = format!("SET {}{remove}", set.join(", "));
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(turn.event, turn.target)))
            .set_expression_attribute_values(Some(values));
        for (name, attribute) in [("#status", "status"), ("#count", "count"), ("#last", "last")] {
            if expression.contains(name) || condition.contains(name) {
                request = request.expression_attribute_names(name, attribute);
            }
        }
        request.update_expression(expression).condition_expression(condition)
    }
}

/// What an update returns; `None` where the record was not as its condition says.
async fn changed(request: UpdateItemFluentBuilder) -> Result<Option<Item>, Error> {
    match request.send().await {
        Ok(changed) => Ok(Some(changed.attributes.unwrap_or_default())),
        Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(None),
        Err(e) => Err(Error::sdk("UpdateItem", e)),
    }
}
