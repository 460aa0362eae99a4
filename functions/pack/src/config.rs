//! Configuration from environment variables.

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::EventTable;

use crate::State;

/// Builds the state from the environment at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE` | the tables' names |
/// | `SHARDS` | number of partitions of the log (default 4) |
/// | `RETENTION_DAYS` | days for which events are kept; unset or 0: forever |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    Ok(State {
        log: EventLog {
            events,
            segments: Segments::new(client, env.required("SEGMENTS_TABLE")?)
                .with_cache_bytes(env.segment_cache_bytes()?),
        },
    })
}
