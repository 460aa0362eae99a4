//! Inserting events whose first slots are taken: many events of one instant.
//!
//! The slots that are probably taken are read, for all events together, because a read costs less than a rejected write.
//! Each event is then put into its first free slot. Since no slot becomes free while events are inserted, a slot that was
//! read as taken stays taken, and an event that is sent again meets its copy before it reaches a free slot.

use std::collections::HashMap;

use events::{AcceptedEvent, EventId};
use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::event_item::EventItem;
use super::insert_outcome::{InsertOutcome, InsertRefusal, InsertResult};
use super::put_event::has_id;
use super::slot_sequence::SlotSequence;
use super::table::EventTable;
use crate::batch_get::{Item, batch_get_attributes};
use crate::error::Error;
use crate::throttle_backoff::retry_throttled;

/// The attributes that identify the event in a slot.
const IDENTITY_ATTRIBUTES: &str = "pk, sk, fp, expires";

/// Maximum number of events that are put at the same time.
const MAX_CONCURRENT_PUTS: usize = 16;

/// The progress of the insert of one event.
#[derive(Debug)]
pub struct DeferredInsert {
    slots: SlotSequence,
    /// Position of the first slot that is not known to be taken by another event.
    pub(crate) position: usize,
    /// The event's item after a slot was tried, so that the next try does not compress the payload again.
    pub(crate) item: Option<Box<EventItem>>,
    /// Consumed write units.
    pub(crate) write_units: f64,
}

impl DeferredInsert {
    pub(crate) fn new(slots: SlotSequence) -> Self {
        Self { slots, position: 0, item: None, write_units: 0.0 }
    }

    /// Returns the next slot to try; `None` if all slots are taken.
    pub(crate) fn next_slot(&self) -> Option<EventId> {
        self.slots.get(self.position)
    }
}

/// An insert that runs together with others.
struct RunningInsert<'a> {
    accepted: &'a AcceptedEvent,
    deferred: DeferredInsert,
    result: Option<Result<InsertOutcome, Error>>,
}

impl EventTable {
    /// Completes inserts that [`Self::insert_first`] has deferred. Returns their results in the same order.
    pub async fn insert_deferred(
        &self,
        events: Vec<(&AcceptedEvent, DeferredInsert)>,
        deadline: Instant,
    ) -> Vec<Result<InsertResult, Error>> {
        let start = |(accepted, deferred)| RunningInsert { accepted, deferred, result: None };
        let mut inserts: Vec<RunningInsert<'_>> = events.into_iter().map(start).collect();
        // Each round ends the insert of an event, or passes one of its slots.
        while inserts.iter().any(|insert| insert.result.is_none()) {
            if let Err(error) = self.skip_taken_slots(&mut inserts, deadline).await {
                for insert in inserts.iter_mut().filter(|insert| insert.result.is_none()) {
                    insert.result = Some(Err(error.clone()));
                }
            }
            let open = inserts.iter_mut().filter(|insert| insert.result.is_none());
            let puts: Vec<_> = open.map(|insert| self.put_next(insert, deadline)).collect();
            stream::iter(puts).buffer_unordered(MAX_CONCURRENT_PUTS).collect::<()>().await;
        }
        let result = |insert: RunningInsert<'_>| {
            let write_units = insert.deferred.write_units;
            // The loop has ended, so every insert has a result.
            let outcome = insert.result.unwrap_or(Ok(InsertOutcome::Refused(InsertRefusal::NoFreeSlot)))?;
            Ok(InsertResult { outcome, write_units })
        };
        inserts.into_iter().map(result).collect()
    }

    async fn put_next(&self, insert: &mut RunningInsert<'_>, deadline: Instant) {
        // Preparing an event takes processor time. Yielding lets other requests run in between.
        tokio::task::yield_now().await;
        insert.result = self.try_next_slot(insert.accepted, &mut insert.deferred, deadline).await.transpose();
    }

    /// Reads the slots that are probably taken. Skips those that other events have, and ends the inserts of events that
    /// are stored already.
    async fn skip_taken_slots(&self, inserts: &mut [RunningInsert<'_>], deadline: Instant) -> Result<(), Error> {
        let crowded: Vec<usize> =
            inserts.iter().map(|insert| self.crowded.crowded_positions(insert.accepted.event.id)).collect();
        let open = inserts.iter().zip(&crowded).filter(|(insert, _)| insert.result.is_none());
        let slots = open.flat_map(|(insert, crowded)| {
            (insert.deferred.position..*crowded).filter_map(|position| insert.deferred.slots.get(position))
        });
        let occupants = self.read_occupants(slots.collect(), Some(IDENTITY_ATTRIBUTES), deadline).await?;
        let mut copies = Vec::new();
        for (index, (insert, crowded)) in inserts.iter_mut().zip(crowded).enumerate() {
            if insert.result.is_some() {
                continue;
            }
            while insert.deferred.position < crowded
                && let Some(slot) = insert.deferred.next_slot()
                && let Some(occupant) = occupants.get(&slot)
            {
                match self.is_copy(insert.accepted, occupant) {
                    Ok(false) => {
                        insert.deferred.position += 1;
                        continue;
                    }
                    Ok(true) if has_id(insert.accepted) => copies.push((index, slot)),
                    // The bytes need no comparison.
                    Ok(true) => insert.result = self.outcome_of_conflict(insert.accepted, slot, occupant).transpose(),
                    Err(error) => insert.result = Some(Err(error)),
                }
                break;
            }
        }
        self.compare_copies(inserts, &copies, deadline).await
    }

    /// Ends the inserts of events whose copies are stored: reads the payloads of the copies and compares them.
    async fn compare_copies(
        &self,
        inserts: &mut [RunningInsert<'_>],
        copies: &[(usize, EventId)],
        deadline: Instant,
    ) -> Result<(), Error> {
        let stored = self.read_occupants(copies.iter().map(|(_, slot)| *slot).collect(), None, deadline).await?;
        for (index, slot) in copies {
            // A copy that has just been deleted is not found: its slot is free.
            if let Some(item) = stored.get(slot) {
                let insert = &mut inserts[*index];
                insert.result = self.outcome_of_conflict(insert.accepted, *slot, item).transpose();
            }
        }
        Ok(())
    }

    /// Reads the items of slots, with the attributes of a projection expression or all of them.
    async fn read_occupants(
        &self,
        mut slots: Vec<EventId>,
        attributes: Option<&str>,
        deadline: Instant,
    ) -> Result<HashMap<EventId, Item>, Error> {
        if slots.is_empty() {
            return Ok(HashMap::new());
        }
        // DynamoDB rejects a request with the same key twice.
        slots.sort_unstable();
        slots.dedup();
        let keys: Vec<Item> = slots.into_iter().map(|slot| self.key_of(slot)).collect();
        let read = || batch_get_attributes(&self.client, &self.table, keys.clone(), true, attributes);
        let (items, _) = retry_throttled(deadline, "BatchGetItem", read).await?;
        items.into_iter().map(|item| Ok((self.id_of(&item)?, item))).collect()
    }
}
