//! The ingest function on AWS Lambda.

use lambda_http::{Body, Request};
use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = ingest::from_env(&Env::new(&lookup))?;
    ingest::warm_up(&state).await;
    let routes = web::with_common_layers(ingest::router(state));
    let routes = web::with_strict_transport_security(routes);
    let service = web::ignore_surplus_slashes(routes, ingest::PATH);
    lambda_http::run(tower::ServiceBuilder::new().map_request(mark_text).service(service)).await
}

/// Marks bodies that API Gateway passed on as text, which changes every byte that is not UTF-8.
fn mark_text(mut request: Request) -> Request {
    if matches!(request.body(), Body::Text(_)) {
        request.extensions_mut().insert(ingest::ReceivedAsText);
    }
    request
}
