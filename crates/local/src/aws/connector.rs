//! The HTTP client of the AWS SDK that calls the local services directly, without a network. It needs no credentials,
//! and no proxy sees its requests.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::body::Bytes;

use super::{CONTENT_TYPE, LocalAws};

impl LocalAws {
    /// Returns an HTTP client for AWS clients of any service.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }
}

impl HttpConnector for LocalAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            // The JSON protocols send bodies from memory.
            let body = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
            let response = LocalAws::call(&aws, &target, body).await;
            let status = response.status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            let mut http = HttpResponse::new(status, SdkBody::from(response.body));
            http.headers_mut().insert("content-type", CONTENT_TYPE);
            Ok(http)
        })
    }
}
