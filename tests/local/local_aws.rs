//! Access to the local DynamoDB and SQS: neither web pages nor other users of the machine can use them.

use e2e::{Api, Stack};
use reqwest::Method;
use serde_json::json;

use crate::start;

/// Sends `ListTables`, signed with this key, and with these further headers.
async fn list_tables(stack: &Stack, key: &str, headers: &[(&str, &str)]) -> e2e::Response {
    let api = Api::new(stack.aws_endpoint());
    let mut request = api
        .request(Method::POST, "/")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={key}/20260101/local/dynamodb/aws4_request"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.ListTables");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body("{}")).await
}

#[tokio::test]
async fn only_the_access_key_of_this_start_opens_the_database() {
    let mut stack = start().await;
    let key = stack.access_key_id().to_owned();
    let tables = list_tables(&stack, &key, &[]).await.expect(200);
    assert_eq!(tables["TableNames"].as_array().map(Vec::len), Some(5));
    for wrong in ["local", "", &key[1..]] {
        assert_eq!(list_tables(&stack, wrong, &[]).await.status, 400, "{wrong}");
    }
    stack.kill().await;
    stack.restart().await;
    assert_eq!(list_tables(&stack, &key, &[]).await.status, 400, "the key of an earlier start");
}

#[tokio::test]
async fn web_pages_cannot_use_the_database() {
    let stack = start().await;
    let key = stack.access_key_id().to_owned();
    for headers in [[("origin", "http://127.0.0.1:8080")], [("origin", "null")], [("host", "rebound.example")]] {
        let response = list_tables(&stack, &key, &headers).await;
        assert_eq!(response.status, 403, "{headers:?}: {}", response.text);
        assert!(!response.headers.contains_key("access-control-allow-origin"), "{headers:?}");
    }
    let api = Api::new(stack.aws_endpoint());
    let preflight = api
        .request(Method::OPTIONS, "/")
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-amz-target");
    let response = api.send(preflight).await;
    assert_eq!(response.status, 403, "{}", response.text);
    assert!(!response.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_proxy_does_not_see_the_traffic_of_the_local_stack() {
    // Nothing listens on the discard port: a request through this proxy fails.
    let proxy = "http://127.0.0.1:9";
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let stack = Stack::start_with_env(env!("CARGO_BIN_EXE_tidings"), &[], &variables.map(|name| (name, proxy))).await;
    stack.ingest("signal").post("/v1/events", &json!({ "type": "alert", "id": "1" })).await.expect(201);
    stack.wait_until_idle().await;
}
