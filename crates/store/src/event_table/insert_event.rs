//! Inserting events, each of them once.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put as PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use events::{AcceptedEvent, DedupKey, EventId, MAX_SPILL_MS};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::event_item::EventItem;
use super::item_key::{claim_key, link_key};
use super::pack_fence::PackFence;
use super::table::EventTable;
use crate::batch_get::{Item, consumed_units};
use crate::compression::decompress;
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// Number of slots per millisecond that an event can use: its own and those after it. Without this limit, two producers
/// with the same sequence numbers would probe each other's events one by one.
const SLOTS_PER_MILLISECOND: u64 = 8;

/// Maximum number of links in one transaction: DynamoDB's limit less the event and its claim.
const MAX_LINKS_PER_TRANSACTION: usize = 98;

/// Maximum number of concurrent writes of links outside the transaction.
const MAX_CONCURRENT_LINK_WRITES: usize = 16;

/// The result of an insert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InsertResult {
    /// Outcome of the insert.
    pub outcome: InsertOutcome,
    /// Consumed write units.
    pub write_units: f64,
}

/// The outcome of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertOutcome {
    /// The event is new and was stored under this id.
    Stored(EventId),
    /// The same event is already stored under this id.
    Duplicate(EventId),
    /// The event was rejected: its `Idempotency-Key` belongs to another event, which is stored under this id.
    Conflict(EventId),
}

/// The occupant of a slot.
enum SlotOccupant {
    /// The event, which has just been written.
    Inserted,
    /// The item of the event that has the slot.
    Event(Item),
    /// The claim item of an event without its own time.
    Claim(Item),
}

/// An event that is about to be inserted.
pub(crate) struct PendingInsert<'a> {
    accepted: &'a AcceptedEvent,
    pub(crate) item: EventItem,
    /// Partition key of the claim of the event's fingerprint. An event without its own time gets another slot when it is
    /// sent again, so its slot cannot detect a duplicate.
    claim: Option<String>,
}

impl EventTable {
    /// Inserts an event into the first of its slots that is free, unless the event is stored already. Throttled writes
    /// are retried until the deadline.
    ///
    /// Slots are taken by conditional writes, so two writers of the same event cannot both succeed.
    pub async fn insert(&self, accepted: &AcceptedEvent, deadline: Instant) -> Result<InsertResult, Error> {
        let fence = retry_throttled(deadline, "BatchGetItem", || self.pack_fence()).await?;
        let mut insert = self.prepare_insert(accepted, fence)?;
        let mut write_units = 0.0;
        for id in slots(accepted.event.id) {
            insert.item.place(id, self.shards);
            let outcome = match self.try_slot(&insert, deadline, &mut write_units).await? {
                SlotOccupant::Inserted => InsertOutcome::Stored(id),
                SlotOccupant::Claim(claim) => self.outcome_of_claim(&insert, &claim)?,
                SlotOccupant::Event(item) => match self.outcome_of_conflict(&insert, id, &item)? {
                    Some(outcome) => outcome,
                    None => continue,
                },
            };
            return Ok(InsertResult { outcome, write_units });
        }
        let reason = format!("no free slot within {MAX_SPILL_MS} ms from {} on", accepted.event.id);
        Err(Error::Failed { operation: "PutItem", reason })
    }

    /// Returns the item of an event in its first slot.
    pub fn item(&self, accepted: &AcceptedEvent) -> Result<Item, Error> {
        let mut insert = self.prepare_insert(accepted, PackFence::default())?;
        insert.item.place(accepted.event.id, self.shards);
        self.to_item(&insert.item)
    }

