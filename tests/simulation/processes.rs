//! The functions of the simulation. Each call returns a new process: its caches are empty.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use events::Scope;
use jiff::SignedDuration;
use model::{EventFilter, Key, KeyScope, Retention, RetryPolicy, Source, Target};
use runtime::sqs::Queue;
use runtime::{Env, Tracer};
use search::{EventLog, Segments};
use store::{CachedRecords, ConfigTable, DeliveryTable, DeploymentCheck, EventTable, Quarantine, SlotKey};
use web::Keys;
use webhook::{Keyring, Secrets, SigningSecret};

use crate::clock;
use crate::database::Database;
use crate::queues::{DELIVERY, NUDGES, Queues, REPLAYS, SLOW_DELIVERY};
use crate::receivers::Receivers;

/// Number of shards of the log.
pub(crate) const SHARDS: u16 = 2;

/// Events of a segment: few, so that a short simulation packs several segments.
const EVENTS_PER_SEGMENT: usize = 12;

/// Retention in days.
const RETENTION_DAYS: u32 = 365;

/// Name of the only source and of its catalog.
pub(crate) const SOURCE: &str = "signal";

/// Name of the only target, which takes all events.
pub(crate) const TARGET: &str = "audit";

/// Address of the target, and the network that contains it.
const RECEIVER_URL: &str = "http://10.1.2.3/hook";
const RECEIVER_NETWORK: &str = "10.0.0.0/8";

/// Retries of a delivery: more than the faults of a simulation can use up.
const MAX_RETRIES: u32 = 100;

/// The tokens of the API keys.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) ingest: String,
    pub(crate) read: String,
    pub(crate) manage: String,
}

fn retention() -> Retention {
    Retention::new(Some(RETENTION_DAYS), clock::now)
}

fn tracer() -> Tracer {
    Tracer::from_env(&Env::new(&|_| None))
}

fn config(client: &Client) -> ConfigTable {
    ConfigTable::new(client.clone(), "config".to_owned())
}

fn log(client: &Client) -> EventLog {
    let events = EventTable::new(client.clone(), "events".to_owned(), SHARDS, retention());
    let segments = Segments::new(client.clone(), "segments".to_owned()).with_events_per_segment(EVENTS_PER_SEGMENT);
    EventLog { events, segments }
}

/// Starts a process of the ingest function.
pub(crate) fn ingest(database: &Database, queues: &Queues) -> ingest::State {
    let client = database.client();
    ingest::State {
        events: log(&client).events.with_slot_key(config(&client)),
        quarantine: Quarantine::new(client.clone(), "quarantine".to_owned(), retention()),
        keys: Keys::new(config(&client), None, clock::now),
        sources: CachedRecords::new(config(&client)).into(),
        quarantine_alerts: Arc::default(),
        nudger: Some(ingest::Nudger::new(Queue::new(queues.client(), Queues::url(NUDGES)), config(&client))),
        write_timeout: Duration::from_secs(20),
        tracer: tracer(),
        clock: clock::now,
    }
}

/// The settings of the deployment, which no process changes.
fn deployment(client: &Client) -> DeploymentCheck {
    DeploymentCheck::new(config(client), SHARDS, None)
}

/// Starts a process of the fanout function.
pub(crate) fn fanout(database: &Database, queues: &Queues) -> fanout::State {
    let client = database.client();
    fanout::State {
        deployment: deployment(&client),
        targets: CachedRecords::new(config(&client)).into(),
        states: CachedRecords::new(config(&client)).into(),
        config: config(&client),
        deliveries: DeliveryTable::new(client.clone(), "deliveries".to_owned(), retention()),
        log: log(&client),
        queue: Queue::new(queues.client(), Queues::url(DELIVERY)),
        replays: Queue::new(queues.client(), Queues::url(REPLAYS)),
        stream_dead_letters: Queue::new(queues.client(), Queues::url("stream-dead-letters")),
        tracer: tracer(),
        clock: clock::now,
    }
}

/// Starts a process of the deliver function.
pub(crate) fn deliver(
    database: &Database,
    queues: &Queues,
    receivers: &Receivers,
    keyring: &Keyring,
) -> deliver::State {
    let client = database.client();
    let guard = RECEIVER_NETWORK.parse().expect("a network");
    deliver::State {
        deployment: deployment(&client),
        events: log(&client).events.with_slot_key(config(&client)),
        deliveries: DeliveryTable::new(client.clone(), "deliveries".to_owned(), retention()),
        targets: CachedRecords::new(config(&client)).into(),
        states: CachedRecords::new(config(&client)).into(),
        config: config(&client),
        keyring: keyring.clone(),
        queues: deliver::Queues {
            regular: Queue::new(queues.client(), Queues::url(DELIVERY)),
            slow: Queue::new(queues.client(), Queues::url(SLOW_DELIVERY)),
        },
        permits: deliver::Permits::default(),
        client: deliver::Client::with_network(guard, receivers.clone()),
        tracer: tracer(),
        clock: clock::now,
    }
}

