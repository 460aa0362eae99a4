//! Changes of the deployment, each written together with the event that tells of it: there is no change that the
//! log does not know of, and no event of one that did not happen. The stream carries the event on, so what must
//! follow from a change is never forgotten.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use ::events::{Accepted, Arrival, Attributes, EventId, Form};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put as PutRequest, TransactWriteItem, Update};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::config::{Config, Record, key};
use crate::error::Error;
use crate::events::Events;
use crate::put::slots;
use crate::retry;
use crate::target::{Paused, Target, TargetState};

/// The source, and the catalog, of Tidings' own events.
pub const OWN: &str = "tidings";

/// How long a change is tried.
const PATIENCE: Duration = Duration::from_secs(10);

/// The condition that a target is the one that was read, with what [`of_version`] gives.
const UNCHANGED: &str = "version = :version AND created_at = :created";

fn of_version(target: &Target, version: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (":version".to_owned(), AttributeValue::N(version.to_string())),
        (":created".to_owned(), AttributeValue::S(target.created_at.to_string())),
    ])
}

/// What an event of a change says.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What was done: `target-created`.
    pub event_type: &'a str,
    /// The name of the key it was done with.
    pub actor: &'a str,
    /// The name of what it was done to.
    pub subject: &'a str,
    /// What it is like now, without secrets.
    pub data: Value,
    /// What it was like before, without secrets.
    pub previous: Value,
}

/// One write of a change, and on which condition.
#[derive(Debug, Clone)]
pub struct Change(pub(crate) TransactWriteItem);

/// Whether a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It was, and this event tells of it.
    Done(EventId),
    /// The condition of this one of the writes did not hold: nothing was changed.
    Refused(usize),
}

impl Config {
    /// Adds a record, unless its name is taken.
    pub fn creating<T: Record>(&self, record: &T) -> Result<Change, Error> {
        self.putting(record, Some("attribute_not_exists(pk)"), HashMap::new())
    }

    /// Writes a record, whatever there is.
    pub fn writing<T: Record>(&self, record: &T) -> Result<Change, Error> {
        self.putting(record, None, HashMap::new())
    }

    /// Writes a record over the one that was created then: one that is removed meanwhile stays so.
    pub fn rewriting<T: Record>(&self, record: &T, created_at: Timestamp) -> Result<Change, Error> {
        let values = HashMap::from([(":created".to_owned(), AttributeValue::S(created_at.to_string()))]);
        self.putting(record, Some("created_at = :created"), values)
    }

    /// Writes a target over itself as it was at that version: one that was created anew meanwhile stays.
    pub fn replacing(&self, target: &Target, version: u64) -> Result<Change, Error> {
        self.putting(target, Some(UNCHANGED), of_version(target, version))
    }

    /// Removes a target, as long as it is this one in this version.
    pub fn removing_unchanged(&self, target: &Target) -> Result<Change, Error> {
        self.deleting::<Target>(&target.name, Some(UNCHANGED), of_version(target, target.version))
    }

