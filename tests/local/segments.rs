//! Segments: a search finds the same events whether they are packed or not, late or in time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use e2e::unleash_event;
use events::{Arrival, Attributes, Form, catalog};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::{Events, Field, Filter, Log, Retention, Search, Segments, Text};
use tokio::time::Instant;

use crate::start;

/// The time that the log of this test has.
static NOW: AtomicI64 = AtomicI64::new(1_770_000_000_000);

fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW.load(Ordering::Relaxed)).expect("a time")
}

/// An event as the naive search sees it.
struct Known {
    id: u64,
    time: Timestamp,
    payload: Value,
    text: String,
}

/// Puts so many events: some of now, some of long ago, some in one millisecond.
async fn put(log: &Log, random: &mut fastrand::Rng, count: u64, known: &mut Vec<Known>) {
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
                // Not in its segment's text.
                event["data"]["description"] = json!(format!("{}Ende", "x".repeat(210_000)));
            }
            (time, event)
        })
        .collect();
    let puts = events.into_iter().map(|(time, payload)| async move {
        let text = payload.to_string();
        let arrival = Arrival {
            source: "unleash",
            bytes: text.clone().into_bytes().into(),
            form: Form::Event,
            attributes: Attributes::default(),
            received_at: now(),
        };
        let accepted = catalog("unleash").expect("its catalog").accept(&arrival).expect("an event that fits");
        let written = log.events.put(&accepted, Instant::now() + Duration::from_secs(20)).await.expect("stored");
        let store::Put::Stored(id) = written.put else { panic!("{written:?}") };
        Known { id: id.as_u64(), time, payload, text: text.to_lowercase() }
    });
    known.extend(futures::stream::iter(puts).buffer_unordered(8).collect::<Vec<_>>().await);
}

/// A filter, and the same for the naive search.
fn any_filter(random: &mut fastrand::Rng) -> (Filter, impl Fn(&Known) -> bool + use<>) {
    let feature = random.bool().then(|| format!("flag-{}", random.u8(..8)));
    let user = random.bool().then(|| format!("user-{}", random.u8(..6)));
    let from = random.bool().then(|| now() - SignedDuration::from_secs(random.i64(0..900_000)));
    let parts = ["grün", "GRÜN a", "ende", "flag-3", "\"team-1\"", "ab", "zebra", "xxende\""];
    let text = random.bool().then(|| parts[random.usize(..parts.len())]);
    let filter = Filter { from, text: text.map(Text::part), ..Filter::default() };
    let filter =
        filter.and(Field::Subject, feature.iter().cloned().collect()).and(Field::Actor, user.iter().cloned().collect());
    let matches = move |known: &Known| {
        feature.as_ref().is_none_or(|feature| known.payload["featureName"] == **feature)
            && user.as_ref().is_none_or(|user| known.payload["createdBy"] == **user)
            && from.is_none_or(|from| known.time >= from)
            && text.is_none_or(|text| known.text.contains(&text.to_lowercase()))
    };
    (filter, matches)
}

/// Every page of a search; its ids.
async fn all_pages(log: &Log, mut search: Search, total: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = log.search(&search).await.expect("a page");
        assert!(!page.partial, "{:?}", page.way);
        assert_eq!(page.total, search.total.then_some(total as u64));
        found.extend(page.events.iter().map(|event| event.id.as_u64()));
        match page.next {
            Some(next) => search.after = Some(next),
            None => return found,
        }
    }
}

async fn searches_are_exact(log: &Log, random: &mut fastrand::Rng, known: &[Known]) {
    for _ in 0..12 {
        let (filter, matches) = any_filter(random);
        let mut expected: Vec<u64> = known.iter().filter(|known| matches(known)).map(|known| known.id).collect();
        expected.sort_unstable();
        let ascending = random.bool();
        if !ascending {
            expected.reverse();
        }
        let limit = [1000, 1000, 90, 37][random.usize(..4)];
        let (total, max_bytes) = (random.bool(), usize::MAX);
        let search = Search { filter: filter.clone(), ascending, limit, max_bytes, total, ..Search::default() };
        assert_eq!(all_pages(log, search, expected.len()).await, expected, "{filter:?}");
        let counted = log.values(Field::Project, &filter, None).await.expect("counts");
        assert_eq!(counted.counts.values().sum::<u64>(), expected.len() as u64, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_or_not_a_search_finds_the_same() {
    let stack = start().await;
    let database = stack.database();
    let events = Events::new(database.clone(), "events".to_owned(), 4, Retention::new(None, now));
    let segments = || Segments::new(database.clone(), "segments".to_owned()).of(60);
    let log = Log { events: events.clone(), segments: segments() };
    let (mut random, mut known) = (fastrand::Rng::with_seed(7), Vec::new());
    let (mut packed, mut one_by_one) = (0, HashSet::new());
    for round in 0..4 {
        put(&log, &mut random, 160, &mut known).await;
        searches_are_exact(&log, &mut random, &known).await;
        NOW.fetch_add(330_000, Ordering::Relaxed);
        // Two at once: one of them does it.
        let deadline = Instant::now() + Duration::from_mins(1);
        let (a, b) = futures::join!(log.segments.pack(&events, deadline), log.segments.pack(&events, deadline));
        packed += a.expect("packed").events + b.expect("packed").events;
        searches_are_exact(&log, &mut random, &known).await;
        // As another process sees it, which has read nothing yet.
        let anew = Log { events: events.clone(), segments: segments() };
        searches_are_exact(&anew, &mut random, &known).await;
        one_by_one.insert(packed);
        assert!(packed <= known.len() as u64, "none is packed twice");
        assert!(round < 2 || packed > 0);
    }
    assert!(packed > 300 && one_by_one.len() > 1, "most were packed, in several rounds: {packed}");
}
