//! The DynamoDB calls that the functions make, on the local DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};

use super::*;
use crate::dynamodb::tests::start;

/// The largest event id: the largest integer that JavaScript represents exactly.
const MAX_EVENT_ID: u64 = (1 << 53) - 1;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn event(id: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), s("E#0")),
        ("sk".to_owned(), n(id)),
        ("ks".to_owned(), s("flag#0")),
        ("t".to_owned(), s(if id.is_multiple_of(2) { "even" } else { "odd" })),
        ("payload".to_owned(), AttributeValue::B(vec![0; 100].into())),
    ])
}

async fn put_all(client: &Client, ids: &[u64]) {
    let put = |id: &u64| PutRequest::builder().set_item(Some(event(*id))).build().unwrap();
    let writes = ids.iter().map(|id| WriteRequest::builder().put_request(put(id)).build()).collect();
    let response = client.batch_write_item().request_items(EVENTS, writes).send().await.unwrap();
    assert_eq!(response.unprocessed_items().map_or(0, HashMap::len), 0);
}

#[tokio::test]
async fn tables_are_created_once() {
    let (_dynamodb, client, _folder) = start().await;
    create_missing_tables(&client).await.unwrap();
    let described = client.describe_table().table_name(EVENTS).send().await.unwrap();
    let table = described.table().unwrap();
    assert_eq!(table.global_secondary_indexes().len(), EVENT_INDEXES.len() + 1);
    let stream = table.stream_specification().unwrap();
    assert_eq!(stream.stream_view_type(), Some(&StreamViewType::NewImage));
    assert_eq!(client.list_tables().send().await.unwrap().table_names().len(), 5);
}

#[tokio::test]
async fn filtered_index_queries_are_paged_in_both_directions() {
    let (_dynamodb, client, _folder) = start().await;
    let ids: Vec<u64> = (0..6).map(|n| MAX_EVENT_ID - n).collect();
    put_all(&client, &ids).await;
    for forward in [false, true] {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = client
                .query()
                .table_name(EVENTS)
                .index_name("by_subject")
                .key_condition_expression("ks = :k AND sk BETWEEN :from AND :to")
                .filter_expression("#t = :t")
                .expression_attribute_names("#t", "t")
                .expression_attribute_values(":k", s("flag#0"))
                .expression_attribute_values(":t", s("odd"))
                .expression_attribute_values(":from", n(MAX_EVENT_ID - 4))
                .expression_attribute_values(":to", n(MAX_EVENT_ID))
                .scan_index_forward(forward)
                .set_exclusive_start_key(start)
                .limit(2)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .unwrap();
            assert!(page.consumed_capacity().unwrap().capacity_units().unwrap() > 0.0);
            found.extend(page.items().iter().map(|item| item["sk"].as_n().unwrap().parse::<u64>().unwrap()));
            assert!(page.items().iter().all(|item| item.contains_key("t") && !item.contains_key("payload")));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let mut expected = [MAX_EVENT_ID, MAX_EVENT_ID - 2, MAX_EVENT_ID - 4];
        if forward {
            expected.reverse();
        }
        assert_eq!(found, expected, "forward: {forward}");
    }
}

#[tokio::test]
async fn failed_conditional_put_returns_the_existing_item() {
    let (_dynamodb, client, _folder) = start().await;
    put_all(&client, &[MAX_EVENT_ID]).await;
    let rejected = client
        .put_item()
        .table_name(EVENTS)
        .set_item(Some(event(MAX_EVENT_ID)))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(rejected) = rejected
    else {
        panic!("{rejected:?}");
    };
    assert_eq!(rejected.item().unwrap(), &event(MAX_EVENT_ID));
}

#[tokio::test]
async fn transactions_are_atomic_and_report_why_they_were_cancelled() {
    let (_dynamodb, client, _folder) = start().await;
    let write = |id: u64| {
        let put = Put::builder()
            .table_name(EVENTS)
            .set_item(Some(event(id)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    client.transact_write_items().transact_items(write(1)).transact_items(write(2)).send().await.unwrap();
    let rejected = client.transact_write_items().transact_items(write(3)).transact_items(write(2)).send().await;
    let rejected = rejected.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        rejected,
    ) = rejected
    else {
        panic!("{rejected:?}");
    };
    let reasons = rejected.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item().unwrap(), &event(2));
    assert_eq!(client.scan().table_name(EVENTS).send().await.unwrap().count(), 2);
}

#[tokio::test]
async fn batch_get_returns_the_items_that_exist() {
    let (_dynamodb, client, _folder) = start().await;
    put_all(&client, &[1, 2, MAX_EVENT_ID]).await;
    let key = |id| HashMap::from([("pk".to_owned(), s("E#0")), ("sk".to_owned(), n(id))]);
    let keys = KeysAndAttributes::builder().keys(key(2)).keys(key(3)).keys(key(MAX_EVENT_ID)).build().unwrap();
    let response = client
        .batch_get_item()
        .request_items(EVENTS, keys)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    assert_eq!(response.responses().unwrap()[EVENTS].len(), 2);
    assert_eq!(response.unprocessed_keys().map_or(0, HashMap::len), 0);
    assert_eq!(response.consumed_capacity().len(), 1);
}
