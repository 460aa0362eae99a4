//! What the function reads from its environment.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError, Tracer};
use store::{CachedRecords, EventTable, Quarantine};
use web::Keys;

use crate::State;

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `QUARANTINE_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days what is received is kept; for good where it is 0 or not set |
/// | `PATIENCE_SECONDS` | how long a request tries to write what DynamoDB is too busy for (default 20); less than the function's timeout |
/// | `MANAGE_KEY_SHA256` | SHA-256 of the first manage key's token; the local stack makes its own keys and does without |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | how many of a hundred events are traced, and where to, see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = store::ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    Ok(State {
        events: EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?),
        quarantine: Quarantine::new(client, env.required("QUARANTINE_TABLE")?, env.retention()?),
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), runtime::now),
        sources: CachedRecords::new(config).into(),
        told: Arc::default(),
        patience: Duration::from_secs(env.parsed("PATIENCE_SECONDS", 20, "a whole number of seconds")?),
        tracer: Tracer::from_env(env)?,
        clock: runtime::now,
    })
}
