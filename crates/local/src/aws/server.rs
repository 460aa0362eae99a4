//! The HTTP server of the local DynamoDB and SQS.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use super::access::{AccessDenied, AccessKey};
use super::{CONTENT_TYPE, LocalAws};
use crate::aws_response::AwsResponse;
use crate::health::Health;
use crate::http_server;
use crate::stop_signal::StopSignal;

/// Maximum size of a request, as in DynamoDB. SQS accepts 1 MiB of messages, whose characters may all be escaped.
const MAX_AWS_REQUEST_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
struct AwsServer {
    aws: LocalAws,
    key: AccessKey,
}

/// Serves both services at every path until `stop`: some clients call the endpoint, others the queue's URL.
pub(crate) async fn serve(listener: TcpListener, aws: LocalAws, key: AccessKey, health: Health, stop: StopSignal) {
    let router = Router::new()
        .fallback(handle_request)
        .layer(DefaultBodyLimit::max(MAX_AWS_REQUEST_BYTES))
        .with_state(AwsServer { aws, key });
    http_server::serve(listener, router, health, stop).await;
}

async fn handle_request(State(server): State<AwsServer>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let response = match server.key.check(&headers) {
        Err(AccessDenied::ForeignOrigin) => AwsResponse::error(
            403,
            "com.amazon.coral.service#AccessDeniedException",
            "the local DynamoDB and SQS accept requests from programs on this machine only, not from web pages",
        ),
        Err(AccessDenied::WrongKey) => AwsResponse::error(
            400,
            "com.amazon.coral.service#UnrecognizedClientException",
            "set AWS_ACCESS_KEY_ID to aws.access_key_id of dev.json in the data folder, and AWS_SECRET_ACCESS_KEY to the \
             same value",
        ),
        Ok(()) if method != Method::POST => {
            AwsResponse::error(404, "com.amazon.coral.service#UnknownOperationException", "requests use POST")
        }
        Ok(()) => {
            let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
            server.aws.call(target, body).await
        }
    };
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], response.body).into_response()
}
