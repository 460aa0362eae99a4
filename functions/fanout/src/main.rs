//! The fan-out function on AWS Lambda.

use aws_lambda_events::event::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    store::log_as_json();
    let lookup = |name: &str| std::env::var(name).ok();
    let state = &fanout::from_env(&Env::new(&lookup))?;
    let run = |event: LambdaEvent<Event>| async move { Ok::<_, Error>(fanout::handle(state, event.payload).await) };
    lambda_runtime::run(service_fn(run)).await
}
