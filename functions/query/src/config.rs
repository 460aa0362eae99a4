//! The function's settings.

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::{CachedRecords, DeliveryTable, DeploymentCheck, EventTable};
use web::Keys;

use crate::State;

/// Creates the state from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE` | names of the tables |
/// | `SHARDS` | number of shards of the log (default 4) |
/// | `MANAGE_KEY_SHA256` | SHA-256 hash of the first manage key's token; unset on the local stack, which creates its own keys |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = store::ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let segments =
        Segments::new(client.clone(), env.required("SEGMENTS_TABLE")?).with_cache_bytes(env.segment_cache_bytes()?);
    Ok(State {
        log: EventLog { events, segments },
        deliveries: DeliveryTable::new(client, env.required("DELIVERIES_TABLE")?, env.retention()?),
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), runtime::now)
            .with_deployment(DeploymentCheck::new(config.clone(), env.shards()?, None)),
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config).into(),
    })
}
