//! Settings that differ from those with which a deployment was created.

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{MAX_WAIT, Stack, within};

use crate::start;

/// Stores another number of shards as the one with which the deployment was created.
async fn store_shards(stack: &Stack, shards: u16) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = stack.database().put_item().table_name("config");
    let put = put.item("pk", text("deployment")).item("sk", text("deployment")).item("name", text("deployment"));
    put.item("shards", AttributeValue::N(shards.to_string())).send().await.expect("an item");
}

#[tokio::test]
async fn a_function_with_another_number_of_shards_responds_with_503() {
    let mut stack = start().await;
    let (manage, read, ingest) = (stack.manage(), stack.read(), stack.ingest("unleash"));
    store_shards(&stack, 8).await;
    stack.kill().await;
    stack.restart().await;
    let event = e2e::unleash_event(1, jiff::Timestamp::now(), "flag", "web", "ada");
    for response in
        [manage.get("/v1/targets").await, read.get("/v1/events").await, ingest.post("/v1/events", &event).await]
    {
        let problem = response.expect_problem(503);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Shards")), "{problem}");
    }
    // The functions compare again, so that they recover from a wrong record without a restart.
    store_shards(&stack, 4).await;
    within(MAX_WAIT, "the functions accept the settings", || async {
        (ingest.post("/v1/events", &event).await.status == 201).then_some(())
    })
    .await;
    assert_eq!(read.get("/v1/events?total=exact").await.expect(200)["total"], 1);
}
