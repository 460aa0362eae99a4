//! The query function on AWS Lambda.

use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let env = Env::new(&lookup);
    let routes = web::with_common_layers(query::router(query::from_env(&env)?));
    let routes = web::with_read_layers(routes, web::cors_origins(&env)?);
    let routes = web::with_strict_transport_security(routes);
    // API Gateway routes paths with surplus slashes to this function.
    lambda_http::run(web::redirect_surplus_slashes(routes, "/v1/events")).await
}
