//! The packing function on AWS Lambda.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use store::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    store::log_as_json()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = &pack::from_env(&Env::new(&lookup))?;
    // What the schedule sends says nothing.
    let run = |_: LambdaEvent<Value>| async move { Ok::<_, Error>(pack::handle(state).await?) };
    lambda_runtime::run(service_fn(run)).await
}
