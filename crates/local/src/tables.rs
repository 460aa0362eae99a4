//! The tables, as `infra/template.yaml` declares them for AWS.

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};

/// The events, with a stream of what is written.
pub(crate) const EVENTS: &str = "events";
/// Sources, keys, targets and replays.
pub(crate) const CONFIG: &str = "config";
/// Where the delivery of every event to every target stands.
pub(crate) const DELIVERIES: &str = "deliveries";
/// What came in authenticated and fits no schema.
pub(crate) const QUARANTINE: &str = "quarantine";

/// The log's older events, packed.
pub(crate) const SEGMENTS: &str = "segments";

/// The indexes of [`EVENTS`], each with its partition key; the sort key of these is the event's id.
const EVENT_INDEXES: [(&str, &str); 4] =
    [("by_subject", "ks"), ("by_actor", "ka"), ("by_project", "kp"), ("by_type", "kt")];

/// What the indexes carry: all that can be filtered on, without the payload.
const INDEXED: [&str; 12] = ["s", "c", "o", "t", "a", "u", "e", "p", "v", "l", "tm", "expires"];

/// What the indexes of [`DELIVERIES`] carry: all that lists show.
const LISTED: [&str; 7] = ["status", "count", "last", "next_attempt_at", "held_at", "run", "expires"];

use ScalarAttributeType::{N, S};

/// Creates the tables that do not exist yet.
pub(crate) async fn create(client: &Client) -> anyhow::Result<()> {
    let existing = client.list_tables().send().await.context("cannot list the tables")?;
    let missing = |name: &str| !existing.table_names().iter().any(|table| table == name);
    if missing(EVENTS) {
        create_events(client).await.context("cannot create the table of events")?;
    }
    if missing(DELIVERIES) {
        create_deliveries(client).await.context("cannot create the table of deliveries")?;
    }
    for (name, pk, sk) in [(CONFIG, S, S), (QUARANTINE, S, S), (SEGMENTS, S, N)] {
        if missing(name) {
            create_plain(client, name, pk, sk).await.with_context(|| format!("cannot create the table {name}"))?;
        }
    }
    Ok(())
}

async fn create_events(client: &Client) -> anyhow::Result<()> {
    let mut attributes = vec![attribute("pk", S)?, attribute("sk", N)?];
    let mut indexes = Vec::new();
    let carried = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(INDEXED.map(str::to_owned).to_vec()))
        .build();
    for (name, key) in EVENT_INDEXES {
        attributes.push(attribute(key, S)?);
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(keys(key, "sk")?))
            .projection(carried.clone());
        indexes.push(index.build()?);
    }
    // Late events, in the order in which they came, whole: they are packed and searched from here.
    attributes.extend([attribute("kl", S)?, attribute("w", N)?]);
    let late = GlobalSecondaryIndex::builder()
        .index_name("by_late")
        .set_key_schema(Some(keys("kl", "w")?))
        .projection(Projection::builder().projection_type(ProjectionType::All).build());
    indexes.push(late.build()?);
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build()?;
    client
        .create_table()
        .table_name(EVENTS)
        .set_attribute_definitions(Some(attributes))
        .set_key_schema(Some(keys("pk", "sk")?))
        .set_global_secondary_indexes(Some(indexes))
        .stream_specification(stream)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

async fn create_deliveries(client: &Client) -> anyhow::Result<()> {
    // Both in the order of events: all of a target, and what of it is not delivered.
    let index = |name: &str, key: &str| -> anyhow::Result<GlobalSecondaryIndex> {
        let carried = Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(LISTED.map(str::to_owned).to_vec()))
            .build();
        Ok(GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(keys(key, "pk")?))
            .projection(carried)
            .build()?)
    };
    client
        .create_table()
        .table_name(DELIVERIES)
        .set_attribute_definitions(Some(vec![attribute("pk", N)?, attribute("sk", S)?, attribute("ts", S)?]))
        .set_key_schema(Some(keys("pk", "sk")?))
        .global_secondary_indexes(index("by_target", "sk")?)
        .global_secondary_indexes(index("by_status", "ts")?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

async fn create_plain(
    client: &Client,
    name: &str,
    pk: ScalarAttributeType,
    sk: ScalarAttributeType,
) -> anyhow::Result<()> {
    client
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(vec![attribute("pk", pk)?, attribute("sk", sk)?]))
        .set_key_schema(Some(keys("pk", "sk")?))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

fn attribute(name: &str, kind: ScalarAttributeType) -> anyhow::Result<AttributeDefinition> {
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?)
}

fn keys(partition: &str, sort: &str) -> anyhow::Result<Vec<KeySchemaElement>> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![key(partition, KeyType::Hash)?, key(sort, KeyType::Range)?])
}

#[cfg(test)]
mod tests;
