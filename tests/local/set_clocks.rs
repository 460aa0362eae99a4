//! Clocks that are set back and forth: every acknowledged event is found.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use model::{Field, SearchFilter, TextQuery};
use search::{EventLog, SearchRequest};
use serde_json::json;

use crate::segments::{NOW, SharedLog, now, put_one, put_signals, search};

/// Returns the ids that all kinds of searches find, each of which must be the same.
async fn found_by_all_searches(log: &EventLog, count: usize) -> HashSet<u64> {
    let text = || SearchFilter { text: Some(TextQuery::part("noise")), ..SearchFilter::default() };
    let by_source = || SearchFilter::default().and(Field::Source, vec!["signal".to_owned()]);
    let mut sets: Vec<HashSet<u64>> = Vec::new();
    for (filter, limit) in [(text(), 1000), (by_source(), 1000), (SearchFilter::default(), 90)] {
        for ascending in [true, false] {
            let total = limit == 1000;
            let mut request = SearchRequest { total, ..search(filter.clone(), ascending, limit) };
            let mut ids = HashSet::new();
            loop {
                let page = log.search(&request).await.expect("a page");
                let expected = total.then_some(count as u64);
                assert_eq!((page.total, page.partial), (expected, false), "{filter:?} {:?}", page.stats);
                for event in &page.events {
                    assert!(ids.insert(event.id.as_u64()), "an event is found twice: {filter:?}");
                }
                match page.next {
                    Some(next) => request.after = Some(next),
                    None => break,
                }
            }
            sets.push(ids);
        }
        let counted = log.values(Field::Source, &filter, None).await.expect("counts");
        assert_eq!(counted.counts.values().sum::<u64>(), count as u64, "{filter:?}");
        assert_eq!(log.matches(&filter, None).await.expect("matches").len(), count, "{filter:?}");
    }
    assert!(sets.windows(2).all(|pair| pair[0] == pair[1]), "searches find different events");
    sets.pop().expect("a search")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_found_when_clocks_are_set_back_and_forth() {
    let log = SharedLog::start().await;
    let mut random = fastrand::Rng::with_seed(21);
    let (warm, mut ids, mut packed) = (log.process(5000.0), HashSet::new(), 0);
    // Seconds by which the clock is set before each round.
    for seconds in [330, 330, -3600, 20, -300, 7200, -86_400, 330, 90_000, 330] {
        NOW.fetch_add(seconds * 1000, Ordering::Relaxed);
        let writer = log.writer();
        ids.extend(put_signals(&writer, &mut random, 35, 40).await);
        let late = now() - SignedDuration::from_hours(30);
        for n in 0..5 {
            let signal = json!({ "type": "late", "time": late.to_string(), "noise": format!("{seconds} {n} {}", random.u32(..)) });
            ids.insert(put_one(&writer, "signal", &signal).await);
        }
        // One searches before packing, so that its caches contain what it has seen, and one after it.
        assert_eq!(found_by_all_searches(&warm, ids.len()).await, ids, "after {seconds} s, before packing");
        packed += log.pack_now().await;
        assert_eq!(found_by_all_searches(&warm, ids.len()).await, ids, "after {seconds} s, after packing");
        assert_eq!(found_by_all_searches(&log.process(5000.0), ids.len()).await, ids, "after {seconds} s, cold");
    }
    assert!(packed > 300, "too few events were packed: {packed}");
}
