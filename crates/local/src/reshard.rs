//! `tidings reshard`: copies a log into one with another number of shards, while both are at work.
//!
//! Every item is put where nothing is yet. It may therefore be interrupted, and run again for what came meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use runtime::Env;

/// How many parts of the table are read side by side, and how many items of each are written at once.
const PARTS: i32 = 4;
const TOGETHER: usize = 16;

/// How much earlier than asked for events are copied: clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

type Item = HashMap<String, AttributeValue>;

/// Copy a log into one that is spread over another number of shards.
///
/// Run it once for each table, as docs/scale.md says: with --shards for the table of events, without it for the tables
/// that know of no shards. What is in the new table already stays as it is, so it may be run again.
/// To bring back what a backup of the same log has, run it without --shards: those events have their places there, and
/// stand in its segments.
/// Credentials and region come from the environment, from the variables that Lambda sets as well.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The table to copy from
    #[arg(long, value_name = "TABLE")]
    from: String,

    /// The table to copy to
    #[arg(long, value_name = "TABLE")]
    to: String,

    /// The shards of the log that is copied to: for the table of events
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: Option<u16>,

    /// Only events that were received at this time or later: 2026-11-23T20:00:00Z
    #[arg(long, requires = "shards", value_name = "TIME")]
    since: Option<Timestamp>,

    /// Where the DynamoDB is that is copied from, if it is not AWS's own
    #[arg(long, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    from_endpoint: Option<String>,

    /// The same of the one that is copied to
    #[arg(long, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    to_endpoint: Option<String>,
}

/// What became of the items.
#[derive(Debug, Default)]
struct Tally {
    copied: AtomicU64,
    present: AtomicU64,
    conflicts: AtomicU64,
}

/// Copies what is not there yet.
///
/// # Errors
/// Where DynamoDB fails, or where another event has an event's place; the rest is copied.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (from, to) = (client(args.from_endpoint.as_deref())?, client(args.to_endpoint.as_deref())?);
    let (args, tally) = (&args, Tally::default());
    let (from, to, counts) = (&from, &to, &tally);
    futures::future::try_join_all((0..PARTS).map(|part| copy_part(args, from, to, part, counts))).await?;
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let (copied, present, conflicts) = (count(&tally.copied), count(&tally.present), count(&tally.conflicts));
    println!("{copied} copied, {present} there already, {conflicts} whose place another has");
    if conflicts > 0 {
        bail!("{conflicts} events are not in {}: post their payloads again, docs/scale.md says how", args.to);
    }
    Ok(())
}

fn client(endpoint: Option<&str>) -> anyhow::Result<Client> {
    let lookup = |name: &str| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => endpoint.map(str::to_owned),
        _ => std::env::var(name).ok(),
    };
    Ok(Client::new(&Env::new(&lookup).aws("DYNAMODB").context("cannot reach DynamoDB")?))
}

/// Copies one of the parts of the table, page by page.
async fn copy_part(args: &Args, from: &Client, to: &Client, part: i32, tally: &Tally) -> anyhow::Result<()> {
    let mut scan = from.scan().table_name(&args.from).consistent_read(true).segment(part).total_segments(PARTS);
    if let Some(since) = args.since {
        // Links and claims do not say when they came.
        scan = scan
            .filter_expression("attribute_not_exists(#r) OR #r >= :since")
            .expression_attribute_names("#r", "r")
            .expression_attribute_values(":since", AttributeValue::S(since.checked_sub(MARGIN)?.to_string()));
    }
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        let items = page.with_context(|| format!("cannot read {}", args.from))?.items.unwrap_or_default();
        let puts = items.into_iter().map(|item| copy(args, to, item, tally));
        futures::stream::iter(puts.collect::<Vec<_>>())
            .buffer_unordered(TOGETHER)
            .try_collect::<()>()
            .await
            .with_context(|| format!("cannot write {}", args.to))?;
    }
    Ok(())
}

/// Puts one item into the new table, unless something is there.
async fn copy(args: &Args, to: &Client, item: Item, tally: &Tally) -> anyhow::Result<()> {
    let item = match args.shards {
        // It comes late to the new log, which finds it by that: its segments may be past the event's time.
        Some(shards) => store::reshard_item(item, shards, Some(runtime::now()))?,
        None => item,
    };
    let put = to.put_item().table_name(&args.to).set_item(Some(item.clone()));
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    // Of a delivery, the record that knows of more attempts is the newer one.
    let put = match item.get("count").filter(|_| args.shards.is_none()) {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(count) => put
            .condition_expression("attribute_not_exists(pk) OR #count < :count")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":count", count.clone()),
    };
    let Err(error) = put.send().await else {
        tally.copied.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    };
    let error = error.into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(there) = &error else {
        return Err(error.into());
    };
    // The same event has the same fingerprint; what is no event has none.
    if there.item().is_some_and(|there| there.get("fp") == item.get("fp")) {
        tally.present.fetch_add(1, Ordering::Relaxed);
    } else {
        tally.conflicts.fetch_add(1, Ordering::Relaxed);
        println!("event {}: another event has its place", item["sk"].as_n().map_or("", String::as_str));
    }
    Ok(())
}
