//! What the function reads from its environment.

use aws_sdk_dynamodb::Client;
use runtime::{Env, EnvError};
use search::{EventLog, Segments};
use store::EventTable;

use crate::State;

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE` | the tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days events are kept; not set or 0: for good |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    Ok(State {
        log: EventLog {
            events,
            segments: Segments::new(client, env.required("SEGMENTS_TABLE")?).keeping(env.segment_cache_bytes()?),
        },
    })
}
