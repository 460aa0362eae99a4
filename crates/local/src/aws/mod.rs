//! The local DynamoDB and SQS as one AWS endpoint. The functions call it inside the process, through a connector of the
//! AWS SDK. Scripts, the AWS command line and `tidings reshard` call it over HTTP, with the access key in `dev.json`.

mod access;
mod connector;
mod server;

use axum::body::Bytes;

pub(crate) use access::AccessKey;
pub(crate) use server::serve;

use crate::aws_response::AwsResponse;
use crate::dynamodb::DynamoDb;
use crate::sqs::Sqs;

/// Media type of requests and responses.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The prefix of DynamoDB's operations in the header `x-amz-target`.
const DYNAMODB_PREFIX: &str = "DynamoDB_20120810.";

/// The prefix of SQS's operations in the header `x-amz-target`.
const SQS_PREFIX: &str = "AmazonSQS.";

/// The local DynamoDB and SQS.
#[derive(Debug, Clone)]
pub(crate) struct LocalAws {
    pub(crate) dynamodb: DynamoDb,
    pub(crate) sqs: Sqs,
}

impl LocalAws {
    /// Calls an operation, named as in the header `x-amz-target`: `DynamoDB_20120810.PutItem`.
    async fn call(&self, target: &str, body: Bytes) -> AwsResponse {
        if let Some(operation) = target.strip_prefix(DYNAMODB_PREFIX) {
            self.dynamodb.call(operation, body).await
        } else if let Some(operation) = target.strip_prefix(SQS_PREFIX) {
            self.sqs.call(operation, &body).await
        } else {
            let message = format!("the local stack implements DynamoDB and SQS, not {target:?}");
            AwsResponse::error(400, "com.amazon.coral.service#UnknownOperationException", &message)
        }
    }
}