    pub(crate) fn prepare_insert<'a>(
        &self,
        accepted: &'a AcceptedEvent,
        fence: PackFence,
    ) -> Result<PendingInsert<'a>, Error> {
        let expires = self.retention.expires(accepted.event.received_at);
        let mut item = EventItem::new(&accepted.event, &accepted.fingerprint, expires)?;
        item.set_stored_at(self.retention.now(), fence);
        let claims = !accepted.event.fields.time_given && accepted.dedup_key != DedupKey::Bytes;
        Ok(PendingInsert { accepted, item, claim: claims.then(|| claim_key(&accepted.fingerprint)) })
    }

    /// Tries to insert the event into the slot of its item.
    async fn try_slot(
        &self,
        insert: &PendingInsert<'_>,
        deadline: Instant,
        units: &mut f64,
    ) -> Result<SlotOccupant, Error> {
        let further = insert.item.further_entities();
        let (in_transaction, before) = further.split_at(further.len().min(MAX_LINKS_PER_TRANSACTION));
        *units += self.put_links(insert, before, deadline).await?;
        let (occupant, used) = if in_transaction.is_empty() && insert.claim.is_none() {
            retry_throttled(deadline, "PutItem", || self.put_alone(insert)).await?
        } else {
            retry_throttled(deadline, "TransactWriteItems", || self.put_in_transaction(insert, in_transaction)).await?
        };
        *units += used;
        Ok(occupant)
    }

    async fn put_alone(&self, insert: &PendingInsert<'_>) -> Result<(SlotOccupant, f64), Error> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.to_item(&insert.item)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(done) => Ok((SlotOccupant::Inserted, consumed_units(done.consumed_capacity()))),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    Ok((SlotOccupant::Event(taken.item().cloned().unwrap_or_default()), 0.0))
                }
                _ => Err(Error::sdk("PutItem", error)),
            },
        }
    }

    /// Writes the event, its claim, and the links of its further entities in one transaction.
    async fn put_in_transaction(
        &self,
        insert: &PendingInsert<'_>,
        further: &[&str],
    ) -> Result<(SlotOccupant, f64), Error> {
        let mut writes = vec![self.in_transaction(self.to_item(&insert.item)?, true)?];
        if let Some(key) = &insert.claim {
            writes.push(self.in_transaction(claim_item(insert, key), true)?);
        }
        for entity in further {
            writes.push(self.in_transaction(self.link(insert, entity), false)?);
        }
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(done) => Ok((
                SlotOccupant::Inserted,
                done.consumed_capacity().iter().map(|used| consumed_units(Some(used))).sum(),
            )),
            Err(error) => match cancellation_cause(&error, insert.claim.is_some()) {
                Some(occupant) => Ok((occupant?, 0.0)),
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

    /// Writes the links that do not fit into the event's transaction. They are written before the event: a link without
    /// an event is ignored, but an event without its link would not be found.
    async fn put_links(&self, insert: &PendingInsert<'_>, entities: &[&str], deadline: Instant) -> Result<f64, Error> {
        let puts: Vec<_> = entities
            .iter()
            .map(|entity| {
                let link = self.link(insert, entity);
                retry_throttled(deadline, "PutItem", move || self.put_link(link.clone()))
            })
            .collect();
        stream::iter(puts)
            .buffer_unordered(MAX_CONCURRENT_LINK_WRITES)
            .try_fold(0.0, |sum, used| async move { Ok(sum + used) })
            .await
    }

    async fn put_link(&self, link: Item) -> Result<f64, Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(link));
        let sent = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        sent.map(|done| consumed_units(done.consumed_capacity())).map_err(|error| Error::sdk("PutItem", error))
    }

    fn link(&self, insert: &PendingInsert<'_>, entity: &str) -> Item {
        let id = insert.item.sk;
        let mut link = Item::from([
            ("pk".to_owned(), AttributeValue::S(link_key(entity, id.shard(self.shards)))),
            ("sk".to_owned(), AttributeValue::N(id.to_string())),
        ]);
        link.extend(expires(insert));
        link
    }

    pub(crate) fn to_item(&self, item: &EventItem) -> Result<Item, Error> {
        serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))
    }

    /// Classifies a conflict with the event in a slot; `None` if it is a different event.
    fn outcome_of_conflict(
        &self,
        insert: &PendingInsert<'_>,
        id: EventId,
        stored: &Item,
    ) -> Result<Option<InsertOutcome>, Error> {
        let corrupt = || Error::corrupt(&self.table, "the item of a taken slot has no fingerprint or payload");
        let fingerprint = stored.get("fp").and_then(|fp| fp.as_b().ok()).ok_or_else(corrupt)?;
        if fingerprint.as_ref() != insert.accepted.fingerprint.as_bytes() {
            return Ok(None);
        }
        // An id inside the event identifies it. An id in a header may have been used for two events.
        if insert.accepted.dedup_key == DedupKey::RequestId {
            let payload = stored.get("payload").and_then(|payload| payload.as_b().ok()).ok_or_else(corrupt)?;
            let compression = stored.get("z").and_then(|z| z.as_s().ok()).map(String::as_str);
            let payload = decompress(payload.as_ref().to_vec(), compression)
                .map_err(|error| Error::corrupt(&self.table, error))?;
            if payload != insert.accepted.event.payload {
                return Ok(Some(InsertOutcome::Conflict(id)));
            }
        }
        Ok(Some(InsertOutcome::Duplicate(id)))
    }

    /// Classifies a conflict with the claim of an event.
    fn outcome_of_claim(&self, insert: &PendingInsert<'_>, claim: &Item) -> Result<InsertOutcome, Error> {
        let corrupt = || Error::corrupt(&self.table, "the claim item has no event");
        let id = claim.get("id").and_then(|id| id.as_n().ok()?.parse().ok()).ok_or_else(corrupt)?;
        let is_same =
            claim.get("ph").and_then(|hash| hash.as_b().ok()).ok_or_else(corrupt)?.as_ref() == payload_hash(insert);
        let is_conflict = !is_same && insert.accepted.dedup_key == DedupKey::RequestId;
        Ok(if is_conflict { InsertOutcome::Conflict(id) } else { InsertOutcome::Duplicate(id) })
    }
}