/// Creates a key that encrypts the secrets of targets.
pub(crate) fn keyring() -> Keyring {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secrets.key");
    webhook::create_key_file(&file).expect("a key file");
    let path = file.to_str().expect("UTF-8").to_owned();
    Keyring::from_env(&Env::new(&|name| (name == "SECRETS_KEY_FILE").then(|| path.clone()))).expect("a keyring")
}

/// Starts a process of the pack function.
pub(crate) fn pack(database: &Database) -> pack::State {
    let client = database.client();
    pack::State { log: log(&client), deployment: deployment(&client) }
}

/// Starts a process of the query function.
pub(crate) fn query(database: &Database) -> query::State {
    let client = database.client();
    query::State {
        log: log(&client),
        deliveries: DeliveryTable::new(client.clone(), "deliveries".to_owned(), retention()),
        keys: Keys::new(config(&client), None, clock::now),
        targets: CachedRecords::new(config(&client)).into(),
        states: CachedRecords::new(config(&client)).into(),
    }
}

/// Starts a process of the manage function.
pub(crate) fn manage(database: &Database, queues: &Queues, keyring: &Keyring) -> manage::State {
    let client = database.client();
    let log = log(&client);
    manage::State {
        config: config(&client).into(),
        events: log.events.clone().with_slot_key(config(&client)),
        log,
        deliveries: DeliveryTable::new(client.clone(), "deliveries".to_owned(), retention()),
        keyring: keyring.clone(),
        queue: Queue::new(queues.client(), Queues::url(DELIVERY)),
        quarantine: Quarantine::new(client.clone(), "quarantine".to_owned(), retention()),
        keys: Keys::new(config(&client), None, clock::now),
        https_only: false,
        clock: clock::now,
    }
}

/// Creates the tables, the source, the keys and the target.
pub(crate) async fn install(database: &Database, keyring: &Keyring) -> Tokens {
    let client = database.client();
    local::create_missing_tables(&client).await.expect("the tables");
    let config = config(&client);
    let created_at = clock::now() - SignedDuration::from_hours(2);
    let (name, catalog) = (SOURCE.to_owned(), SOURCE.to_owned());
    config.create(&Source { name, catalog, description: None, created_at }).await.expect("a source");
    // Another key would give the events other ids in each run of a seed.
    config.create(&SlotKey::from_bytes([1; 32])).await.expect("a slot key");
    let generate = || web::token::generate().expect("randomness");
    let tokens = Tokens { ingest: generate(), read: generate(), manage: generate() };
    let ingest = ("ingest", KeyScope::Ingest, Some(SOURCE), &tokens.ingest);
    let read = ("read", KeyScope::Read, None, &tokens.read);
    let manage = ("manage", KeyScope::Manage, None, &tokens.manage);
    for (name, scope, source, token) in [ingest, read, manage] {
        let (source, sha256) = (source.map(str::to_owned), web::token::sha256(token));
        let source_created_at = source.is_some().then_some(created_at);
        let name = name.to_owned();
        let key = Key { name, scope, source, source_created_at, sha256, created_at, expires_at: None };
        config.create(&key).await.expect("a key");
    }
    let signing = SigningSecret::generate().expect("randomness");
    let (previous_signing, password, authorization, headers) = Default::default();
    let secrets = Secrets { signing, previous_signing, password, authorization, headers };
    let target = Target {
        name: TARGET.to_owned(),
        description: None,
        address: RECEIVER_URL.parse().expect("a URL"),
        filter: EventFilter { scopes: vec![Scope::Signal], ..EventFilter::default() },
        filter_since: created_at,
        previous_filters: Vec::new(),
        retry: RetryPolicy { count: MAX_RETRIES, timeout: Duration::from_secs(10), schedule: None },
        timeout: Duration::from_secs(10),
        disable_after: Duration::from_hours(120),
        content_type: "application/json".to_owned(),
        body_template: None,
        username: None,
        headers: Vec::new(),
        has_password: false,
        has_authorization: false,
        ca_cert: None,
        secrets: keyring.seal(TARGET, &secrets).await.expect("sealed secrets"),
        rotating_until: None,
        created_at,
        version: 1,
    };
    config.create(&target).await.expect("a target");
    tokens
}
