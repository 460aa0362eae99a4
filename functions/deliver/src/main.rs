//! The deliver function on AWS Lambda.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init_logging()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let state = &deliver::from_env(&Env::new(&lookup))?;
    deliver::warm_up(state).await;
    let run = |event: LambdaEvent<SqsEvent>| async move { Ok::<_, Error>(deliver::handle(state, event.payload).await) };
    lambda_runtime::run(service_fn(run)).await
}
