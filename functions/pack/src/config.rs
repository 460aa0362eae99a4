//! The configuration of the function.

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::{ConfigTable, DeploymentCheck, EventTable};

use crate::state::State;

/// Creates the state from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `CONFIG_TABLE` | names of the tables |
/// | `SECRETS_KEY_ID` | KMS key of the targets' secrets, which is stored with the deployment's settings |
/// | `SHARDS` | number of shards of the log (default 4) |
/// | `RETENTION_DAYS` | retention of events in days; unlimited if 0 or not set |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// If a variable is missing or invalid.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let config = ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    Ok(State {
        deployment: DeploymentCheck::new(config, env.shards()?, env.get("SECRETS_KEY_ID")),
        log: EventLog {
            events,
            segments: Segments::new(client, env.required("SEGMENTS_TABLE")?)
                .with_cache_bytes(env.segment_cache_bytes()?),
        },
    })
}
