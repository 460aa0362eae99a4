//! The tables, as `infra/template.yaml` declares them for AWS.

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification, TimeToLiveStatus,
};

/// Events, with a stream of new items.
pub(crate) const EVENTS: &str = "events";
/// Sources, keys, targets and replays.
pub(crate) const CONFIG: &str = "config";
/// Deliveries: one item for each event and target.
pub(crate) const DELIVERIES: &str = "deliveries";
/// Rejected events.
pub(crate) const QUARANTINE: &str = "quarantine";
/// Segments: older events, packed.
pub(crate) const SEGMENTS: &str = "segments";

/// The indexes of [`EVENTS`] by name, each with its partition key. Their sort key is the event's id.
const EVENT_INDEXES: [(&str, &str); 4] =
    [("by_subject", "ks"), ("by_actor", "ka"), ("by_project", "kp"), ("by_type", "kt")];

/// Attributes projected into the indexes of [`EVENTS`]: every attribute that a filter reads, without the payload.
const EVENT_INDEX_ATTRIBUTES: [&str; 12] = ["s", "c", "o", "t", "a", "u", "e", "p", "v", "l", "tm", "expires"];

/// Attributes projected into the indexes of [`DELIVERIES`]: every attribute that lists show.
const DELIVERY_INDEX_ATTRIBUTES: [&str; 8] =
    ["status", "count", "last", "target_created_at", "next_attempt_at", "held_at", "run", "expires"];

use ScalarAttributeType::{N, S};

/// Attribute with the time in seconds at which an item expires, in every table.
const EXPIRY_ATTRIBUTE: &str = "expires";

/// Creates the tables that do not exist yet, and lets expired items be deleted.
///
/// # Errors
/// A request to DynamoDB fails.
pub async fn create_missing_tables(client: &Client) -> anyhow::Result<()> {
    let existing = client.list_tables().send().await.context("failed to list the tables")?;
    let missing = |name: &str| !existing.table_names().iter().any(|table| table == name);
    if missing(EVENTS) {
        create_events_table(client).await.context("failed to create the table events")?;
    }
    if missing(DELIVERIES) {
        create_deliveries_table(client).await.context("failed to create the table deliveries")?;
    }
    for (name, pk, sk) in [(CONFIG, S, S), (QUARANTINE, S, S), (SEGMENTS, S, N)] {
        if missing(name) {
            create_table(client, name, pk, sk).await.with_context(|| format!("failed to create the table {name}"))?;
        }
    }
    for name in [EVENTS, CONFIG, DELIVERIES, QUARANTINE, SEGMENTS] {
        enable_expiry(client, name).await.with_context(|| format!("failed to set the expiry of the table {name}"))?;
    }
    Ok(())
}

/// Enables the deletion of expired items of a table.
async fn enable_expiry(client: &Client, table: &str) -> anyhow::Result<()> {
    let described = client.describe_time_to_live().table_name(table).send().await?;
    let status = described.time_to_live_description().and_then(|described| described.time_to_live_status());
    if status != Some(&TimeToLiveStatus::Enabled) {
        let expiry = TimeToLiveSpecification::builder().attribute_name(EXPIRY_ATTRIBUTE).enabled(true).build()?;
        client.update_time_to_live().table_name(table).time_to_live_specification(expiry).send().await?;
    }
    Ok(())
}

async fn create_events_table(client: &Client) -> anyhow::Result<()> {
    let mut attributes = vec![attribute("pk", S)?, attribute("sk", N)?];
    let mut indexes = Vec::new();
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(EVENT_INDEX_ATTRIBUTES.map(str::to_owned).to_vec()))
        .build();
    for (name, key) in EVENT_INDEXES {
        attributes.push(attribute(key, S)?);
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(key_schema(key, "sk")?))
            .projection(projection.clone());
        indexes.push(index.build()?);
    }
    // Late events by the order of their arrival. Packing and searches read them from this index, so it holds whole items.
    attributes.extend([attribute("kl", S)?, attribute("w", N)?]);
    let late = GlobalSecondaryIndex::builder()
        .index_name("by_late")
        .set_key_schema(Some(key_schema("kl", "w")?))
        .projection(Projection::builder().projection_type(ProjectionType::All).build());
    indexes.push(late.build()?);
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build()?;
    client
        .create_table()
        .table_name(EVENTS)
        .set_attribute_definitions(Some(attributes))
        .set_key_schema(Some(key_schema("pk", "sk")?))
        .set_global_secondary_indexes(Some(indexes))
        .stream_specification(stream)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

async fn create_deliveries_table(client: &Client) -> anyhow::Result<()> {
    // The deliveries of a target, and its undelivered ones, both in the order of the events.
    let index = |name: &str, key: &str| -> anyhow::Result<GlobalSecondaryIndex> {
        let projection = Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(DELIVERY_INDEX_ATTRIBUTES.map(str::to_owned).to_vec()))
            .build();
        Ok(GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(key_schema(key, "pk")?))
            .projection(projection)
            .build()?)
    };
    client
        .create_table()
        .table_name(DELIVERIES)
        .set_attribute_definitions(Some(vec![attribute("pk", N)?, attribute("sk", S)?, attribute("ts", S)?]))
        .set_key_schema(Some(key_schema("pk", "sk")?))
        .global_secondary_indexes(index("by_target", "sk")?)
        .global_secondary_indexes(index("by_status", "ts")?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

async fn create_table(
    client: &Client,
    name: &str,
    pk: ScalarAttributeType,
    sk: ScalarAttributeType,
) -> anyhow::Result<()> {
    client
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(vec![attribute("pk", pk)?, attribute("sk", sk)?]))
        .set_key_schema(Some(key_schema("pk", "sk")?))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

fn attribute(name: &str, attribute_type: ScalarAttributeType) -> anyhow::Result<AttributeDefinition> {
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(attribute_type).build()?)
}

fn key_schema(partition: &str, sort: &str) -> anyhow::Result<Vec<KeySchemaElement>> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![key(partition, KeyType::Hash)?, key(sort, KeyType::Range)?])
}

#[cfg(test)]
mod tests;