/// Returns the slots that an event can use, in the order in which they are tried: its own slot and those after it, then
/// the same slots a millisecond later, and so on.
pub(crate) fn slots(first: EventId) -> impl Iterator<Item = EventId> {
    (0..MAX_SPILL_MS).flat_map(move |ms| (0..SLOTS_PER_MILLISECOND).filter_map(move |next| first.after(ms, next)))
}

/// Returns the claim item, which holds the event of a fingerprint.
fn claim_item(insert: &PendingInsert<'_>, key: &str) -> Item {
    let mut claim = Item::from([
        ("pk".to_owned(), AttributeValue::S(key.to_owned())),
        ("sk".to_owned(), AttributeValue::N("0".to_owned())),
        ("id".to_owned(), AttributeValue::N(insert.item.sk.to_string())),
        ("ph".to_owned(), AttributeValue::B(payload_hash(insert).into())),
    ]);
    claim.extend(expires(insert));
    claim
}

fn expires(insert: &PendingInsert<'_>) -> Option<(String, AttributeValue)> {
    Some(("expires".to_owned(), AttributeValue::N(insert.item.expires?.to_string())))
}

fn payload_hash(insert: &PendingInsert<'_>) -> Vec<u8> {
    Sha256::digest(&insert.accepted.event.payload).to_vec()
}

/// Returns the occupant that made DynamoDB cancel a transaction, or [`Error::Busy`] if a retry may succeed; `None` for
/// any other error.
fn cancellation_cause(error: &SdkError<TransactWriteItemsError>, claims: bool) -> Option<Result<SlotOccupant, Error>> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let taken = |index: usize| {
        let failed = reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"))?;
        Some(failed.item().cloned().unwrap_or_default())
    };
    if let Some(claim) = claims.then(|| taken(1)).flatten() {
        return Some(Ok(SlotOccupant::Claim(claim)));
    }
    if let Some(slot) = taken(0) {
        return Some(Ok(SlotOccupant::Event(slot)));
    }
    let is_transient = |reason: &CancellationReason| {
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
            .iter()
            .any(|code| reason.code() == Some(code))
    };
    reasons.iter().any(is_transient).then_some(Err(Error::Busy { operation: "TransactWriteItems" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_spill_into_the_next_millisecond() {
        let first = EventId::from_u64(10 * 4096 + 4094).unwrap();
        let tried: Vec<u64> = slots(first).take(10).map(EventId::as_u64).collect();
        let own = first.as_u64();
        assert_eq!(tried[..8], (own..own + 8).collect::<Vec<_>>(), "a full millisecond spills into the next");
        assert_eq!(tried[8..], [own + 4096, own + 4097]);
        let all: std::collections::HashSet<EventId> = slots(first).collect();
        assert_eq!(all.len() as u64, MAX_SPILL_MS * SLOTS_PER_MILLISECOND, "no slot is tried twice");
    }
}
