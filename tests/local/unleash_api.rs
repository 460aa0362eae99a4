//! The Unleash-compatible API.

use e2e::{Api, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::start;

/// Posts 90 events, 30 of them in one millisecond and with ids across a multiple of 4,096.
async fn fill(stack: &Stack) -> Vec<Value> {
    let start: Timestamp = "2026-03-01T23:59:59.000Z".parse().expect("a time");
    let event = |n: i64| {
        let time = if (30..60).contains(&n) { 30_000 } else { n * 1000 };
        let feature = (n % 4 != 3).then(|| format!("flag-{}", n % 4));
        json!({
            "id": 4_050 + n, "type": if n % 5 == 0 { "feature-archived" } else { "custom-thing" },
            "createdBy": "ada", "createdAt": format!("{:.3}", start + SignedDuration::from_millis(time)),
            "createdByUserId": if n % 6 == 0 { Value::Null } else { json!(n % 3 - 1) },
            "data": { "name": format!("named-{}", n % 7), "text": format!("100% Grün_{n} \"x\"") },
            "preData": { "long": n, "a": [1, 2] },
            "tags": [{ "type": "simple", "value": format!("tag {}", n % 2) }],
            "featureName": feature, "project": if n % 2 == 0 { "web" } else { "team a" }, "environment": null,
            "groupType": "change-request", "groupId": format!("{}", n % 10),
        })
    };
    let events: Vec<Value> = (0..90).map(event).collect();
    stack.ingest("unleash").post("/v1/events", &json!(events)).await.expect(200);
    // Events of other catalogs are not part of the API.
    stack.ingest("signal").post("/v1/events", &json!({ "type": "custom-thing", "project": "web" })).await.expect(201);
    events
}

/// Returns the ids of the matching events, newest first.
fn naive(events: &[Value], matches: impl Fn(&Value) -> bool) -> Vec<u64> {
    let mut found: Vec<(&str, u64)> = events
        .iter()
        .filter(|event| matches(event))
        .map(|event| (event["createdAt"].as_str().expect("a time"), event["id"].as_u64().expect("an id")))
        .collect();
    found.sort_unstable();
    found.into_iter().rev().map(|(_, id)| id).collect()
}

fn ids(response: &Value) -> Vec<u64> {
    let events = response["events"].as_array().expect("events");
    events.iter().map(|event| event["id"].as_u64().expect("an id")).collect()
}

async fn search(api: &Api, query: &str) -> Value {
    api.get(&format!("/api/admin/search/events?{query}")).await.expect(200)
}

#[tokio::test]
async fn searches_return_what_unleash_would() {
    type Matches = Box<dyn Fn(&Value) -> bool>;
    let stack = start().await;
    let events = fill(&stack).await;
    let api = stack.read();
    let contains = |member: &'static str, part: &'static str| -> Matches {
        Box::new(move |event| event[member].to_string().contains(part))
    };
    let cases: Vec<(&str, Matches)> = vec![
        ("", Box::new(|_| true)),
        ("type=IS:feature-archived", Box::new(|e| e["type"] == "feature-archived")),
        ("type=IS:feature-archived,nothing", Box::new(|e| e["type"] == "feature-archived")),
        ("project=IS_ANY_OF:team%20a,%20x", Box::new(|e| e["project"] == "team a")),
        ("feature=IS:flag-1&project=IS:team%20a", Box::new(|e| e["featureName"] == "flag-1")),
        ("feature=IS:named-1", Box::new(|_| false)),
        ("environment=IS:production", Box::new(|_| false)),
        ("createdBy=IS:-1", Box::new(|e| e["createdByUserId"] == -1)),
        ("createdBy=IS_ANY_OF:0,%2B1", Box::new(|e| e["createdByUserId"] == 0 || e["createdByUserId"] == 1)),
        ("id=IS:4097,4060", Box::new(|e| e["id"] == 4097 || e["id"] == 4060)),
        ("groupId=IS:3", Box::new(|e| e["groupId"] == "3")),
        ("from=IS:2026-03-02", Box::new(|e| e["createdAt"].as_str().is_some_and(|at| at >= "2026-03-02"))),
        ("to=IS:2026-03-01", Box::new(|e| e["createdAt"].as_str().is_some_and(|at| at < "2026-03-02"))),
        ("from=IS:2026-03-02&to=IS:2026-03-01", Box::new(|_| false)),
        ("type=IS:&unknown=x&order=asc", Box::new(|_| true)),
        ("query=named-3", contains("data", "named-3")),
        ("query=NAMED-3%22,%22", contains("data", "named-3")),
        ("query=gr%C3%9Cn%5C_1", contains("data", "Grün_1")),
        ("query=100%25%20gr", Box::new(|_| true)),
        ("query=100%5C%25", Box::new(|_| true)),
        ("query=1001", Box::new(|_| false)),
        ("query=_amed-3", contains("data", "named-3")),
        ("query=%22a%22:%20[1,%202],%20%22long%22:%2012}", Box::new(|e| e["id"] == 4_062)),
        ("query=%22long%22:12", Box::new(|_| false)),
        ("query=tag%201&feature=IS:flag-1", Box::new(|e| e["featureName"] == "flag-1")),
        ("query=feature-archived", Box::new(|_| false)),
    ];
    for (query, matches) in cases {
        let expected = naive(&events, matches);
        let response = search(&api, &format!("{query}&limit=1000")).await;
        assert_eq!(ids(&response), expected, "{query}");
        assert_eq!(response["total"], expected.len(), "{query}");
        let page = search(&api, &format!("{query}&limit=7&offset=5")).await;
        assert_eq!(ids(&page), expected.into_iter().skip(5).take(7).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn events_are_returned_as_unleash_sent_them() {
    let stack = start().await;
    let events = fill(&stack).await;
    let api = stack.anonymous();
    // Unleash's clients send the token without a scheme.
    let token = stack.read_token();
    let get = async |path: &str| {
        let request = api.request(reqwest::Method::GET, path).header("authorization", &token);
        api.send(request).await.expect(200)
    };
    let found = get("/api/admin/search/events?id=IS:4055").await;
    let mut event = found["events"][0].clone();
    let members = event.as_object_mut().expect("an event");
    assert!(members.remove("label").is_some() && members.remove("summary").is_some());
    assert_eq!(event, events[5]);

    let recent = get("/api/admin/events").await;
    assert_eq!((recent["version"].as_u64(), recent["totalEvents"].as_u64()), (Some(1), Some(90)));
    assert_eq!(ids(&recent), naive(&events, |_| true));
    let of_project = get("/api/admin/events?project=web").await;
    assert_eq!(of_project["totalEvents"], 45);
    let of_feature = get("/api/admin/events/flag-2").await;
    assert_eq!(of_feature["toggleName"], "flag-2");
    assert_eq!(ids(&of_feature), naive(&events, |e| e["featureName"] == "flag-2"));
}

#[tokio::test]
async fn parameters_that_unleash_rejects_are_rejected_by_name() {
    let stack = start().await;
    let api = stack.read();
    for (query, path) in [
        ("type=feature-created", "type"),
        ("project=IS_NOT:web", "project"),
        ("id=IS:x", "id"),
        ("id=IS:1,", "id"),
        ("id=IS:2147483648", "id"),
        ("createdBy=IS:ada", "createdBy"),
        ("from=2026-03-01", "from"),
        ("to=IS:2026-02-32", "to"),
        ("type=IS:a&type=IS:b", "type"),
    ] {
        let refused = api.get(&format!("/api/admin/search/events?{query}")).await.expect(400);
        assert_eq!(refused["name"], "BadDataError", "{query}");
        assert_eq!(refused["details"][0]["path"], format!("/query/{path}"), "{query}");
        assert!(refused["details"][0]["message"].as_str().is_some_and(|message| message.contains(path)));
    }
    stack.ingest("unleash").get("/api/admin/search/events").await.expect_problem(403);
    api.get("/api/admin/projects").await.expect_problem(404);
}

#[tokio::test]
async fn text_queries_match_escaped_json_as_in_unleash() {
    let stack = start().await;
    let event = |(id, name): (u64, &str)| {
        let time = "2026-03-01T10:00:00Z";
        format!(
            r#"{{"id":{id},"type":"custom-thing","createdBy":"ada","createdAt":"{time}","data":{{"name":"{name}"}}}}"#
        )
    };
    let names = [r"\u0041lpha-flag", r"be\u0054a-\u0031", r"\\u0041lpha", "alpha"];
    let events: Vec<String> = (1..).zip(names).map(event).collect();
    stack.ingest("unleash").post_bytes("/v1/events", format!("[{}]", events.join(","))).await.expect(200);
    let api = stack.read();
    for (query, expected) in [
        ("alpha", &[4, 1][..]),
        ("lpha", &[4, 3, 1]),
        ("beta-1", &[2]),
        ("-1", &[2]),
        ("0041", &[3]),
        ("alpha-flag", &[1]),
        ("u0054", &[]),
    ] {
        assert_eq!(ids(&search(&api, &format!("query={query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn filters_read_each_member_independently() {
    let stack = start().await;
    let event = |id: &str, rest: &str| {
        format!(r#"{{"id":{id},"type":"custom-thing","createdBy":"ada","createdAt":"2026-03-01T10:00:00Z",{rest}}}"#)
    };
    let events = [
        event("1", r#""groupId":5,"featureName":"f1""#),
        event("4.0", r#""featureName":"f4""#),
        event("6", r#""createdByUserId":7.0,"featureName":"f6""#),
        event("8", r#""createdByUserId":-1337,"featureName":"f8""#),
    ];
    stack.ingest("unleash").post_bytes("/v1/events", format!("[{}]", events.join(","))).await.expect(200);
    let api = stack.read();
    for (query, feature) in [
        ("id=IS:1", "f1"),
        ("feature=IS:f1", "f1"),
        ("groupId=IS:5", "f1"),
        ("id=IS:4", "f4"),
        ("feature=IS:f4", "f4"),
        ("id=IS:6", "f6"),
        ("createdBy=IS:7", "f6"),
        ("id=IS:8", "f8"),
        ("createdBy=IS:-1337", "f8"),
    ] {
        let found = search(&api, query).await;
        assert_eq!((&found["total"], &found["events"][0]["featureName"]), (&json!(1), &json!(feature)), "{query}");
    }
}

#[tokio::test]
async fn unleash_pages_end_before_the_response_size_limit() {
    let stack = start().await;
    for id in 1..=3 {
        let event = json!({
            "id": id, "type": "custom-thing", "createdBy": "ada", "createdAt": "2026-03-01T10:00:00Z",
            "featureName": "large", "data": { "text": ".".repeat(2_500_000) },
        });
        stack.ingest("unleash").post("/v1/events", &event).await.expect(201);
    }
    let api = stack.read();
    let mut found = Vec::new();
    while found.len() < 3 {
        let path = format!("/api/admin/search/events?limit=1000&offset={}", found.len());
        let response = api.get(&path).await;
        let page = response.expect(200);
        assert!(json!(response.text).to_string().len() <= 6_291_556);
        assert_eq!(page["total"], 3);
        assert!(!ids(&page).is_empty());
        found.extend(ids(&page));
    }
    assert_eq!(found, [3, 2, 1]);
    let of_feature = api.get("/api/admin/events/large").await.expect(200);
    assert_eq!((of_feature["totalEvents"].as_u64(), ids(&of_feature).len()), (Some(3), 2));
}
