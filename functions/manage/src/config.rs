//! The settings of the function, read from environment variables.

use aws_sdk_dynamodb::Client;
use runtime::sqs::{Queue, SqsClient};
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::{ConfigTable, DeliveryTable, DeploymentCheck, EventTable, Quarantine};
use web::Keys;
use webhook::Keyring;

use crate::State;

/// Reads the settings from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE`, `QUARANTINE_TABLE` | names of the tables |
/// | `DELIVERY_QUEUE_URL` | queue of the delivery messages |
/// | `SECRETS_KEY_ID` or `SECRETS_KEY_FILE` | encryption key of the targets' secrets, see [`Keyring`] |
/// | `SHARDS` | number of partitions of the event log (default 4) |
/// | `RETENTION_DAYS` | retention of received data in days; unlimited if 0 or not set |
/// | `MANAGE_KEY_SHA256` | SHA-256 of the token of the first manage key; not set in the local stack, which creates its own keys |
/// | `HTTPS_ONLY` | `true` rejects `http` addresses of targets (default `false`) |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// Names the variable that is missing or invalid.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?)
        .with_slot_key(config.clone());
    let segments =
        Segments::new(client.clone(), env.required("SEGMENTS_TABLE")?).with_cache_bytes(env.segment_cache_bytes()?);
    Ok(State {
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), runtime::now)
            .with_deployment(DeploymentCheck::new(config.clone(), env.shards()?, env.get("SECRETS_KEY_ID"))),
        https_only: env.parsed("HTTPS_ONLY", false, "true or false")?,
        config: config.into(),
        log: EventLog { events: events.clone(), segments },
        events,
        deliveries: DeliveryTable::new(client.clone(), env.required("DELIVERIES_TABLE")?, env.retention()?),
        keyring: Keyring::from_env(env)?,
        queue: Queue::new(SqsClient::new(&env.aws("SQS")?), env.required("DELIVERY_QUEUE_URL")?),
        quarantine: Quarantine::new(client, env.required("QUARANTINE_TABLE")?, env.retention()?),
        clock: runtime::now,
    })
}
