//! Writing events, each once.

use std::collections::HashMap;

use ::events::{Accepted, EventId, KnownBy};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put as PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::error::Error;
use crate::events::{Events, units};
use crate::item::{EventItem, claim_key, inflate, link_key};
use crate::retry;

type Item = HashMap<String, AttributeValue>;

/// How many slots, its own and those after it, an event may stand in before it goes to the next
/// millisecond. Without this end, two producers that count alike would search through each other's
/// events one by one.
const NEIGHBOURS: u64 = 8;

/// How many milliseconds after its own an event may stand in.
pub(crate) const MAX_SPILL_MS: u64 = 64;

/// DynamoDB's limit for one transaction, less the event itself and its claim.
const LINKS_TOGETHER: usize = 98;

/// How many links beyond those are written at the same time.
const LINKS_AT_ONCE: usize = 16;

/// What became of an event that was written, and what that took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// What became of it.
    pub put: Put,
    /// The write units that DynamoDB says it took.
    pub units: f64,
}

/// What became of an event that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new, and stands at this id.
    Stored(EventId),
    /// The same event was sent before, and stands at this id.
    Duplicate(EventId),
    /// It was not written: the id that its request gave it is that of another event, at this id.
    Conflict(EventId),
}

/// What stands where a write wanted to.
enum Place {
    /// What was written.
    Free,
    /// The event that has the slot.
    Slot(Item),
    /// The claim of an event without a time of its own.
    Claim(Item),
}

/// One event on its way into the table.
pub(crate) struct Write<'a> {
    accepted: &'a Accepted,
    pub(crate) item: EventItem,
    /// What claims the event's fingerprint: without a time of its own it may come again at any later
    /// one, and its slot would not tell.
    claim: Option<String>,
}

impl Events {
    /// Writes an event into the first free of its slots, unless it stands in one already. What DynamoDB
    /// is too busy for is tried again until the deadline.
    ///
    /// Slots are taken by conditional puts, so two writers of one event cannot both succeed.
    pub async fn put(&self, accepted: &Accepted, deadline: Instant) -> Result<Written, Error> {
        let mut write = self.write(accepted)?;
        let mut units = 0.0;
        for id in slots(accepted.event.id) {
            write.item.place(id, self.shards);
            let put = match self.try_place(&write, deadline, &mut units).await? {
                Place::Free => Put::Stored(id),
                Place::Claim(claim) => self.claimed(&write, &claim)?,
                Place::Slot(taken) => match self.taken(&write, id, taken)? {
                    Some(put) => put,
                    None => continue,
                },
            };
            return Ok(Written { put, units });
        }
        let reason = format!("no free slot within {MAX_SPILL_MS} ms from {} on", accepted.event.id);
        Err(Error::Failed { operation: "PutItem", reason })
    }

    /// The item that an event is stored as, where its first slot is free.
    pub fn item(&self, accepted: &Accepted) -> Result<HashMap<String, AttributeValue>, Error> {
        let mut write = self.write(accepted)?;
        write.item.place(accepted.event.id, self.shards);
        self.to_item(&write.item)
    }

