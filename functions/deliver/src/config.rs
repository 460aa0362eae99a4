//! The settings of the function, read from environment variables.

use aws_sdk_dynamodb::Client as DynamoDb;
use runtime::sqs::{Queue, SqsClient};
use runtime::{Env, EnvError, Tracer};
use store::{CachedRecords, ConfigTable, DeliveryTable, DeploymentCheck, EventTable};
use webhook::Keyring;

use crate::client::Client;
use crate::permits::Permits;
use crate::queues::Queues;
use crate::ssrf_guard::SsrfGuard;
use crate::state::State;

/// Reads the settings from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE` | names of the tables |
/// | `SHARDS` | number of partitions of the event log (default 4) |
/// | `RETENTION_DAYS` | retention of deliveries in days; unlimited if 0 or not set |
/// | `DELIVERY_QUEUE_URL`, `SLOW_QUEUE_URL` | queues of the delivery messages |
/// | `SECRETS_KEY_ID` or `SECRETS_KEY_FILE` | encryption key of the targets' secrets, see [`Keyring`] |
/// | `ALLOWED_CIDRS` | networks of targets that are allowed although they are not public, such as `10.0.0.0/8,fd00::/8` |
/// | `HTTPS_ONLY` | `true` rejects `http` addresses of targets (default `false`) |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | percentage of traced events and address of the daemon, see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// Names the variable that is missing or invalid.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let sqs = SqsClient::new(&env.aws("SQS")?);
    let client = DynamoDb::new(&env.aws("DYNAMODB")?);
    let guard: SsrfGuard =
        env.parsed("ALLOWED_CIDRS", SsrfGuard::default(), "networks separated by commas, such as 10.0.0.0/8")?;
    let config = ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    Ok(State {
        deployment: DeploymentCheck::new(config.clone(), env.shards()?, env.get("SECRETS_KEY_ID")),
        events: events.with_slot_key(config.clone()),
        deliveries: DeliveryTable::new(client.clone(), env.required("DELIVERIES_TABLE")?, env.retention()?),
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config.clone()).into(),
        config,
        keyring: Keyring::from_env(env)?,
        queues: Queues {
            regular: Queue::new(sqs.clone(), env.required("DELIVERY_QUEUE_URL")?),
            slow: Queue::new(sqs, env.required("SLOW_QUEUE_URL")?),
        },
        permits: Permits::default(),
        client: Client::new(guard.with_https_only(env.parsed("HTTPS_ONLY", false, "true or false")?)),
        tracer: Tracer::from_env(env),
        clock: runtime::now,
    })
}
