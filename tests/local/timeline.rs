//! Timelines of several pages.

use std::collections::BTreeSet;

use e2e::Api;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::start;

/// Requests a page of the timeline and returns it with its events.
async fn timeline(api: &Api, query: &str) -> (Value, Vec<Value>) {
    let timeline = api.get(&format!("/v1/timeline?{query}")).await.expect(200);
    let groups = timeline["groups"].as_array().expect("groups").iter();
    let events: Vec<Value> = groups.flat_map(|group| group["events"].as_array().expect("events").clone()).collect();
    assert_eq!(timeline["count"], events.len());
    (timeline, events)
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("text").parse().expect("a time")
}

#[tokio::test]
async fn events_beyond_the_limit_are_on_the_next_page() {
    const COUNT: i64 = 2100;
    let stack = start().await;
    let (now, mut expected) = (Timestamp::now(), BTreeSet::new());
    let ago = |n: i64| (now - SignedDuration::from_secs(60 + 5 * n)).to_string();
    for n in (0..COUNT).step_by(700) {
        let signals: Vec<Value> =
            (n..n + 700).map(|n| json!({ "type": "deployment", "time": ago(n / 3), "n": n })).collect();
        let result = stack.ingest("signal").post("/v1/events", &json!(signals)).await.expect(200);
        expected
            .extend(result["results"].as_array().expect("results").iter().filter_map(|result| result["id"].as_u64()));
    }
    let log_line = |n| json!({ "time": ago(n), "type": "logging", "metadata": { "message": "m", "level": "INFO", "context": {} } });
    let log_lines: Vec<Value> = (0..700).map(log_line).collect();
    stack.ingest("migration-manager").post("/v1/events", &json!(log_lines)).await.expect(200);

    let api = stack.read();
    let (first, newest) = timeline(&api, "span=6h").await;
    assert_eq!((newest.len(), &first["partial"]), (2000, &json!(true)));
    let next = first["next"].as_str().expect("a cursor");
    let (last, oldest) = timeline(&api, &format!("span=6h&cursor={next}")).await;
    let found: Vec<u64> = newest.iter().chain(&oldest).filter_map(|event| event["id"].as_u64()).collect();
    assert_eq!((found.len(), found.into_iter().collect()), (2100, expected), "each event is shown once");
    assert_eq!((&last["next"], &last["partial"]), (&Value::Null, &Value::Null));
    // Later pages keep the window of the first, which ended at the time of the first request.
    assert_eq!((&last["from"], &last["to"]), (&first["from"], &first["to"]));
    let complete = time(&first["complete_from"]);
    assert!(
        oldest.iter().all(|event| time(&event["time"]) < complete)
            && newest.iter().any(|event| time(&event["time"]) >= complete)
    );
    assert_eq!(last["complete_from"], last["from"]);
    for other in ["span=5h", "span=6h&types=deployment", "span=6h&scope=signal"] {
        let refused = api.get(&format!("/v1/timeline?{other}&cursor={next}")).await.expect_problem(400);
        assert_eq!(refused["parameter"], "cursor");
    }
}