    pub(crate) fn write<'a>(&self, accepted: &'a Accepted) -> Result<Write<'a>, Error> {
        let expires = self.retention.expires(accepted.event.received_at);
        let mut item = EventItem::new(&accepted.event, &accepted.fingerprint, expires)?;
        item.stored_at(self.retention.now());
        let claims = !accepted.event.fields.time_given && accepted.known_by != KnownBy::Bytes;
        Ok(Write { accepted, item, claim: claims.then(|| claim_key(&accepted.fingerprint)) })
    }

    /// Tries to write the event where its item is placed.
    async fn try_place(&self, write: &Write<'_>, deadline: Instant, units: &mut f64) -> Result<Place, Error> {
        let further = write.item.further_entities();
        let (together, before) = further.split_at(further.len().min(LINKS_TOGETHER));
        *units += self.put_links(write, before, deadline).await?;
        let (place, used) = if together.is_empty() && write.claim.is_none() {
            retry::until(deadline, "PutItem", || self.put_alone(write)).await?
        } else {
            retry::until(deadline, "TransactWriteItems", || self.put_together(write, together)).await?
        };
        *units += used;
        Ok(place)
    }

    async fn put_alone(&self, write: &Write<'_>) -> Result<(Place, f64), Error> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.to_item(&write.item)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(done) => Ok((Place::Free, units(done.consumed_capacity()))),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    Ok((Place::Slot(taken.item().cloned().unwrap_or_default()), 0.0))
                }
                _ => Err(Error::sdk("PutItem", error)),
            },
        }
    }

    /// Writes the event, its claim, and links for these further entities: all or none.
    async fn put_together(&self, write: &Write<'_>, further: &[&str]) -> Result<(Place, f64), Error> {
        let mut writes = vec![self.in_transaction(self.to_item(&write.item)?, true)?];
        if let Some(key) = &write.claim {
            writes.push(self.in_transaction(claim(write, key), true)?);
        }
        for entity in further {
            writes.push(self.in_transaction(self.link(write, entity), false)?);
        }
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(done) => Ok((Place::Free, done.consumed_capacity().iter().map(|used| units(Some(used))).sum())),
            Err(error) => match cancelled(&error, write.claim.is_some()) {
                Some(place) => Ok((place?, 0.0)),
                None => Err(Error::sdk("TransactWriteItems", error)),
            },
        }
    }

    pub(crate) fn in_transaction(&self, item: Item, conditional: bool) -> Result<TransactWriteItem, Error> {
        let mut put = PutRequest::builder().table_name(&self.table).set_item(Some(item));
        if conditional {
            put = put
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        let put = put.build().map_err(|e| Error::corrupt(&self.table, e))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Writes the links that do not fit into the event's transaction, before it: a link to an event
    /// that is not there is passed over, an event without its link would not be found.
    async fn put_links(&self, write: &Write<'_>, entities: &[&str], deadline: Instant) -> Result<f64, Error> {
        let puts: Vec<_> = entities
            .iter()
            .map(|entity| {
                let link = self.link(write, entity);
                retry::until(deadline, "PutItem", move || self.put_link(link.clone()))
            })
            .collect();
        stream::iter(puts)
            .buffer_unordered(LINKS_AT_ONCE)
            .try_fold(0.0, |sum, used| async move { Ok(sum + used) })
            .await
    }

    async fn put_link(&self, link: Item) -> Result<f64, Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(link));
        let sent = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        sent.map(|done| units(done.consumed_capacity())).map_err(|error| Error::sdk("PutItem", error))
    }

    fn link(&self, write: &Write<'_>, entity: &str) -> Item {
        let id = write.item.sk;
        let mut link = Item::from([
            ("pk".to_owned(), AttributeValue::S(link_key(entity, id.shard(self.shards)))),
            ("sk".to_owned(), AttributeValue::N(id.to_string())),
        ]);
        link.extend(expires(write));
        link
    }

    pub(crate) fn to_item(&self, item: &EventItem) -> Result<Item, Error> {
        serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))
    }

    /// What it means that the event in the slot is there already; `None` where it is another one.
    fn taken(&self, write: &Write<'_>, id: EventId, taken: Item) -> Result<Option<Put>, Error> {
        let corrupt = || Error::corrupt(&self.table, "a taken slot came back without its fingerprint");
        let fingerprint = taken.get("fp").and_then(|fp| fp.as_b().ok()).ok_or_else(corrupt)?;
        if fingerprint.as_ref() != write.accepted.fingerprint.as_bytes() {
            return Ok(None);
        }
        // An id in the event says enough. One in a header may have been used for two events.
        if write.accepted.known_by == KnownBy::Request {
            let payload = taken.get("payload").and_then(|payload| payload.as_b().ok()).ok_or_else(corrupt)?;
            let packed = taken.get("z").and_then(|z| z.as_s().ok()).map(String::as_str);
            let payload =
                inflate(payload.as_ref().to_vec(), packed).map_err(|error| Error::corrupt(&self.table, error))?;
            if payload != write.accepted.event.payload {
                return Ok(Some(Put::Conflict(id)));
            }
        }
        Ok(Some(Put::Duplicate(id)))
    }

    /// What it means that the event was claimed already.
    fn claimed(&self, write: &Write<'_>, claim: &Item) -> Result<Put, Error> {
        let corrupt = || Error::corrupt(&self.table, "a claim came back without its event");
        let id = claim.get("id").and_then(|id| id.as_n().ok()?.parse().ok()).ok_or_else(corrupt)?;
        let same = claim.get("ph").and_then(|hash| hash.as_b().ok()).ok_or_else(corrupt)?.as_ref() == hash(write);
        let conflict = !same && write.accepted.known_by == KnownBy::Request;
        Ok(if conflict { Put::Conflict(id) } else { Put::Duplicate(id) })
    }
}

