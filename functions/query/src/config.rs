//! What the function reads from its environment.

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::{CachedRecords, DeliveryTable, EventTable};
use web::Keys;

use crate::State;

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `CONFIG_TABLE`, `DELIVERIES_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `MANAGE_KEY_SHA256` | SHA-256 of the first manage key's token; the local stack makes its own keys and does without |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = store::ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let segments = Segments::new(client.clone(), env.required("SEGMENTS_TABLE")?).keeping(env.segment_cache_bytes()?);
    Ok(State {
        log: EventLog { events, segments },
        deliveries: DeliveryTable::new(client, env.required("DELIVERIES_TABLE")?, env.retention()?),
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), runtime::now),
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config).into(),
    })
}
