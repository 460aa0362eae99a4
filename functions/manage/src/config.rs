//! What the function reads from its environment.

use aws_sdk_dynamodb::Client;
use store::{Config, Env, EnvError, Events, Quarantine};
use web::Keys;

use crate::State;

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `QUARANTINE_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days what is received is kept; for good where it is 0 or not set |
/// | `MANAGE_KEY_SHA256` | SHA-256 of the first manage key's token; the local stack makes its own keys and does without |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = Config::new(client.clone(), env.required("CONFIG_TABLE")?);
    Ok(State {
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), store::now),
        config: config.into(),
        events: Events::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?),
        quarantine: Quarantine::new(client, env.required("QUARANTINE_TABLE")?, env.retention()?),
        clock: store::now,
    })
}
