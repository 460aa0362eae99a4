//! The settings of the function, read from environment variables.

use runtime::sqs::{Queue, SqsClient};
use runtime::{Env, EnvError, Tracer};
use search::{EventLog, Segments};
use store::{CachedRecords, ConfigTable, DeliveryTable, DeploymentCheck, EventTable};

use crate::state::State;

/// Reads the settings from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `CONFIG_TABLE` | name of the table of targets and replays |
/// | `EVENTS_TABLE`, `SEGMENTS_TABLE`, `DELIVERIES_TABLE` | names of the other tables |
/// | `SHARDS` | number of partitions of the event log (default 4) |
/// | `RETENTION_DAYS` | retention of deliveries in days; unlimited if 0 or not set |
/// | `DELIVERY_QUEUE_URL` | queue of the delivery messages |
/// | `REPLAY_QUEUE_URL` | queue of the replay messages |
/// | `STREAM_DEAD_LETTERS_URL` | dead-letter queue of the stream |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | percentage of traced events and address of the daemon, see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// Names the variable that is missing or invalid.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let dynamodb = aws_sdk_dynamodb::Client::new(&env.aws("DYNAMODB")?);
    let sqs = SqsClient::new(&env.aws("SQS")?);
    let config = ConfigTable::new(dynamodb.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(dynamodb.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let segments =
        Segments::new(dynamodb.clone(), env.required("SEGMENTS_TABLE")?).with_cache_bytes(env.segment_cache_bytes()?);
    Ok(State {
        deployment: DeploymentCheck::new(config.clone(), env.shards()?, None),
        targets: CachedRecords::new(config.clone()).into(),
        states: CachedRecords::new(config.clone()).into(),
        config,
        deliveries: DeliveryTable::new(dynamodb, env.required("DELIVERIES_TABLE")?, env.retention()?),
        log: EventLog { events, segments },
        queue: Queue::new(sqs.clone(), env.required("DELIVERY_QUEUE_URL")?),
        replays: Queue::new(sqs.clone(), env.required("REPLAY_QUEUE_URL")?),
        stream_dead_letters: Queue::new(sqs, env.required("STREAM_DEAD_LETTERS_URL")?),
        tracer: Tracer::from_env(env),
        clock: runtime::now,
    })
}
