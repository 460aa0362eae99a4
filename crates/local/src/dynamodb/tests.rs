use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::aws::LocalAws;
use crate::{sqs, tables};

/// Starts a DynamoDB with the tables. Returns it with a client and its data folder.
pub(crate) async fn start() -> (DynamoDb, Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (dynamodb, client) = open(&folder).await;
    (dynamodb, client, folder)
}

async fn open(folder: &TempDir) -> (DynamoDb, Client) {
    let file = folder.path().join("dynamodb.sqlite3");
    let dynamodb = DynamoDb::open(&file, Durability::Durable, &Health::default()).await.unwrap();
    let aws = LocalAws { dynamodb: dynamodb.clone(), sqs: sqs::tests::start().0 };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url("http://dynamodb.local")
        .http_client(aws.http_client());
    let client = Client::from_conf(config.build());
    tables::create_missing_tables(&client).await.unwrap();
    (dynamodb, client)
}

/// Puts an item with the keys of an event.
pub(crate) async fn put(client: &Client, pk: &str, id: u64) {
    client
        .put_item()
        .table_name(tables::EVENTS)
        .item("pk", AttributeValue::S(pk.to_owned()))
        .item("sk", AttributeValue::N(id.to_string()))
        .item("payload", AttributeValue::B(b"\x00\xff".to_vec().into()))
        .send()
        .await
        .unwrap();
}

#[test]
fn connections_have_the_settings_of_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("any.sqlite3")).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE any (value)").unwrap();
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    // The settings of dynoxide's own connection cannot be read. It gets the defaults, which `.cargo/config.toml` sets.
    assert_eq!((number("synchronous"), number("cache_size")), (1, -16_384));
    assert_eq!(number("mmap_size"), 64 << 30);
}

fn sequence_number(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap()
}

fn ids(batch: &Event) -> Vec<u64> {
    let id = |record: &EventRecord| serde_dynamo::from_attribute_value(record.change.keys["sk"].clone()).unwrap();
    batch.records.iter().map(id).collect()
}

#[tokio::test]
async fn stream_records_are_read_in_write_order_until_deleted() {
    let (dynamodb, client, _folder) = start().await;
    for id in [3, 1, 2] {
        put(&client, "E#0", id).await;
    }
    let batch = dynamodb.read_stream(tables::EVENTS, 2).await.unwrap();
    assert_eq!(ids(&batch), [3, 1]);
    let record = &batch.records[0];
    assert_eq!(record.event_name, "INSERT");
    assert_eq!(record.change.new_image["payload"], serde_dynamo::AttributeValue::B(vec![0x00, 0xff]));

    dynamodb.delete_stream_records(tables::EVENTS, sequence_number(&batch.records[0])).await.unwrap();
    assert_eq!(ids(&dynamodb.read_stream(tables::EVENTS, 10).await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn emptied_stream_continues() {
    let (dynamodb, client, _folder) = start().await;
    let mut last = 0;
    for id in 1..=3 {
        put(&client, "E#0", id).await;
        let batch = dynamodb.read_stream(tables::EVENTS, 10).await.unwrap();
        assert_eq!(ids(&batch), [id]);
        let number = sequence_number(&batch.records[0]).parse::<i64>().unwrap();
        assert!(number > last, "{number} is not greater than {last}");
        last = number;
        dynamodb.delete_stream_records(tables::EVENTS, &number.to_string()).await.unwrap();
    }
}

#[tokio::test]
async fn items_and_stream_records_survive_a_kill() {
    let (dynamodb, client, folder) = start().await;
    put(&client, "E#0", 7).await;
    // Opened again without closing the first, as after a kill.
    let (again, client) = open(&folder).await;
    assert_eq!(ids(&again.read_stream(tables::EVENTS, 10).await.unwrap()), [7]);
    let all = client.scan().table_name(tables::EVENTS).send().await.unwrap();
    assert_eq!(all.count(), 1);
    drop(dynamodb);
}

#[tokio::test]
async fn expired_items_are_deleted_with_their_index_entries() {
    let (dynamodb, client, _folder) = start().await;
    let now = jiff::Timestamp::now().as_second();
    for (id, expires) in [(1, now - 100), (2, now + 1000)] {
        let n = |number: i64| AttributeValue::N(number.to_string());
        let put = client.put_item().table_name(tables::EVENTS).item("pk", AttributeValue::S("E#0".to_owned()));
        let put = put.item("kt", AttributeValue::S("t".to_owned())).item("sk", n(id)).item("expires", n(expires));
        put.send().await.unwrap();
    }
    assert_eq!(dynamodb.delete_expired().await.unwrap(), 1);
    for index in [None, Some("by_type")] {
        let left = client.scan().table_name(tables::EVENTS).set_index_name(index.map(str::to_owned)).send().await;
        let left: Vec<_> = left.unwrap().items().iter().map(|item| item["sk"].as_n().unwrap().clone()).collect();
        assert_eq!(left, ["2"], "{index:?}");
    }
    assert_eq!(dynamodb.delete_expired().await.unwrap(), 0);
}

#[tokio::test]
async fn calls_after_the_close_fail_without_retries() {
    let (dynamodb, client, _folder) = start().await;
    dynamodb.close().await;
    let error = client.list_tables().send().await.unwrap_err();
    assert!(format!("{error:?}").contains("has stopped"), "{error:?}");
}

#[tokio::test]
async fn faults_of_the_disk_are_reported_by_name() {
    let (dynamodb, _client, _folder) = start().await;
    let full = DynoxideError::InternalServerError("backend: I/O error: database or disk is full".to_owned());
    let response = dynamodb.error_response(&full);
    assert_eq!(response.status, 400, "the SDK would retry a 500");
    assert!(response.body.contains("The disk of the data folder is full"), "{}", response.body);
    assert_eq!(dynamodb.health.fault(), Some(Fault::DiskFull));
}
