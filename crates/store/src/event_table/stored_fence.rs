//! Reading and raising the fence.

use std::time::SystemTime;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use tokio::time::Instant;

use super::pack_fence::{PACK_FENCE_KEY, PackFence};
use super::table::EventTable;
use crate::batch_get::{Item, batch_get};
use crate::error::Error;

/// Maximum number of attempts to raise the fence while other processes raise it.
const MAX_FENCE_ATTEMPTS: usize = 8;

impl EventTable {
    /// Returns the fence. An event must be written within the time that pack waits, so every write calls this again.
    pub(crate) async fn pack_fence(&self) -> Result<PackFence, Error> {
        if let Some(fence) = self.fence.get() {
            return Ok(fence);
        }
        let (instant, time) = (Instant::now(), SystemTime::now());
        let (items, _) = batch_get(&self.client, &self.table, vec![fence_key()], true).await?;
        let fence = items.into_iter().next().map(|item| self.decode_fence(item)).transpose()?.unwrap_or_default();
        self.fence.set(fence, instant, time);
        Ok(fence)
    }

    /// Replaces the fence by the result of `raise`, which receives the stored fence and may not return a lower one.
    /// `expected` is the fence that is probably stored: a wrong guess costs one more write. Returns the new fence.
    ///
    /// # Errors
    /// [`Error::Busy`] if other processes raise the fence all the time.
    pub async fn raise_pack_fence(
        &self,
        expected: PackFence,
        raise: impl Fn(PackFence) -> PackFence,
    ) -> Result<PackFence, Error> {
        let mut stored = expected;
        for _ in 0..MAX_FENCE_ATTEMPTS {
            let raised = raise(stored).max(stored);
            match self.replace_fence(stored, raised).await? {
                None => return Ok(raised),
                Some(actual) => stored = actual,
            }
        }
        Err(Error::Busy { operation: "PutItem" })
    }

    /// Replaces the fence; returns the stored fence instead if it is not `stored`.
    async fn replace_fence(&self, stored: PackFence, raised: PackFence) -> Result<Option<PackFence>, Error> {
        let mut item = fence_key();
        item.extend(serde_dynamo::to_item::<_, Item>(raised).map_err(|e| Error::corrupt(&self.table, e))?);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR (id = :id AND w = :w)")
            .expression_attribute_values(":id", AttributeValue::N(stored.id.to_string()))
            .expression_attribute_values(":w", AttributeValue::N(stored.late_ms.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(other)) => {
                self.decode_fence(other.item().cloned().unwrap_or_default()).map(Some)
            }
            _ => Err(Error::sdk("PutItem", error)),
        }
    }

    fn decode_fence(&self, item: Item) -> Result<PackFence, Error> {
        serde_dynamo::from_item(item).map_err(|e| Error::corrupt(&self.table, e))
    }
}

fn fence_key() -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(PACK_FENCE_KEY.to_owned())),
        ("sk".to_owned(), AttributeValue::N("0".to_owned())),
    ])
}
