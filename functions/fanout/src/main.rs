//! The fan-out function on AWS Lambda.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::Env;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = &fanout::from_env(&Env::new(&lookup))?;
    fanout::warm_up(state).await;
    // The stream and the queues of replays and nudges invoke the same function.
    // Boxed, because the compiler limits the depth of nested futures.
    let run = |event: LambdaEvent<Value>| async move {
        Ok::<_, Error>(if event.payload["Records"][0]["eventSource"] == "aws:sqs" {
            let batch = serde_json::from_value(event.payload)?;
            serde_json::to_value(Box::pin(fanout::handle_messages(state, batch)).await)?
        } else {
            let batch = serde_json::from_value(event.payload)?;
            serde_json::to_value(Box::pin(fanout::handle(state, batch)).await)?
        })
    };
    lambda_runtime::run(service_fn(run)).await
}
