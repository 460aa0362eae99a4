//! A log in tables of its own, with a clock of its own, and the events that a naive search knows.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::Client;
use e2e::{MAX_WAIT, unleash_event};
use events::{Attributes, Form, RawEvent, catalog};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use model::{Retention, SearchFilter};
use search::{EventLog, SearchRequest, Segments};
use serde_json::{Value, json};
use store::{ConfigTable, EventTable};
use tokio::time::Instant;

use crate::costs::copy_table;
use crate::start;

/// The log's clock in this test, in milliseconds since 1970.
pub(crate) static NOW: AtomicI64 = AtomicI64::new(1_770_000_000_000);

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW.load(Ordering::Relaxed)).expect("a time")
}

/// Tables of their own: the stack's own packer has the real clock.
const EVENTS_TABLE: &str = "own-events";
pub(super) const SEGMENTS_TABLE: &str = "own-segments";

/// Starts a stack with these tables.
pub(super) async fn start_with_own_tables() -> e2e::Stack {
    let stack = start().await;
    for (from, to) in [("events", EVENTS_TABLE), ("segments", SEGMENTS_TABLE)] {
        copy_table(&stack.database(), from, to).await;
    }
    stack
}

/// An event of the naive search.
pub(super) struct KnownEvent {
    pub(super) id: u64,
    pub(super) time: Timestamp,
    pub(super) payload: Value,
    pub(super) text: String,
}

/// Stores `count` events: some recent, some old, some in one millisecond.
pub(super) async fn put_events(log: &EventLog, random: &mut fastrand::Rng, count: u64, known: &mut Vec<KnownEvent>) {
    let first = known.len() as u64 + 1;
    let events: Vec<(Timestamp, Value)> = (first..first + count)
        .map(|number| {
            let age = match random.u8(..10) {
                0..4 => SignedDuration::from_millis(random.i64(0..50_000)),
                4..6 => SignedDuration::from_secs(30),
                _ => SignedDuration::from_secs(random.i64(0..1_000_000)),
            };
            let time = now() - age;
            let (feature, project) = (format!("flag-{}", random.u8(..7)), format!("team-{}", random.u8(..3)));
            let mut event = unleash_event(number, time, &feature, &project, &format!("user-{}", random.u8(..5)));
            event["data"]["description"] = json!(format!("Grün {:x}", random.u32(..)));
            if random.u8(..200) == 0 {
                // Too large for its segment's payloads.
                event["data"]["description"] = json!(format!("{}Ende", "x".repeat(210_000)));
            }
            (time, event)
        })
        .collect();
    let puts = events.into_iter().map(|(time, payload)| async move {
        let id = put_one(&log.events, "unleash", &payload).await;
        KnownEvent { id, time, text: payload.to_string().to_lowercase(), payload }
    });
    known.extend(futures::stream::iter(puts).buffer_unordered(8).collect::<Vec<_>>().await);
}

/// Returns a handle of the log that inserts events, with a clock.
pub(super) fn event_table(database: Client, clock: fn() -> Timestamp) -> EventTable {
    let config = ConfigTable::new(database.clone(), "config".to_owned());
    EventTable::new(database, EVENTS_TABLE.to_owned(), 4, Retention::new(None, clock)).with_slot_key(config)
}

/// Stores an event and returns its id.
pub(crate) async fn put_one(events: &EventTable, source: &str, payload: &Value) -> u64 {
    let arrival = RawEvent {
        source,
        bytes: payload.to_string().into_bytes().into(),
        form: Form::Event,
        attributes: Attributes::default(),
        received_at: now(),
    };
    let accepted = catalog(source).expect("its catalog").accept(&arrival).expect("an event that fits");
    let written = events.insert(&accepted, Instant::now() + MAX_WAIT).await.expect("stored");
    let store::InsertOutcome::Stored(id) = written.outcome else { panic!("{written:?}") };
    id.as_u64()
}

/// Stores `count` recent signals of `bytes` bytes that hardly compress, and returns their ids.
pub(crate) async fn put_signals(events: &EventTable, random: &mut fastrand::Rng, count: u64, bytes: usize) -> Vec<u64> {
    let signals: Vec<Value> = (0..count)
        .map(|_| {
            let noise: String = std::iter::repeat_with(|| random.alphanumeric()).take(bytes).collect();
            json!({ "type": "fat", "time": now().to_string(), "noise": noise })
        })
        .collect();
    let mut ids = Vec::new();
    for signal in &signals {
        ids.push(put_one(events, "signal", signal).await);
    }
    ids
}

/// A log that is searched by several processes.
pub(crate) struct SharedLog {
    pub(super) stack: e2e::Stack,
    pub(crate) events: EventTable,
}

impl SharedLog {
    pub(crate) async fn start() -> Self {
        let stack = start_with_own_tables().await;
        let events = event_table(stack.database(), now);
        Self { stack, events }
    }

    pub(crate) fn process(&self, max_units: f64) -> EventLog {
        let segments = Segments::new(self.stack.database(), SEGMENTS_TABLE.to_owned())
            .with_events_per_segment(30)
            .with_immediate_packing()
            .with_max_units(max_units);
        EventLog { events: self.events.clone(), segments }
    }

    /// Settles all events.
    pub(crate) async fn settle(&self) {
        NOW.fetch_add(330_000, Ordering::Relaxed);
        self.process(0.0).segments.settle(&self.events).await.expect("settled");
    }

    /// Returns a process that writes events. It has not cached the fence.
    pub(crate) fn writer(&self) -> EventTable {
        event_table(self.stack.database(), now)
    }

    pub(super) async fn pack(&self) -> u64 {
        NOW.fetch_add(330_000, Ordering::Relaxed);
        self.pack_now().await
    }

    /// Packs at the time that the clock shows.
    pub(crate) async fn pack_now(&self) -> u64 {
        let deadline = Instant::now() + MAX_WAIT;
        self.process(0.0).segments.pack(&self.events, deadline).await.expect("packed").events
    }
}

pub(crate) fn search(filter: SearchFilter, ascending: bool, limit: usize) -> SearchRequest {
    SearchRequest { filter, ascending, limit, max_bytes: usize::MAX, ..SearchRequest::default() }
}

/// Runs a search whose pages may be partial, each page in the process that `of` returns. Returns the ids and the read
/// units of each page.
pub(crate) async fn partial_pages(mut search: SearchRequest, mut of: impl FnMut() -> EventLog) -> (Vec<u64>, Vec<f64>) {
    let (mut found, mut units) = (Vec::new(), Vec::new());
    loop {
        let page = of().search(&search).await.expect("a page");
        found.extend(page.events.iter().map(|event| event.id.as_u64()));
        units.push(page.stats.units);
        assert!(page.events.len() == search.limit || page.partial || page.next.is_none(), "{:?}", page.stats);
        let Some(next) = page.next else { return (found, units) };
        let leads_on = search.after.is_none_or(|after| if search.ascending { next > after } else { next < after });
        assert!(leads_on, "the cursor does not advance from {:?} to {next}: {:?}", search.after, page.stats);
        search.after = Some(next);
    }
}
