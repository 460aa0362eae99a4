//! The ingest function on AWS Lambda.

use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = ingest::from_env(&Env::new(&lookup))?;
    ingest::warm_up(&state).await;
    let routes = web::with_common_layers(ingest::router(state));
    let routes = web::with_strict_transport_security(routes);
    lambda_http::run(web::ignore_surplus_slashes(routes, ingest::PATH)).await
}
