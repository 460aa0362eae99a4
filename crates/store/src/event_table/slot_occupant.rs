//! The comparison of an event with the occupant of its slot.

use events::{AcceptedEvent, EventId, is_same_json};

use super::insert_outcome::{InsertOutcome, InsertRefusal};
use super::put_event::{PendingInsert, has_id, payload_hash};
use super::table::EventTable;
use crate::batch_get::Item;
use crate::compression::decompress;
use crate::error::Error;

impl EventTable {
    /// Returns whether the item is that of a copy of the event.
    pub(crate) fn is_copy(&self, accepted: &AcceptedEvent, stored: &Item) -> Result<bool, Error> {
        let fingerprint = stored.get("fp").and_then(|fp| fp.as_b().ok());
        let fingerprint = fingerprint.ok_or_else(|| self.invalid_occupant("fingerprint"))?;
        Ok(fingerprint.as_ref() == accepted.fingerprint.as_bytes())
    }

    /// Returns the outcome of inserting an event whose slot has the id `id` and this item; `None` if it is the item of a
    /// different event.
    pub(crate) fn outcome_of_conflict(
        &self,
        accepted: &AcceptedEvent,
        id: EventId,
        stored: &Item,
    ) -> Result<Option<InsertOutcome>, Error> {
        if !self.is_copy(accepted, stored)? {
            return Ok(None);
        }
        if self.retention.is_over(expiry(stored)) {
            return Ok(Some(InsertOutcome::Refused(InsertRefusal::Expired(id))));
        }
        let is_same = !has_id(accepted) || self.has_payload(stored, &accepted.event.payload)?;
        Ok(Some(if is_same {
            InsertOutcome::Duplicate(id)
        } else {
            InsertOutcome::Refused(InsertRefusal::Conflict(id))
        }))
    }

    /// Returns the outcome of inserting an event whose fingerprint is claimed by another event, which may be a copy.
    pub(crate) async fn outcome_of_claim(
        &self,
        insert: &PendingInsert<'_>,
        claim: &Item,
    ) -> Result<InsertOutcome, Error> {
        let corrupt = || Error::corrupt(&self.table, "the claim item has no event");
        let id: EventId = claim.get("id").and_then(|id| id.as_n().ok()?.parse().ok()).ok_or_else(corrupt)?;
        if self.retention.is_over(expiry(claim)) {
            return Ok(InsertOutcome::Refused(InsertRefusal::Expired(id)));
        }
        let hash = claim.get("ph").and_then(|hash| hash.as_b().ok()).ok_or_else(corrupt)?;
        if hash.as_ref() == payload_hash(insert) {
            return Ok(InsertOutcome::Duplicate(id));
        }
        // The same JSON may be written in two ways.
        let (items, _) = self.get_items(&[id]).await?;
        let is_same = match items.first() {
            Some(stored) => self.has_payload(stored, &insert.accepted.event.payload)?,
            None => false,
        };
        Ok(if is_same { InsertOutcome::Duplicate(id) } else { InsertOutcome::Refused(InsertRefusal::Conflict(id)) })
    }

    /// Returns whether the payload of an item has the same value as `payload`.
    fn has_payload(&self, stored: &Item, payload: &[u8]) -> Result<bool, Error> {
        let bytes = stored.get("payload").and_then(|payload| payload.as_b().ok());
        let bytes = bytes.ok_or_else(|| self.invalid_occupant("payload"))?.as_ref().to_vec();
        let compression = stored.get("z").and_then(|z| z.as_s().ok()).map(String::as_str);
        let checksum = stored.get("ck").and_then(|ck| ck.as_n().ok()?.parse().ok());
        let bytes = decompress(bytes, compression, checksum).map_err(|error| Error::corrupt(&self.table, error))?;
        Ok(is_same_json(&bytes, payload))
    }

    fn invalid_occupant(&self, attribute: &str) -> Error {
        Error::corrupt(&self.table, format!("the item of a taken slot has no {attribute}"))
    }
}

/// Returns the expiry of an item, in seconds since 1970.
fn expiry(item: &Item) -> Option<i64> {
    item.get("expires")?.as_n().ok()?.parse().ok()
}
