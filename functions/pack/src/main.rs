//! The packing function on AWS Lambda.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::Env;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = &pack::from_env(&Env::new(&lookup))?;
    // The schedule's event has no input.
    let run = |_: LambdaEvent<Value>| async move { Ok::<_, Error>(pack::handle(state).await?) };
    lambda_runtime::run(service_fn(run)).await
}
