//! What the function reads from its environment.

use store::{Config, Directory, Env, EnvError};

use crate::{Queue, State};

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `CONFIG_TABLE` | the table with the targets |
/// | `DELIVERY_QUEUE_URL` | the queue that deliver reads |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let config = Config::new(aws_sdk_dynamodb::Client::new(&env.aws("DYNAMODB")?), env.required("CONFIG_TABLE")?);
    Ok(State {
        targets: Directory::new(config).into(),
        queue: Queue::new(aws_sdk_sqs::Client::new(&env.aws("SQS")?), env.required("DELIVERY_QUEUE_URL")?),
        clock: store::now,
    })
}
