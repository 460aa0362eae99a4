//! What the functions ask of DynamoDB, asked of the local one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};

use super::*;
use crate::dynamodb::tests::start;

/// The largest id: the last whole number that is safe in JavaScript.
const LARGEST: u64 = (1 << 53) - 1;

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
    let answer = client.batch_write_item().request_items(EVENTS, writes).send().await.unwrap();
    assert_eq!(answer.unprocessed_items().map_or(0, HashMap::len), 0);
}

#[tokio::test]
async fn tables_are_created_once() {
    let (_dynamodb, client, _folder) = start().await;
    create(&client).await.unwrap();
    let described = client.describe_table().table_name(EVENTS).send().await.unwrap();
    let table = described.table().unwrap();
    assert_eq!(table.global_secondary_indexes().len(), EVENT_INDEXES.len() + 1);
    let stream = table.stream_specification().unwrap();
    assert_eq!(stream.stream_view_type(), Some(&StreamViewType::NewImage));
    assert_eq!(client.list_tables().send().await.unwrap().table_names().len(), 5);
}

#[tokio::test]
async fn an_index_is_paged_with_a_filter_in_both_directions() {
    let (_dynamodb, client, _folder) = start().await;
    let ids: Vec<u64> = (0..6).map(|n| LARGEST - n).collect();
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
                .expression_attribute_values(":from", n(LARGEST - 4))
                .expression_attribute_values(":to", n(LARGEST))
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
        let mut expected = [LARGEST, LARGEST - 2, LARGEST - 4];
        if forward {
            expected.reverse();
        }
        assert_eq!(found, expected, "forward: {forward}");
    }
}

#[tokio::test]
async fn a_refused_put_answers_with_the_item_that_is_there() {
    let (_dynamodb, client, _folder) = start().await;
    put_all(&client, &[LARGEST]).await;
    let refused = client
        .put_item()
        .table_name(EVENTS)
        .set_item(Some(event(LARGEST)))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.item().unwrap(), &event(LARGEST));
}

#[tokio::test]
async fn a_transaction_is_written_whole_or_refused_with_the_reasons() {
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
    let refused = client.transact_write_items().transact_items(write(3)).transact_items(write(2)).send().await;
    let refused = refused.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        refused,
    ) = refused
    else {
        panic!("{refused:?}");
    };
    let reasons = refused.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item().unwrap(), &event(2));
    assert_eq!(client.scan().table_name(EVENTS).send().await.unwrap().count(), 2);
}

#[tokio::test]
async fn a_batch_is_read_by_key() {
    let (_dynamodb, client, _folder) = start().await;
    put_all(&client, &[1, 2, LARGEST]).await;
    let key = |id| HashMap::from([("pk".to_owned(), s("E#0")), ("sk".to_owned(), n(id))]);
    let keys = KeysAndAttributes::builder().keys(key(2)).keys(key(3)).keys(key(LARGEST)).build().unwrap();
    let answer = client
        .batch_get_item()
        .request_items(EVENTS, keys)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.responses().unwrap()[EVENTS].len(), 2);
    assert_eq!(answer.unprocessed_keys().map_or(0, HashMap::len), 0);
    assert_eq!(answer.consumed_capacity().len(), 1);
}
