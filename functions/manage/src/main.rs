//! The manage function on AWS Lambda.

use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let env = Env::new(&lookup);
    let routes = web::with_common_layers(manage::router(manage::from_env(&env)?));
    let routes = web::with_read_layers(routes, web::cors_origins(&env)?);
    lambda_http::run(web::with_strict_transport_security(routes)).await
}
