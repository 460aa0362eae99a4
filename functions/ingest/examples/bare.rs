//! The smallest Lambda function with HTTP and DynamoDB: one PutItem. The ingest function's cold start is compared with it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    let client = &Client::new(&Env::new(&lookup).aws("DYNAMODB")?);
    let put = |_: Request| async move {
        let item = HashMap::from([("pk".to_owned(), AttributeValue::S("a".to_owned()))]);
        client.put_item().table_name("events").set_item(Some(item)).send().await?;
        Ok::<_, Error>(Response::new(Body::Empty))
    };
    run(service_fn(put)).await
}
