//! What the function reads from its environment.

use runtime::{Env, EnvError, Tracer};
use search::{EventLog, Segments};
use store::{CachedRecords, ConfigTable, DeliveryTable, EventTable};

use crate::{Queue, State};

/// Reads the state from the environment, once, at start:
///
/// | variable | meaning |
/// |---|---|
/// | `CONFIG_TABLE` | the table with the targets and replays |
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `DELIVERIES_TABLE` | the other tables' names |
/// | `SHARDS` | into how many partitions the log is spread (default 4) |
/// | `RETENTION_DAYS` | for how many days deliveries are kept; for good where it is 0 or not set |
/// | `DELIVERY_QUEUE_URL` | the queue that deliver reads |
/// | `REPLAY_QUEUE_URL` | the queue that replays come from |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | how many of a hundred events are traced, and where to, see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let dynamodb = aws_sdk_dynamodb::Client::new(&env.aws("DYNAMODB")?);
    let sqs = aws_sdk_sqs::Client::new(&env.aws("SQS")?);
    let config = ConfigTable::new(dynamodb.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(dynamodb.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let segments =
        Segments::new(dynamodb.clone(), env.required("SEGMENTS_TABLE")?).with_cache_bytes(env.segment_cache_bytes()?);
    Ok(State {
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config.clone()).into(),
        config,
        deliveries: DeliveryTable::new(dynamodb, env.required("DELIVERIES_TABLE")?, env.retention()?),
        log: EventLog { events, segments },
        queue: Queue::new(sqs.clone(), env.required("DELIVERY_QUEUE_URL")?),
        replays: Queue::new(sqs, env.required("REPLAY_QUEUE_URL")?),
        tracer: Tracer::from_env(env)?,
        clock: runtime::now,
    })
}
