//! Putting an event into one slot, with its claim and its links.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put as PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use events::{AcceptedEvent, DedupKey};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::event_item::EventItem;
use super::item_key::{claim_key, link_key};
use super::pack_fence::PackFence;
use super::table::EventTable;
use crate::batch_get::{Item, consumed_units};
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// Maximum number of links in one transaction: DynamoDB's limit less the event and its claim.
const MAX_LINKS_PER_TRANSACTION: usize = 98;

/// Maximum number of concurrent writes of links outside the transaction.
const MAX_CONCURRENT_LINK_WRITES: usize = 16;

/// The occupant of a slot.
pub(crate) enum SlotOccupant {
    /// The event, which has just been written.
    Inserted,
    /// The item of the event that has the slot.
    Event(Item),
    /// The claim item of an event without its own time.
    Claim(Item),
}

/// An event that is about to be inserted.
pub(crate) struct PendingInsert<'a> {
    pub(crate) accepted: &'a AcceptedEvent,
    pub(crate) item: EventItem,
    /// Partition key of the claim of the event's fingerprint. An event without its own time gets another slot when it is
    /// sent again, so its slot cannot detect a duplicate.
    claim: Option<String>,
}

/// Returns whether an ID identifies the event. The same ID may be used for two events, so their payloads are compared.
/// All other fingerprints include the bytes of the event, or are unique.
pub(crate) fn has_id(accepted: &AcceptedEvent) -> bool {
    matches!(accepted.dedup_key, DedupKey::ProducerId | DedupKey::RequestId)
}

impl EventTable {
    pub(crate) fn prepare_insert<'a>(
        &self,
        accepted: &'a AcceptedEvent,
        fence: PackFence,
    ) -> Result<PendingInsert<'a>, Error> {
        Ok(self.pending_insert(accepted, self.event_item(accepted)?, fence))
    }

    /// Returns the item of an event, without its keys and its time of storage. This compresses the payload.
    pub(crate) fn event_item(&self, accepted: &AcceptedEvent) -> Result<EventItem, Error> {
        EventItem::new(&accepted.event, &accepted.fingerprint, self.retention.expires(accepted.event.received_at))
    }

    /// Returns the insert of an event's item at the current time.
    pub(crate) fn pending_insert<'a>(
        &self,
        accepted: &'a AcceptedEvent,
        mut item: EventItem,
        fence: PackFence,
    ) -> PendingInsert<'a> {
        item.set_stored_at(self.retention.now(), fence);
        let claims = has_id(accepted) && !accepted.event.fields.time_given;
        PendingInsert { accepted, item, claim: claims.then(|| claim_key(&accepted.fingerprint)) }
    }

    /// Tries to insert the event into the slot of its item.
    pub(crate) async fn try_slot(
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

pub(crate) fn payload_hash(insert: &PendingInsert<'_>) -> Vec<u8> {
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
