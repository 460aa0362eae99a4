//! Reading many items with `BatchGetItem`.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity};
use futures::future::try_join_all;

use crate::error::Error;

/// An item of a table, as the SDK represents it.
pub type Item = HashMap<String, AttributeValue>;

/// Maximum number of keys in one `BatchGetItem` request.
const MAX_KEYS_PER_BATCH: usize = 100;

/// Maximum number of requests for the keys of one batch, of which DynamoDB may process only some at a time.
const MAX_REQUESTS_PER_BATCH: u32 = 5;

/// Delay before the first repetition. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(20);

/// Reads the items with these keys, in any order. Also returns the consumed read units.
pub async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> Result<(Vec<Item>, f64), Error> {
    batch_get_attributes(client, table, keys, consistent, None).await
}

/// As [`batch_get`], with a projection expression that selects the attributes to return.
pub(crate) async fn batch_get_attributes(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
    attributes: Option<&str>,
) -> Result<(Vec<Item>, f64), Error> {
    let batches = keys
        .chunks(MAX_KEYS_PER_BATCH)
        .map(|batch| get_batch(client, table, batch.to_vec(), consistent, attributes.map(str::to_owned)));
    let (mut items, mut units) = (Vec::with_capacity(keys.len()), 0.0);
    for (batch, used) in try_join_all(batches).await? {
        items.extend(batch);
        units += used;
    }
    Ok((items, units))
}

async fn get_batch(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
    attributes: Option<String>,
) -> Result<(Vec<Item>, f64), Error> {
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent);
    let wanted = wanted.set_projection_expression(attributes).build();
    let mut wanted = wanted.map_err(|e| Error::corrupt(table, e))?;
    let (mut items, mut units) = (Vec::with_capacity(wanted.keys().len()), 0.0);
    for attempt in 0..MAX_REQUESTS_PER_BATCH {
        let request = client.batch_get_item().request_items(table, wanted);
        let response = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        let mut response = response.map_err(|e| Error::sdk("BatchGetItem", e))?;
        units += response.consumed_capacity().iter().map(|used| consumed_units(Some(used))).sum::<f64>();
        let got = response.responses.take().unwrap_or_default().remove(table).unwrap_or_default();
        let has_progress = !got.is_empty();
        items.extend(got);
        // A response ends at 16 MB or where a partition throttles: the unprocessed keys are requested again.
        match response.unprocessed_keys.unwrap_or_default().remove(table) {
            Some(rest) if !rest.keys().is_empty() => wanted = rest,
            _ => return Ok((items, units)),
        }
        if !has_progress {
            tokio::time::sleep(FIRST_DELAY * (1 << attempt)).await;
        }
    }
    Err(Error::Busy { operation: "BatchGetItem" })
}

/// Returns the capacity units that one call consumed.
pub fn consumed_units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0)
}
