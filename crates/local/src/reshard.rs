//! `tidings reshard`: copies a log into one with another number of shards, while both are in use.
//!
//! Each item is put only if the new table does not have it. The command may therefore be interrupted, and run again for
//! items that were written since.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use runtime::Env;
use store::PACK_FENCE_KEY;

use crate::dev_file::{AwsEndpoints, DevFile};

/// Number of parts of the table that are scanned in parallel.
const PARALLEL_SCANS: i32 = 4;

/// Maximum number of items of each part that are written at the same time.
const MAX_CONCURRENT_COPIES: usize = 16;

/// Events are copied from this much earlier than requested, since clocks differ.
const CLOCK_SKEW_MARGIN: SignedDuration = SignedDuration::from_mins(1);

type Item = HashMap<String, AttributeValue>;

/// The options of `tidings reshard`.
#[derive(Debug, Clone)]
pub struct ReshardOptions {
    /// Table to copy from.
    pub from: String,
    /// Table to copy to.
    pub to: String,
    /// Number of shards of the log to copy to; only for the table of events.
    pub shards: Option<u16>,
    /// Earliest time of receipt of the events to copy.
    pub since: Option<Timestamp>,
    /// DynamoDB endpoint to copy from, if it is not AWS's: a URL, or the `dev.json` of a local stack.
    pub from_endpoint: Option<String>,
    /// DynamoDB endpoint to copy to, if it is not AWS's: a URL, or the `dev.json` of a local stack.
    pub to_endpoint: Option<String>,
}

/// Number of items by outcome.
#[derive(Debug, Default)]
struct CopyCounts {
    copied: AtomicU64,
    already_present: AtomicU64,
    conflicts: AtomicU64,
}

/// Copies the items that the new table does not have.
///
/// # Errors
/// If DynamoDB fails, or if another event occupies an event's slot; the other items are copied.
pub async fn run(options: ReshardOptions) -> anyhow::Result<()> {
    let from = client(options.from_endpoint.as_deref())?;
    let to = client(options.to_endpoint.as_deref())?;
    let counts = CopyCounts::default();
    let copies = (0..PARALLEL_SCANS).map(|part| copy_part(&options, &from, &to, part, &counts));
    futures::future::try_join_all(copies).await?;
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (copied, present) = (load(&counts.copied), load(&counts.already_present));
    let conflicts = load(&counts.conflicts);
    println!("{copied} copied, {present} already present, {conflicts} in conflict with another event");
    if conflicts > 0 {
        bail!("{conflicts} events were not copied to {}: post their payloads again (see docs/scale.md)", options.to);
    }
    Ok(())
}

fn client(endpoint: Option<&str>) -> anyhow::Result<Client> {
    let local = match endpoint {
        Some(file) if !file.contains("://") => Some(local_variables(Path::new(file))?),
        _ => None,
    };
    let lookup = |name: &str| match (&local, name) {
        (Some(local), _) => local.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.clone()),
        (None, "AWS_ENDPOINT_URL_DYNAMODB") => endpoint.map(str::to_owned),
        (None, _) => std::env::var(name).ok(),
    };
    let env = Env::new(&lookup);
    // The default client obeys HTTP_PROXY, and a proxy cannot reach a local stack. This client never uses a proxy.
    let env =
        if local.is_some() { env.with_http_client(aws_smithy_http_client::Builder::new().build_http()) } else { env };
    Ok(Client::new(&env.aws("DYNAMODB").context("failed to configure the DynamoDB client")?))
}

/// Returns the variables that configure a client of the running local stack whose `dev.json` this is.
fn local_variables(dev_file: &Path) -> anyhow::Result<[(&'static str, String); 4]> {
    let AwsEndpoints { dynamodb, access_key_id, secret_access_key, .. } = DevFile::read(dev_file).aws;
    ensure!(!dynamodb.is_empty(), "{} is not the dev.json of a local stack", dev_file.display());
    Ok([
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ACCESS_KEY_ID", access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret_access_key),
        ("AWS_REGION", "local".to_owned()),
    ])
}

/// Copies one part of the table, page by page.
async fn copy_part(
    options: &ReshardOptions,
    from: &Client,
    to: &Client,
    part: i32,
    counts: &CopyCounts,
) -> anyhow::Result<()> {
    let scan = from.scan().table_name(&options.from).consistent_read(true);
    let mut scan = scan.segment(part).total_segments(PARALLEL_SCANS);
    if let Some(since) = options.since {
        // Links and claims have no time of receipt: they are always copied.
        scan = scan
            .filter_expression("attribute_not_exists(#r) OR #r >= :since")
            .expression_attribute_names("#r", "r")
            .expression_attribute_values(
                ":since",
                AttributeValue::S(since.checked_sub(CLOCK_SKEW_MARGIN)?.to_string()),
            );
    }
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        let items = page.with_context(|| format!("failed to read {}", options.from))?.items.unwrap_or_default();
        // The fence belongs to the segments, which are not copied.
        let is_fence =
            |item: &Item| item.get("pk").and_then(|key| key.as_s().ok()).is_some_and(|key| key == PACK_FENCE_KEY);
        let items = items.into_iter().filter(|item| !is_fence(item));
        let puts = items.map(|item| copy_item(options, to, item, counts));
        futures::stream::iter(puts.collect::<Vec<_>>())
            .buffer_unordered(MAX_CONCURRENT_COPIES)
            .try_collect::<()>()
            .await
            .with_context(|| format!("failed to write {}", options.to))?;
    }
    Ok(())
}

/// Puts one item into the new table, unless the table has an item with its key.
async fn copy_item(options: &ReshardOptions, to: &Client, item: Item, counts: &CopyCounts) -> anyhow::Result<()> {
    let item = match options.shards {
        // Stored as a late event, so that searches find it even if segments already cover the event's time.
        Some(shards) => store::reshard_item(item, shards, Some(runtime::now()))?,
        None => item,
    };
    // The settings belong to the deployment: the copy has its own number of shards.
    if store::is_deployment(&item) {
        return Ok(());
    }
    let put = to.put_item().table_name(&options.to).set_item(Some(item.clone()));
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    // The delivery record with more attempts is the newer one.
    let put = match item.get("count").filter(|_| options.shards.is_none()) {
        // The new log must find its copied events again, in the slots that the old key has determined.
        None if store::is_slot_key(&item) => put,
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(count) => put
            .condition_expression("attribute_not_exists(pk) OR #count < :count")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":count", count.clone()),
    };
    let Err(error) = put.send().await else {
        counts.copied.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    };
    let error = error.into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = &error else {
        return Err(error.into());
    };
    // The same event has the same fingerprint. Other items have no fingerprint on either side.
    if failed.item().is_some_and(|existing| existing.get("fp") == item.get("fp")) {
        counts.already_present.fetch_add(1, Ordering::Relaxed);
    } else {
        counts.conflicts.fetch_add(1, Ordering::Relaxed);
        println!("event {}: another event occupies its slot", item["sk"].as_n().map_or("", String::as_str));
    }
    Ok(())
}