    fn putting<T: Record>(
        &self,
        record: &T,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<Change, Error> {
        let put = PutRequest::builder()
            .table_name(self.table())
            .set_item(Some(self.item(record)?))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        let put = put.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(Change(TransactWriteItem::builder().put(put).build()))
    }

    /// Removes the record with this name; refused where there is none and `must_exist`.
    pub fn removing<T: Record>(&self, name: &str, must_exist: bool) -> Result<Change, Error> {
        self.deleting::<T>(name, must_exist.then_some("attribute_exists(pk)"), HashMap::new())
    }

    fn deleting<T: Record>(
        &self,
        name: &str,
        condition: Option<&str>,
        values: HashMap<String, AttributeValue>,
    ) -> Result<Change, Error> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(key::<T>(name)))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        let delete = delete.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(Change(TransactWriteItem::builder().delete(delete).build()))
    }

    /// Pauses a target, unless it is paused.
    pub fn pausing(&self, target: &str, paused: &Paused) -> Result<Change, Error> {
        let paused = serde_dynamo::to_attribute_value(paused).map_err(|e| Error::corrupt(self.table(), e))?;
        self.updating(
            target,
            "SET #name = :name, paused = :paused",
            "attribute_not_exists(paused)",
            vec![(":paused", paused), (":name", AttributeValue::S(target.to_owned()))],
        )
    }

    /// Ends the pause that began then; what was held is `replay`'s to send. What went wrong before no longer counts.
    pub fn resuming(&self, target: &str, since: Timestamp, replay: &str) -> Result<Change, Error> {
        self.updating(
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

    /// Notes that it is told of a failed delivery, unless that was told since `before`.
    pub fn telling_failed(&self, target: &str, now: Timestamp, before: Timestamp) -> Result<Change, Error> {
        self.updating(
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

    fn updating(
        &self,
        target: &str,
        expression: &str,
        condition: &str,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<Change, Error> {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut update = Update::builder()
            .table_name(self.table())
            .set_key(Some(key::<TargetState>(target)))
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#name", "name")
            .set_expression_attribute_values(Some(values));
        if condition.contains("#since") {
            update = update.expression_attribute_names("#since", "since");
        }
        let update = update.build().map_err(|e| Error::corrupt(self.table(), e))?;
        Ok(Change(TransactWriteItem::builder().update(update).build()))
    }
}

impl Events {
    /// The most changes and events that are made together: what DynamoDB takes in one transaction.
    pub const MOST_TOGETHER: usize = 100;

    /// Makes a change and writes its event, both or neither.
    pub async fn change(&self, entry: &Entry<'_>, changes: Vec<Change>) -> Result<Changed, Error> {
        let made = self.make(&[(entry.clone(), changes)]).await?;
        // One change has one event.
        Ok(made.map_or_else(Changed::Refused, |events| Changed::Done(events[0])))
    }

    /// Makes several changes and writes the event of each: all of it, or nothing. `None` where it was made, else which
    /// of the changes was refused.
    ///
    /// There may be [`Self::MOST_TOGETHER`] writes and events, of 4 MB.
    pub async fn change_together(&self, all: &[(Entry<'_>, Vec<Change>)]) -> Result<Option<usize>, Error> {
        let Err(write) = self.make(all).await? else { return Ok(None) };
        let ends = all.iter().scan(0, |end, (_, changes)| {
            *end += changes.len();
            Some(*end)
        });
        Ok(Some(ends.take_while(|end| *end <= write).count()))
    }

    /// Writes the event of what no change stands for, once for each `id`: what has happened again since is not told.
    pub async fn tell_once(&self, entry: &Entry<'_>, id: &str, at: Timestamp, deadline: Instant) -> Result<(), Error> {
        let attributes = Attributes { id: Some(id.to_owned()), ..Attributes::default() };
        let event = self.own_event(entry, at, attributes)?;
        self.put(&event, deadline).await.map(drop)
    }

    /// The events of the changes, once these are made; or which of all their writes was refused.
    async fn make(&self, all: &[(Entry<'_>, Vec<Change>)]) -> Result<Result<Vec<EventId>, usize>, Error> {
        let (now, deadline) = (self.retention.now(), Instant::now() + PATIENCE);
        let accepted = all.iter().map(|(entry, _)| self.own_event(entry, now, Attributes::default()));
        let accepted = accepted.collect::<Result<Vec<_>, _>>()?;
        let mut events = accepted.iter().map(|event| self.write(event)).collect::<Result<Vec<_>, _>>()?;
        let mut free: Vec<_> = accepted.iter().map(|event| slots(event.event.id)).collect();
        let mut places: Vec<Option<EventId>> = vec![None; all.len()];
        loop {
            for (index, event) in events.iter_mut().enumerate() {
                if places[index].is_some() {
                    continue;
                }
                // Two of them may want one slot, and a transaction may write an item once.
                let Some(id) = free[index].find(|id| !places.contains(&Some(*id))) else {
                    let reason = format!("no free slot from {} on", accepted[index].event.id);
                    return Err(Error::Failed { operation: "TransactWriteItems", reason });
                };
                event.item.place(id, self.shards);
                places[index] = Some(id);
            }
            let items = events.iter().map(|event| self.in_transaction(self.to_item(&event.item)?, true));
            let mut items = items.collect::<Result<Vec<_>, _>>()?;
            items.extend(all.iter().flat_map(|(_, changes)| changes).map(|change| change.0.clone()));
            // What was done although its answer was lost is answered again as done. An event like ours in our slot is
            // therefore that of somebody who asks for the same in the same millisecond, and must not be told yes too.
            let token = format!("{:032x}", fastrand::u128(..));
            let tried = || self.try_change(items.clone(), token.clone(), all.len());
            match retry::until(deadline, "TransactWriteItems", tried).await? {
                Made::Done => return Ok(Ok(places.into_iter().flatten().collect())),
                Made::Refused(write) => return Ok(Err(write)),
                Made::SlotsTaken(taken) => taken.into_iter().for_each(|index| places[index] = None),
            }
        }
    }

    fn own_event(&self, entry: &Entry<'_>, at: Timestamp, attributes: Attributes) -> Result<Accepted, Error> {
        let payload = json!({
            "type": entry.event_type,
            "time": at,
            "actor": entry.actor,
            "subject": entry.subject,
            "data": entry.data,
            "previous": entry.previous,
        });
        let bytes = Cow::Owned(payload.to_string().into_bytes());
        let received_at = self.retention.now();
        let arrival = Arrival { source: OWN, bytes, form: Form::Event, attributes, received_at };
        let refused = |reason: String| Error::corrupt(&self.table, format!("our own event is refused: {reason}"));
        let catalog = ::events::catalog(OWN).ok_or_else(|| refused("there is no catalog of that name".to_owned()))?;
        catalog.accept(&arrival).map_err(|wrong| refused(format!("{:?}", wrong.violations)))
    }

    /// Writes the items, the first so many of which are events.
    async fn try_change(&self, items: Vec<TransactWriteItem>, token: String, events: usize) -> Result<Made, Error> {
        let write = self.client.transact_write_items().set_transact_items(Some(items)).client_request_token(token);
        let Err(error) = write.send().await else { return Ok(Made::Done) };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            let reasons = cancelled.cancellation_reasons().iter().enumerate();
            let failed = reasons.clone().filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
            let (taken, refused): (Vec<usize>, Vec<usize>) = failed.map(|(index, _)| index).partition(|n| *n < events);
            if let Some(index) = refused.first() {
                return Ok(Made::Refused(index - events));
            }
            if !taken.is_empty() {
                return Ok(Made::SlotsTaken(taken));
            }
            if reasons.into_iter().any(|(_, reason)| reason.code().is_some_and(|code| code != "None")) {
                return Err(Error::Busy { operation: "TransactWriteItems" });
            }
        }
        Err(Error::sdk("TransactWriteItems", error))
    }
}

/// What came of one try.
enum Made {
    Done,
    /// The condition of this one of the changes did not hold.
    Refused(usize),
    /// Other events stand where these were to stand.
    SlotsTaken(Vec<usize>),
}
