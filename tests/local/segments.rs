//! Searches of segments: packed and unpacked, late and timely events are found alike.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::Client;
use e2e::{MAX_WAIT, unleash_event};
use events::{Attributes, Form, RawEvent, catalog};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use model::{Condition, Field, Retention, SearchFilter, TextQuery};
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
const SEGMENTS_TABLE: &str = "own-segments";

/// Starts a stack with these tables.
async fn start_with_own_tables() -> e2e::Stack {
    let stack = start().await;
    for (from, to) in [("events", EVENTS_TABLE), ("segments", SEGMENTS_TABLE)] {
        copy_table(&stack.database(), from, to).await;
    }
    stack
}

/// An event of the naive search.
struct KnownEvent {
    id: u64,
    time: Timestamp,
    payload: Value,
    text: String,
}

/// Stores `count` events: some recent, some old, some in one millisecond.
async fn put_events(log: &EventLog, random: &mut fastrand::Rng, count: u64, known: &mut Vec<KnownEvent>) {
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
fn event_table(database: Client, clock: fn() -> Timestamp) -> EventTable {
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

/// Returns a random filter and the equivalent predicate for the naive search.
fn any_filter(random: &mut fastrand::Rng) -> (SearchFilter, impl Fn(&KnownEvent) -> bool + use<>) {
    let feature = random.bool().then(|| format!("flag-{}", random.u8(..8)));
    let user = random.bool().then(|| format!("user-{}", random.u8(..6)));
    let from = random.bool().then(|| now() - SignedDuration::from_secs(random.i64(0..900_000)));
    let parts = ["grün", "GRÜN a", "ende", "flag-3", "\"team-1\"", "ab", "zebra", "xxende\""];
    let text = random.bool().then(|| parts[random.usize(..parts.len())]);
    // Alternatives: a project together with a user.
    let either =
        random.bool().then(|| [0, 1].map(|project| (format!("team-{project}"), format!("user-{}", random.u8(..6)))));
    let is = |field, value: &String| Condition { field, values: vec![value.clone()], or_none: false };
    let any = either.iter().flatten().map(|(project, user)| vec![is(Field::Project, project), is(Field::Actor, user)]);
    let filter = SearchFilter { from, text: text.map(TextQuery::part), any: any.collect(), ..SearchFilter::default() };
    let filter =
        filter.and(Field::Subject, feature.iter().cloned().collect()).and(Field::Actor, user.iter().cloned().collect());
    let matches = move |known: &KnownEvent| {
        feature.as_ref().is_none_or(|feature| known.payload["featureName"] == **feature)
            && user.as_ref().is_none_or(|user| known.payload["createdBy"] == **user)
            && from.is_none_or(|from| known.time >= from)
            && either.as_ref().is_none_or(|either| {
                let is = |name: &str, value: &String| known.payload[name] == **value;
                either.iter().any(|(project, user)| is("project", project) && is("createdBy", user))
            })
            && text.is_none_or(|text| known.text.contains(&text.to_lowercase()))
    };
    (filter, matches)
}

/// Returns the ids on all pages of a search.
async fn all_pages(log: &EventLog, mut search: SearchRequest, total: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = log.search(&search).await.expect("a page");
        assert!(!page.partial, "{:?}", page.stats);
        assert_eq!(page.total, search.total.then_some(total as u64));
        let ids: Vec<events::EventId> = page.events.iter().map(|event| event.id).collect();
        assert!(page.events == log.events.get_many(&ids).await.expect("events"), "events are not as stored");
        found.extend(ids.iter().map(|id| id.as_u64()));
        match page.next {
            Some(next) => search.after = Some(next),
            None => return found,
        }
    }
}

async fn searches_are_exact(log: &EventLog, random: &mut fastrand::Rng, known: &[KnownEvent]) {
    for _ in 0..12 {
        let (filter, matches) = any_filter(random);
        let mut expected: Vec<u64> = known.iter().filter(|known| matches(known)).map(|known| known.id).collect();
        expected.sort_unstable();
        let ascending = random.bool();
        if !ascending {
            expected.reverse();
        }
        let limit = [1000, 1000, 90, 37][random.usize(..4)];
        let (total, max_bytes) = (random.bool(), [usize::MAX, 20_000, 3000][random.usize(..3)]);
        let search =
            SearchRequest { filter: filter.clone(), ascending, limit, max_bytes, total, ..SearchRequest::default() };
        assert_eq!(all_pages(log, search, expected.len()).await, expected, "{filter:?}");
        let counted = log.values(Field::Project, &filter, None).await.expect("counts");
        assert_eq!(counted.counts.values().sum::<u64>(), expected.len() as u64, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_and_unpacked_searches_find_the_same_events() {
    let stack = start_with_own_tables().await;
    let database = stack.database();
    let events = event_table(database.clone(), now);
    let segments = || {
        Segments::new(database.clone(), SEGMENTS_TABLE.to_owned()).with_events_per_segment(60).with_immediate_packing()
    };
    let log = EventLog { events: events.clone(), segments: segments() };
    let (mut random, mut known) = (fastrand::Rng::with_seed(7), Vec::new());
    let (mut packed, mut one_by_one) = (0, HashSet::new());
    for round in 0..4 {
        put_events(&log, &mut random, 160, &mut known).await;
        searches_are_exact(&log, &mut random, &known).await;
        NOW.fetch_add(330_000, Ordering::Relaxed);
        // Of two concurrent packs, one does the work.
        let deadline = Instant::now() + MAX_WAIT;
        let (a, b) = futures::join!(log.segments.pack(&events, deadline), log.segments.pack(&events, deadline));
        packed += a.expect("packed").events + b.expect("packed").events;
        searches_are_exact(&log, &mut random, &known).await;
        // A new process with empty caches.
        let cold = EventLog { events: events.clone(), segments: segments() };
        searches_are_exact(&cold, &mut random, &known).await;
        one_by_one.insert(packed);
        assert!(packed <= known.len() as u64, "no event is packed twice");
        assert!(round < 2 || packed > 0);
    }
    assert!(packed > 300 && one_by_one.len() > 1, "too few events were packed, or in one round: {packed}");
}

/// A log that is searched by several processes.
pub(crate) struct SharedLog {
    stack: e2e::Stack,
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

    async fn pack(&self) -> u64 {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_with_a_small_read_budget_advance_and_are_exact() {
    let log = SharedLog::start().await;
    let (mut random, mut known) = (fastrand::Rng::with_seed(11), Vec::new());
    put_events(&log.process(0.0), &mut random, 240, &mut known).await;
    assert!(log.pack().await > 100);
    put_events(&log.process(0.0), &mut random, 80, &mut known).await;
    let mut partial = 0;
    for round in 0..14 {
        if round % 6 == 0 {
            put_events(&log.process(0.0), &mut random, 40, &mut known).await;
        }
        let (filter, matches) = any_filter(&mut random);
        let mut expected: Vec<u64> = known.iter().filter(|known| matches(known)).map(|known| known.id).collect();
        expected.sort_unstable();
        let ascending = random.bool();
        if !ascending {
            expected.reverse();
        }
        let (limit, units) = ([1000, 7][random.usize(..2)], [1.0, 12.0, 40.0, 120.0][round % 4]);
        let (warm, cold) = (log.process(units), random.bool());
        let search = SearchRequest { total: random.bool(), ..search(filter, ascending, limit) };
        let context = format!("{:?} for {units}", search.filter);
        let of = || if cold { log.process(units) } else { warm.clone() };
        // Some searches run while events are packed.
        let meanwhile = async { if round % 6 == 0 { log.pack().await } else { 0 } };
        let ((found, pages), _) = futures::join!(partial_pages(search, of), meanwhile);
        assert_eq!(found, expected, "{context}");
        partial += usize::from(pages.len() > expected.len() / limit + 1);
    }
    assert!(partial > 3, "too few searches had partial pages: {partial}");
}

#[tokio::test]
async fn deep_pages_cost_no_more_than_the_first() {
    let log = SharedLog::start().await;
    let mut random = fastrand::Rng::with_seed(3);
    let mut ids = put_signals(&log.events, &mut random, 600, 900).await;
    ids.sort_unstable();
    assert!(log.pack().await >= 570);
    for ascending in [true, false] {
        let mut search =
            search(SearchFilter { text: Some(TextQuery::part("noise")), ..SearchFilter::default() }, ascending, 5);
        let first = log.process(5000.0).search(&search).await.expect("a page");
        search.after = events::EventId::from_u64(ids[if ascending { 560 } else { 40 }]);
        let deep = log.process(5000.0).search(&search).await.expect("a page");
        assert_eq!((first.events.len(), deep.events.len()), (5, 5));
        assert!(
            deep.stats.units <= first.stats.units && deep.stats.segments < first.stats.segments,
            "{:?}, {:?}",
            first.stats,
            deep.stats
        );
    }
}

#[tokio::test]
async fn unpacked_events_are_read_once_and_within_budget() {
    let log = SharedLog::start().await;
    let mut random = fastrand::Rng::with_seed(5);
    let mut ids = put_signals(&log.events, &mut random, 90, 60_000).await;
    ids.sort_unstable();
    let nothing =
        || search(SearchFilter { text: Some(TextQuery::part("zzzz-nothing")), ..SearchFilter::default() }, true, 5);
    let page = log.process(100.0).search(&nothing()).await.expect("a page");
    // A step queries each of the four partitions.
    assert!(page.partial && page.stats.units < 4.0 * 130.0, "{:?}", page.stats);
    let all = search(SearchFilter { text: Some(TextQuery::part("NOISE")), ..SearchFilter::default() }, true, 1000);
    let (found, pages) = partial_pages(all.clone(), || log.process(600.0)).await;
    assert_eq!(found, ids);
    assert!(pages.len() > 1 && pages.iter().all(|units| *units < 600.0 + 130.0), "{pages:?}");
    // No event belongs to this feature.
    let feature = SearchFilter::default().and(Field::Feature, vec!["none".to_owned()]);
    let of_feature = log.process(5000.0).matches(&feature, None).await.expect("all");
    assert!(of_feature.units < 10.0, "{of_feature:?}");

    // Settled blocks are not read twice.
    log.settle().await;
    let warm = log.process(5000.0);
    let first = warm.search(&nothing()).await.expect("a page");
    let again = warm.search(&nothing()).await.expect("a page");
    assert!(first.stats.units > 300.0 && again.stats.units < 10.0, "{:?}, {:?}", first.stats, again.stats);
    assert_eq!(partial_pages(all, || warm.clone()).await.0, ids);
}

#[tokio::test]
async fn entity_searches_cost_only_their_page() {
    let log = SharedLog::start().await;
    let entities: Vec<String> = (0..30).map(|n| format!("thing-{n}")).collect();
    let mut ids = Vec::new();
    for n in 0..150 {
        let kind = if n % 50 == 7 { "odd" } else { "even" };
        // Each entity is the first of some events; an event's first entity has no link item.
        let entities: Vec<&String> = entities.iter().cycle().skip(n % 30).take(30).collect();
        let metadata = json!({ "action": kind, "entities": entities, "n": n });
        let event = json!({ "time": now().to_string(), "type": "lifecycle", "metadata": metadata });
        ids.push((put_one(&log.events, "migration-manager", &event).await, kind));
    }
    ids.sort_unstable();
    let by = |count: usize, kind: Option<&str>| {
        SearchFilter::default()
            .and(Field::Entity, entities[..count].to_vec())
            .and(Field::Type, kind.iter().map(|kind| (*kind).to_owned()).collect())
    };
    for (count, kind, limit, most) in [
        (1, None, 20, 60.0),
        (8, None, 20, 200.0),
        (20, None, 150, 400.0),
        (1, Some("odd"), 50, 40.0),
        (20, Some("odd"), 50, 40.0),
    ] {
        let page = log.process(5000.0).search(&search(by(count, kind), true, limit)).await.expect("a page");
        let expected: Vec<u64> = ids.iter().filter(|id| kind.is_none_or(|kind| kind == id.1)).map(|id| id.0).collect();
        let found: Vec<u64> = page.events.iter().map(|event| event.id.as_u64()).collect();
        assert_eq!(found, expected[..limit.min(expected.len())], "{count} {kind:?}");
        assert!(page.stats.units < most && !page.partial, "{count} {kind:?}: {:?}", page.stats);
        let of = || log.process(30.0);
        let (found, _) = partial_pages(search(by(count, kind), false, limit), of).await;
        assert_eq!(found, expected.into_iter().rev().collect::<Vec<_>>(), "{count} {kind:?} in partial pages");
    }
}

#[tokio::test]
async fn late_events_are_found_despite_index_lag() {
    /// A clock that is three minutes behind: the index shows the event only now.
    fn three_minutes_ago() -> Timestamp {
        now() - SignedDuration::from_mins(3)
    }
    let log = SharedLog::start().await;
    let warm = log.process(5000.0);
    let late = SearchFilter { text: Some(TextQuery::part("late-one")), ..SearchFilter::default() };
    assert!(warm.search(&search(late.clone(), true, 5)).await.expect("a page").events.is_empty());
    let lagging = event_table(log.stack.database(), three_minutes_ago);
    let time = now() - SignedDuration::from_hours(5);
    let id = put_one(&lagging, "signal", &json!({ "type": "late-one", "time": time.to_string() })).await;
    let found = warm.search(&search(late, true, 5)).await.expect("a page").events;
    assert_eq!(found.iter().map(|event| event.id.as_u64()).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn expired_segments_do_not_hide_events() {
    let log = SharedLog::start().await;
    let mut random = fastrand::Rng::with_seed(9);
    let ids = put_signals(&log.events, &mut random, 120, 100).await;
    assert!(log.pack().await >= 90);
    // The segments' ranges are cached, their headers are not.
    let warm = log.process(5000.0);
    let warm = EventLog { segments: warm.segments.clone().with_cache_bytes(0), ..warm };
    let filter = SearchFilter::default().and(Field::Source, vec!["signal".to_owned()]);
    let found = || async { warm.search(&search(filter.clone(), true, 1000)).await.expect("a page").events.len() };
    assert_eq!(found().await, ids.len());
    for table in ["H#0", "T#0", "places"] {
        let key = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
        let number = aws_sdk_dynamodb::types::AttributeValue::N("0".to_owned());
        let delete =
            log.stack.database().delete_item().table_name(SEGMENTS_TABLE).key("pk", key(table)).key("sk", number);
        delete.send().await.expect("removed");
    }
    let total = SearchRequest { total: true, ..search(filter.clone(), true, 1) };
    let page = warm.search(&total).await.expect("a page");
    assert_eq!((page.total, page.partial), (Some(ids.len() as u64 - 30), false));
}
