//! What is in no segment yet.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use serde_json::json;
use store::{Condition, Field, Filter, Log};

use crate::segments::{Fleet, NOW, now, partial_pages, put_one, search};

#[tokio::test]
async fn of_what_is_not_packed_little_is_read_but_what_matches() {
    let log = Fleet::start().await;
    let mut random = fastrand::Rng::with_seed(13);
    let mut rare = Vec::new();
    for n in 0..120 {
        let (kind, age) = (if n % 60 == 7 { "rare" } else { "fat" }, if n < 60 { 0 } else { 5 });
        let noise: String = std::iter::repeat_with(|| random.alphanumeric()).take(40_000).collect();
        let time = (now() - SignedDuration::from_hours(age)).to_string();
        let id = put_one(&log.events, "signal", &json!({ "type": kind, "time": time, "noise": noise })).await;
        rare.extend((kind == "rare").then_some(id));
    }
    rare.sort_unstable();
    let is = Condition { field: Field::Type, values: vec!["rare".to_owned()], or_none: false };
    let all = search(Filter { any: vec![vec![is]], ..Filter::default() }, true, 5);
    let find = async |log: &Log| {
        let page = log.search(&all).await.expect("a page");
        assert_eq!(page.events.iter().map(|event| event.id.as_u64()).collect::<Vec<_>>(), rare, "{:?}", page.way);
        page.way
    };
    let fresh = find(&log.process(5000.0)).await;
    assert_eq!((fresh.read, fresh.unpacked), ("segments", 2), "{fresh:?}");
    // A few pages of few units find the same.
    assert_eq!(partial_pages(all.clone(), || log.process(250.0)).await.0, rare);
    // What nothing can be added to any more is kept, part by part.
    NOW.fetch_add(330_000, Ordering::Relaxed);
    let warm = log.process(5000.0);
    let mut units = Vec::new();
    for _ in 0..6 {
        units.push(find(&warm).await.units);
    }
    assert!(units[0] > 300.0 && units[5] < 20.0, "{units:?}");
}
