//! Inserting events, each of them once.

use events::AcceptedEvent;
use tokio::time::Instant;

use super::insert_deferred::DeferredInsert;
use super::insert_outcome::{InsertOutcome, InsertRefusal, InsertResult};
use super::pack_fence::PackFence;
use super::put_event::SlotOccupant;
use super::slot_sequence::SlotSequence;
use super::table::EventTable;
use crate::batch_get::Item;
use crate::config_table::slot_key::SlotKey;
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// The result of trying the first slot of an event.
#[derive(Debug)]
pub enum FirstInsert {
    /// The insert is complete.
    Done(InsertResult),
    /// The first slot is taken, or probably taken: see [`EventTable::insert_deferred`].
    Deferred(DeferredInsert),
}

impl EventTable {
    /// Inserts an event into the first free slot of its sequence, unless the event is stored already. Throttled calls are
    /// retried until the deadline.
    ///
    /// Slots are taken by conditional writes, so two writers of the same event cannot both succeed.
    pub async fn insert(&self, accepted: &AcceptedEvent, deadline: Instant) -> Result<InsertResult, Error> {
        match self.insert_first(accepted, deadline).await? {
            FirstInsert::Done(result) => Ok(result),
            FirstInsert::Deferred(deferred) => {
                let results = self.insert_deferred(vec![(accepted, deferred)], deadline).await;
                let missing = || Error::Failed { operation: "PutItem", reason: "an insert has no result".to_owned() };
                results.into_iter().next().unwrap_or_else(|| Err(missing()))
            }
        }
    }

    /// Inserts an event into the first slot of its sequence, if that is free or has a copy of the event. Most inserts end
    /// here, and cost one write.
    pub async fn insert_first(&self, accepted: &AcceptedEvent, deadline: Instant) -> Result<FirstInsert, Error> {
        let slots = SlotSequence::new(self.slot_key(deadline).await?, accepted);
        let mut deferred = DeferredInsert::new(slots);
        if self.crowded.crowded_positions(accepted.event.id) > 0 {
            return Ok(FirstInsert::Deferred(deferred));
        }
        let outcome = self.try_next_slot(accepted, &mut deferred, deadline).await?;
        Ok(match outcome {
            Some(outcome) => FirstInsert::Done(InsertResult { outcome, write_units: deferred.write_units }),
            None => FirstInsert::Deferred(deferred),
        })
    }

    /// Tries to insert an event into the next slot of its sequence; `None` if another event has that slot.
    pub(crate) async fn try_next_slot(
        &self,
        accepted: &AcceptedEvent,
        deferred: &mut DeferredInsert,
        deadline: Instant,
    ) -> Result<Option<InsertOutcome>, Error> {
        let Some(id) = deferred.next_slot() else {
            return Ok(Some(InsertOutcome::Refused(InsertRefusal::NoFreeSlot)));
        };
        let fence = retry_throttled(deadline, "BatchGetItem", || self.pack_fence()).await?;
        let item = match deferred.item.take() {
            Some(item) => *item,
            None => self.event_item(accepted)?,
        };
        let mut insert = self.pending_insert(accepted, item, fence);
        insert.item.place(id, self.shards);
        Ok(match self.try_slot(&insert, deadline, &mut deferred.write_units).await? {
            SlotOccupant::Inserted => Some(InsertOutcome::Stored(id)),
            SlotOccupant::Claim(claim) => Some(self.outcome_of_claim(&insert, &claim).await?),
            SlotOccupant::Event(item) => {
                let outcome = self.outcome_of_conflict(accepted, id, &item)?;
                if outcome.is_none() {
                    self.crowded.record_collision(accepted.event.id, deferred.position);
                    deferred.position += 1;
                    deferred.item = Some(Box::new(insert.item));
                }
                outcome
            }
        })
    }

    /// Returns the item of an event in its first slot.
    pub fn item(&self, accepted: &AcceptedEvent, key: &SlotKey) -> Result<Item, Error> {
        let mut insert = self.prepare_insert(accepted, PackFence::default())?;
        let first = SlotSequence::new(key, accepted).get(0);
        insert.item.place(first.unwrap_or(accepted.event.id), self.shards);
        self.to_item(&insert.item)
    }
}
