//! Searches of events that are not packed into a segment yet.

use jiff::SignedDuration;
use model::{Condition, Field, SearchFilter};
use search::EventLog;
use serde_json::json;

use crate::segments::{SharedLog, now, partial_pages, put_one, search};

#[tokio::test]
async fn unpacked_scan_reads_only_matching_payloads() {
    let log = SharedLog::start().await;
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
    let filter = SearchFilter { any: vec![vec![is]], ..SearchFilter::default() };
    let count = async |log: &EventLog| {
        let found = log.values(Field::Type, &filter, None).await.expect("counts");
        assert_eq!((found.counts.len(), found.counts["rare"], found.partial), (1, 2, false));
        found.units
    };
    count(&log.process(5000.0)).await;
    // Pages with a small read budget find the same events.
    for units in [20.0, 250.0, 5000.0] {
        let page = || search(filter.clone(), true, 5);
        assert_eq!(partial_pages(page(), || log.process(units)).await.0, rare, "with a budget of {units} read units");
    }
    // Settled blocks are cached one by one.
    log.settle().await;
    let warm = log.process(5000.0);
    let mut units = Vec::new();
    for _ in 0..6 {
        units.push(count(&warm).await);
    }
    assert!(units[0] > 300.0 && units[5] < 10.0, "{units:?}");
}
