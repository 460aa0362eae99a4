//! What the function reads from its environment.

use aws_sdk_dynamodb::Client as DynamoDb;
use store::{Config, Deliveries, Directory, Env, EnvError, Events};

use crate::{Client, Guard, State};

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days deliveries are kept; for good where it is 0 or not set |
/// | `DELIVERY_QUEUE_URL` | the queue that the messages come from |
/// | `ALLOWED_CIDRS` | networks that targets may live in though they are not public, as `10.0.0.0/8,fd00::/8` |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// What is missing or wrong, by its variable; or the HTTP client's, where TLS cannot be set up.
pub fn from_env(env: &Env<'_>) -> Result<State, StartError> {
    let client = DynamoDb::new(&env.aws("DYNAMODB")?);
    let guard: Guard =
        env.parsed("ALLOWED_CIDRS", Guard::default(), "networks separated by commas, such as 10.0.0.0/8")?;
    Ok(State {
        events: Events::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?),
        deliveries: Deliveries::new(client.clone(), env.required("DELIVERIES_TABLE")?, env.retention()?),
        targets: Directory::new(Config::new(client, env.required("CONFIG_TABLE")?)).into(),
        queue: aws_sdk_sqs::Client::new(&env.aws("SQS")?),
        queue_url: env.required("DELIVERY_QUEUE_URL")?,
        client: Client::new(guard)?,
        clock: store::now,
    })
}

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something in the environment is missing or wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}