/// The slots that an event may stand in, in the order in which they are tried: its own and its
/// neighbours, then the same ones a millisecond later, and so on.
pub(crate) fn slots(first: EventId) -> impl Iterator<Item = EventId> {
    (0..MAX_SPILL_MS).flat_map(move |ms| (0..NEIGHBOURS).filter_map(move |next| first.after(ms, next)))
}

/// The item that says which event a fingerprint belongs to.
fn claim(write: &Write<'_>, key: &str) -> Item {
    let mut claim = Item::from([
        ("pk".to_owned(), AttributeValue::S(key.to_owned())),
        ("sk".to_owned(), AttributeValue::N("0".to_owned())),
        ("id".to_owned(), AttributeValue::N(write.item.sk.to_string())),
        ("ph".to_owned(), AttributeValue::B(hash(write).into())),
    ]);
    claim.extend(expires(write));
    claim
}

fn expires(write: &Write<'_>) -> Option<(String, AttributeValue)> {
    Some(("expires".to_owned(), AttributeValue::N(write.item.expires?.to_string())))
}

fn hash(write: &Write<'_>) -> Vec<u8> {
    Sha256::digest(&write.accepted.event.payload).to_vec()
}

/// Why a transaction did not happen, where it can be said; [`Error::Busy`] where it may happen yet.
fn cancelled(error: &SdkError<TransactWriteItemsError>, claims: bool) -> Option<Result<Place, Error>> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let taken = |index: usize| {
        let failed = reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"))?;
        Some(failed.item().cloned().unwrap_or_default())
    };
    if let Some(claim) = claims.then(|| taken(1)).flatten() {
        return Some(Ok(Place::Claim(claim)));
    }
    if let Some(slot) = taken(0) {
        return Some(Ok(Place::Slot(slot)));
    }
    let passes = |reason: &CancellationReason| {
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
            .iter()
            .any(|code| reason.code() == Some(code))
    };
    reasons.iter().any(passes).then_some(Err(Error::Busy { operation: "TransactWriteItems" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_neighbours_then_those_of_the_next_millisecond() {
        let first = EventId::from_u64(10 * 4096 + 4094).unwrap();
        let tried: Vec<u64> = slots(first).take(10).map(EventId::as_u64).collect();
        let own = first.as_u64();
        assert_eq!(tried[..8], (own..own + 8).collect::<Vec<_>>(), "a full millisecond spills into the next");
        assert_eq!(tried[8..], [own + 4096, own + 4097]);
        let all: std::collections::HashSet<EventId> = slots(first).collect();
        assert_eq!(all.len() as u64, MAX_SPILL_MS * NEIGHBOURS, "none is tried twice");
    }
}
