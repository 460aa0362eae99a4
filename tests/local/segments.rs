//! Searches of segments: packed and unpacked, late and timely events are found alike.

mod shared_log;

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use e2e::MAX_WAIT;
use jiff::{SignedDuration, Timestamp};
use model::{Condition, Field, SearchFilter, TextQuery};
use search::{EventLog, SearchRequest, Segments};
use serde_json::json;
use tokio::time::Instant;

use shared_log::{KnownEvent, SEGMENTS_TABLE, event_table, put_events, start_with_own_tables};
pub(crate) use shared_log::{NOW, SharedLog, now, partial_pages, put_one, put_signals, search};

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
