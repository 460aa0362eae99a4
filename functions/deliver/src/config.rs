//! What the function reads from its environment.

use aws_sdk_dynamodb::Client as DynamoDb;
use runtime::{Env, EnvError, Tracer};
use store::{CachedRecords, ConfigTable, DeliveryTable, EventTable};

use webhook::Keyring;

use crate::{Client, Guard, Permits, Queues, State};

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days deliveries are kept; for good where it is 0 or not set |
/// | `DELIVERY_QUEUE_URL`, `SLOW_QUEUE_URL` | the queues that the messages come from |
/// | `SECRETS_KEY_ID` or `SECRETS_KEY_FILE` | what the targets' secrets are encrypted with, see [`Keyring`] |
/// | `ALLOWED_CIDRS` | networks that targets may live in though they are not public, as `10.0.0.0/8,fd00::/8` |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | how many of a hundred events are traced, and where to, see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// What is missing or wrong, by its variable.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let queues = aws_sdk_sqs::Client::new(&env.aws("SQS")?);
    let client = DynamoDb::new(&env.aws("DYNAMODB")?);
    let guard: Guard =
        env.parsed("ALLOWED_CIDRS", Guard::default(), "networks separated by commas, such as 10.0.0.0/8")?;
    let config = ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    Ok(State {
        events: EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?),
        deliveries: DeliveryTable::new(client.clone(), env.required("DELIVERIES_TABLE")?, env.retention()?),
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config.clone()).into(),
        config,
        keyring: Keyring::from_env(env)?,
        queues: Queues::new(queues, env.required("DELIVERY_QUEUE_URL")?, env.required("SLOW_QUEUE_URL")?),
        permits: Permits::default(),
        client: Client::new(guard),
        tracer: Tracer::from_env(env)?,
        clock: runtime::now,
    })
}
