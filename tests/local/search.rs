//! Searches: filters, order and pages.

use e2e::{Stack, unleash_event};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::start;

const START: &str = "2026-03-01T10:00:00Z";

/// Decides if a search should find an event.
type Matches = Box<dyn Fn(&Value) -> bool>;

/// Posts 60 events: two a minute, three features, two projects, five users.
async fn fill(stack: &Stack) -> Vec<Value> {
    let start: Timestamp = START.parse().expect("a time");
    let events: Vec<Value> = (0..60)
        .map(|n: u32| {
            let time = start + SignedDuration::from_secs(i64::from(n / 2) * 60);
            let (feature, project, user) =
                (format!("flag-{}", n % 3), format!("team-{}", n % 2), format!("user-{}", n % 5));
            unleash_event(u64::from(n) + 1, time, &feature, &project, &user)
        })
        .collect();
    stack.ingest("unleash").post("/v1/events", &json!(events)).await.expect(200);
    events
}

/// Returns the producer's ids of the events on all pages of a search.
async fn search(stack: &Stack, filters: &str, limit: usize) -> Vec<u64> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = stack.read().get(&format!("/v1/events?limit={limit}{filters}{cursor}")).await.expect(200);
        let events = page["events"].as_array().expect("events");
        assert!(events.len() <= limit);
        found.extend(events.iter().filter_map(|event| event["payload"]["id"].as_u64()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Returns the same ids by checking every event.
fn naive(events: &[Value], matches: impl Fn(&Value) -> bool) -> Vec<u64> {
    let mut found: Vec<(String, u64)> = events
        .iter()
        .filter(|event| matches(event))
        .map(|event| (event["createdAt"].as_str().expect("a time").to_owned(), event["id"].as_u64().expect("an id")))
        .collect();
    found.sort_unstable();
    found.into_iter().rev().map(|(_, id)| id).collect()
}

#[tokio::test]
async fn every_filter_finds_exact_matches_with_any_page_size() {
    let stack = start().await;
    let events = fill(&stack).await;
    let minute = |event: &Value| event["createdAt"].as_str().expect("a time")[14..16].parse::<u32>().expect("a minute");
    let cases: Vec<(&str, Matches)> = vec![
        ("", Box::new(|_| true)),
        ("&subject=flag-1", Box::new(|e| e["featureName"] == "flag-1")),
        ("&actor=user-2,user-4", Box::new(|e| e["createdBy"] == "user-2" || e["createdBy"] == "user-4")),
        ("&project=team-1&actor=user-3", Box::new(|e| e["project"] == "team-1" && e["createdBy"] == "user-3")),
        ("&type=feature-created", Box::new(|_| true)),
        ("&type=feature-archived", Box::new(|_| false)),
        ("&source=unleash&subject=flag-0", Box::new(|e| e["featureName"] == "flag-0")),
        ("&source=migration-manager", Box::new(|_| false)),
        ("&from=2026-03-01T10:10:00Z&to=2026-03-01T10:12:00Z", Box::new(move |e| (10..=12).contains(&minute(e)))),
        ("&from=2026-03-01&to=2026-03-01", Box::new(|_| true)),
        ("&to=2026-02-28", Box::new(|_| false)),
    ];
    for (filters, matches) in cases {
        let expected = naive(&events, matches);
        for limit in [1000, 7, 1] {
            assert_eq!(search(&stack, filters, limit).await, expected, "{filters} in pages of {limit}");
        }
    }
}

#[tokio::test]
async fn cursors_keep_their_position_and_are_bound_to_their_filters() {
    let stack = start().await;
    fill(&stack).await;
    let first = stack.read().get("/v1/events?limit=10&project=team-0").await.expect(200);
    let cursor = first["next"].as_str().expect("a cursor");
    // An event that arrives between two pages is newer than both.
    let late = unleash_event(1000, "2026-03-02T00:00:00Z".parse().expect("a time"), "flag-9", "team-0", "user-9");
    stack.ingest("unleash").post("/v1/events", &late).await.expect(201);
    let second = stack.read().get(&format!("/v1/events?limit=10&project=team-0&cursor={cursor}")).await.expect(200);
    let oldest = first["events"][9]["id"].as_u64().expect("an id");
    let newest = second["events"][0]["id"].as_u64().expect("an id");
    assert!(newest < oldest);
    let refused =
        stack.read().get(&format!("/v1/events?limit=10&project=team-1&cursor={cursor}")).await.expect_problem(400);
    assert_eq!(refused["parameter"], "cursor");
}

#[tokio::test]
async fn events_in_one_millisecond_keep_their_producers_order() {
    let stack = start().await;
    let time: Timestamp = START.parse().expect("a time");
    // A bulk import of Unleash sends all events of a transaction with one time.
    let events: Vec<Value> =
        (1..=296).map(|id| unleash_event(id, time, &format!("flag-{id}"), "p", "import")).collect();
    let stored = stack.ingest("unleash").post("/v1/events", &json!(events)).await.expect(200);
    assert!(stored["results"].as_array().expect("results").iter().all(|r| r["status"] == "stored"));
    let expected: Vec<u64> = (1..=296).rev().collect();
    assert_eq!(search(&stack, "", 100).await, expected);
}

#[tokio::test]
async fn filters_accept_the_maximum_number_of_values() {
    let stack = start().await;
    fill(&stack).await;
    let many = |name: &str, value: &str| {
        let values: Vec<String> = (0..49).map(|n| format!("{n}")).chain([value.to_owned()]).collect();
        format!("&{name}={}", values.join(","))
    };
    let different = [
        ("source", "unleash"),
        ("subject", "flag-1"),
        ("entity", "flag-1"),
        ("actor", "user-1"),
        ("project", "team-1"),
        ("environment", "none"),
        ("type", "feature-created"),
    ];
    let same = [("catalog", "unleash"), ("scope", "lifecycle"), ("level", "ERROR")];
    let same = same.map(|(name, value)| format!("&{name}={}", [value; 50].join(",")));
    let query = different.map(|(name, value)| many(name, value)).concat() + &same.concat();
    assert!(search(&stack, &query, 50).await.is_empty(), "no event has a level");
    let some = [("subject", "flag-1"), ("actor", "user-1"), ("project", "team-1"), ("type", "feature-created")]
        .map(|(name, value)| many(name, value));
    assert_eq!(search(&stack, &some.concat(), 50).await, [32, 2]);
}
