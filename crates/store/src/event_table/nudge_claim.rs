//! Claims of nudges: the items that decide whether the stream or a nudge sends the events of a request.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use events::EventId;
use jiff::{SignedDuration, Timestamp};
use model::{FanoutPath, NudgeClaim};
use serde::{Deserialize, Serialize};

use super::item_key::nudge_key;
use super::table::EventTable;
use crate::batch_get::{Item, batch_get};
use crate::error::Error;

/// Time for which a claim is stored: longer than SQS and the stream can repeat its events. SQS stores a message for 14
/// days at most, and as long again if it is moved back from the dead-letter queue.
const CLAIM_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The item of a claim.
#[derive(Serialize, Deserialize)]
struct ClaimItem {
    /// Number of the nudge.
    n: u64,
    path: FanoutPath,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    events: BTreeSet<EventId>,
    /// Time after which DynamoDB may remove the item, in seconds since 1970.
    expires: i64,
}

impl EventTable {
    /// Stores a claim unless the nudge has one. Returns the stored claim.
    pub async fn claim_nudge(&self, nudge: u64, claim: NudgeClaim) -> Result<NudgeClaim, Error> {
        let expires = self.retention.now().checked_add(CLAIM_RETENTION).unwrap_or(Timestamp::MAX).as_second();
        let item = ClaimItem { n: nudge, path: claim.path, events: claim.events.clone(), expires };
        let mut item: Item = serde_dynamo::to_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        item.extend(nudge_claim_key(nudge));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(claim) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(stored)) => {
                Ok(self.decode_claim(stored.item().cloned().unwrap_or_default())?.1)
            }
            _ => Err(Error::sdk("PutItem", error)),
        }
    }

    /// Reads the claims of these nudges. A nudge without a claim is absent.
    pub async fn nudge_claims(&self, nudges: &[u64]) -> Result<HashMap<u64, NudgeClaim>, Error> {
        let keys = nudges.iter().map(|nudge| nudge_claim_key(*nudge)).collect();
        let (items, _) = batch_get(&self.client, &self.table, keys, true).await?;
        items.into_iter().map(|item| self.decode_claim(item)).collect()
    }

    fn decode_claim(&self, item: Item) -> Result<(u64, NudgeClaim), Error> {
        let item: ClaimItem = serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))?;
        Ok((item.n, NudgeClaim { path: item.path, events: item.events }))
    }
}

fn nudge_claim_key(nudge: u64) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(nudge_key(nudge))),
        ("sk".to_owned(), AttributeValue::N("0".to_owned())),
    ])
}
