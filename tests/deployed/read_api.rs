//! Reading: pages, filters, exports, the Unleash API and the web UI.

use std::collections::BTreeSet;

use e2e::Api;
use reqwest::Method;
use serde_json::Value;

use crate::{Clients, SOURCES_FILTER};

pub(crate) async fn pages_are_complete(clients: &Clients, count: usize) {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = clients.read.get(&format!("/v1/events?limit=4{SOURCES_FILTER}{cursor}")).await.expect(200);
        found.extend(page["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_u64()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), count);
    assert!(found.is_sorted_by(|a, b| a > b), "newest first, without duplicates");
}

/// Text search, totals and facets use unpacked events; pages are compressed.
pub(crate) async fn every_read_endpoint_works(clients: &Clients, events: usize) {
    let found =
        clients.read.get(&format!("/v1/events?q=TEST-FLAG&total=exact&limit=1000{SOURCES_FILTER}")).await.expect(200);
    let found = found["total"].as_u64().expect("a total");
    assert!(found > 0 && found < events as u64, "{found} of {events}");
    let all = clients.read.get(&format!("/v1/events?total=exact&limit=1{SOURCES_FILTER}")).await.expect(200);
    assert_eq!(all["total"], events);
    let facets = clients.read.get("/v1/facets?field=catalog").await;
    facets.expect_problem(400);
    let facets = clients.read.get(&format!("/v1/facets?field=source{SOURCES_FILTER}")).await.expect(200);
    let counted: u64 = facets["values"].as_array().expect("values").iter().filter_map(|v| v["count"].as_u64()).sum();
    assert_eq!(counted, events as u64);
    let of_unleash = clients.read.get("/api/admin/search/events?type=IS:feature-created").await.expect(200);
    assert!(of_unleash["total"].as_u64().is_some_and(|total| total > 0));
    clients.read.get("/v1/timeline?from=2024-10-03&to=2024-10-03").await.expect(200);
    let exported = clients.read.get(&format!("/v1/export?format=ndjson{SOURCES_FILTER}")).await;
    assert_eq!((exported.status, exported.text.lines().count()), (200, events));
    let page = clients.read.send(clients.read.request(Method::GET, "/docs").header("accept-encoding", "br")).await;
    assert_eq!(page.headers["content-encoding"], "br", "{}", page.status);
}

/// Compares each filter, alone and with a second one, with a naive search of an export.
pub(crate) async fn every_filter_matches_a_naive_search(clients: &Clients) {
    const FILTERS: [&str; 9] =
        ["source", "catalog", "scope", "type", "subject", "actor", "project", "environment", "level"];
    let exported = clients.read.get("/v1/export?format=json").await.expect(200);
    let events = exported.as_array().expect("events");
    for field in FILTERS {
        let values: BTreeSet<&str> = events.iter().filter_map(|event| event[field].as_str()).collect();
        for value in values.into_iter().filter(|value| !value.contains(',')).take(3) {
            assert_same(clients, events, &[(field, value)]).await;
            let second = if field == "catalog" { ("scope", "lifecycle") } else { ("catalog", "unleash") };
            assert_same(clients, events, &[(field, value), second]).await;
        }
    }
    let entity = events.iter().find_map(|event| event["entities"].as_array()?.last()?.as_str()).expect("an entity");
    let found = found(clients, &[("entity", entity)]).await;
    let has = |event: &&Value| event["entities"].as_array().is_some_and(|all| all.contains(&Value::from(entity)));
    assert_eq!(found, events.iter().filter(has).filter_map(|event| event["id"].as_u64()).collect());
}

async fn assert_same(clients: &Clients, events: &[Value], filters: &[(&str, &str)]) {
    let fits = |event: &&Value| filters.iter().all(|(field, value)| event[field] == *value);
    let expected: BTreeSet<u64> = events.iter().filter(fits).filter_map(|event| event["id"].as_u64()).collect();
    assert_eq!(found(clients, filters).await, expected, "{filters:?}");
}

async fn found(clients: &Clients, filters: &[(&str, &str)]) -> BTreeSet<u64> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
    let page = clients.read.get(&format!("/v1/events?limit=1000&{query}")).await.expect(200);
    assert_eq!(page["next"], Value::Null, "the result fits on one page");
    page["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_u64()).collect()
}

/// Reads exports in pages of seven by following their links.
pub(crate) async fn exports_are_complete_in_every_format(clients: &Clients, events: usize) {
    for (format, headers) in [("csv", 1), ("ndjson", 0)] {
        let mut lines = 0;
        let mut path = format!("/v1/export?format={format}&limit=7{SOURCES_FILTER}");
        loop {
            let page = clients.read.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let mut records = csv_records(&page.text);
            if format == "ndjson" {
                records = page.text.lines().count();
            }
            lines += records;
            let link = page.headers.get("link").and_then(|link| link.to_str().ok());
            match link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())) {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(lines, events + headers, "{format}");
    }
}

/// Counts line ends outside quotes.
fn csv_records(text: &str) -> usize {
    let outside = text.split('"').step_by(2);
    outside.map(|part| part.matches("\r\n").count()).sum()
}

pub(crate) async fn the_web_ui_is_served(api: &Api) {
    for path in ["/", "/timeline", "/targets/audit"] {
        let page = api.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.headers["content-security-policy"].to_str().is_ok_and(|policy| policy.contains("default-src 'none'"))
        );
        let script = page.text.split('"').find(|part| part.ends_with("/js/main.js")).expect("its script");
        assert_eq!(api.get(script).await.headers["content-type"], "text/javascript; charset=utf-8");
    }
}
