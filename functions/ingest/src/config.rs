//! The configuration of the function.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use runtime::sqs::{Queue, SqsClient};
use runtime::{Env, EnvError, Tracer};
use store::{CachedRecords, ConfigTable, DeploymentCheck, EventTable, Quarantine};
use web::Keys;

use crate::nudger::Nudger;
use crate::state::State;

/// Creates the state from environment variables:
///
/// | variable | meaning |
/// |---|---|
/// | `EVENTS_TABLE`, `CONFIG_TABLE`, `QUARANTINE_TABLE` | names of the tables |
/// | `SHARDS` | number of shards of the log (default 4) |
/// | `RETENTION_DAYS` | retention of events and quarantined events in days; unlimited if 0 or not set |
/// | `NUDGE_QUEUE_URL` | queue of the nudges; if it is not set, only the stream announces events to fanout |
/// | `PATIENCE_SECONDS` | time for which a request retries throttled writes (default 20); less than the function's timeout |
/// | `MANAGE_KEY_SHA256` | SHA-256 of the first manage key's token; not set in the local stack, which creates its own keys |
/// | `TRACE_PERCENT`, `AWS_XRAY_DAEMON_ADDRESS` | percentage of traced events, and address of the X-Ray daemon; see [`Tracer`] |
/// | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, … | set by Lambda |
///
/// # Errors
/// If a variable is missing or invalid.
pub fn from_env(env: &Env<'_>) -> Result<State, EnvError> {
    let client = Client::new(&env.aws("DYNAMODB")?);
    let config = ConfigTable::new(client.clone(), env.required("CONFIG_TABLE")?);
    let events = EventTable::new(client.clone(), env.required("EVENTS_TABLE")?, env.shards()?, env.retention()?);
    let nudger = match env.get("NUDGE_QUEUE_URL") {
        Some(url) => Some(Nudger::new(Queue::new(SqsClient::new(&env.aws("SQS")?), url), config.clone())),
        None => None,
    };
    Ok(State {
        events: events.with_slot_key(config.clone()),
        quarantine: Quarantine::new(client, env.required("QUARANTINE_TABLE")?, env.retention()?),
        keys: Keys::new(config.clone(), env.get("MANAGE_KEY_SHA256"), runtime::now)
            .with_deployment(DeploymentCheck::new(config.clone(), env.shards()?, None)),
        sources: CachedRecords::new(config).into(),
        quarantine_alerts: Arc::default(),
        nudger,
        write_timeout: Duration::from_secs(env.parsed("PATIENCE_SECONDS", 20, "a whole number of seconds")?),
        tracer: Tracer::from_env(env),
        clock: runtime::now,
    })
}
