//! Reading the log: searches, exports, facets and timelines, compared with a naive search of all events.

use std::collections::BTreeMap;

use e2e::{Api, Response, Stack, examples, unleash_event};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// Posts every catalog's examples and some more Unleash events.
async fn fill(stack: &Stack) {
    let mut by_catalog: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for example in examples() {
        by_catalog.entry(example.catalog).or_default().push(example.payload);
    }
    for (catalog, payloads) in by_catalog {
        let response = stack.ingest(catalog).post_bytes("/v1/events", format!("[{}]", payloads.join(","))).await;
        assert!(response.status == 200, "{}", response.text);
    }
    let start: Timestamp = "2026-03-01T10:00:00Z".parse().expect("a time");
    let event = |n: u64| {
        let time = start + SignedDuration::from_secs(i64::try_from(n / 3).expect("small") * 600);
        let mut event = unleash_event(n + 1000, time, &format!("flag-{}", n % 7), "=web", &format!("Ada-{}", n % 4));
        event["environment"] =
            [json!("production"), json!("staging"), Value::Null][usize::try_from(n % 3).expect("small")].clone();
        event["data"]["description"] = json!(format!("Größe {n}, \"quoted\"\n+1"));
        event
    };
    let events: Vec<Value> = (0..120).map(event).collect();
    stack.ingest("unleash").post("/v1/events", &json!(events)).await.expect(200);
}

/// Returns every event, oldest first.
async fn all_events(api: &Api) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/v1/events?limit=300&order=asc{cursor}")).await.expect(200);
        events.extend(page["events"].as_array().expect("events").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

/// Returns the ids on all pages of a search, after checking its total.
async fn search(api: &Api, query: &str, limit: usize) -> Vec<u64> {
    let (mut found, mut cursor, mut total) = (Vec::new(), String::new(), None);
    loop {
        let page = api.get(&format!("/v1/events?limit={limit}&total=exact&{query}{cursor}")).await.expect(200);
        found.extend(page["events"].as_array().expect("events").iter().map(id));
        total = page["total"].as_u64().or(total);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(total, Some(found.len() as u64), "the total of {query}");
                return found;
            }
        }
    }
}

fn id(event: &Value) -> u64 {
    event["id"].as_u64().expect("an id")
}

fn ids(events: &[&Value]) -> Vec<u64> {
    events.iter().map(|event| id(event)).collect()
}

/// Returns a summary as people read it: a backslash escapes the next character, and other stars mark bold text.
fn plain_text(summary: &str) -> String {
    let (mut plain, mut chars) = (String::new(), summary.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            '*' => {}
            char => plain.push(char),
        }
    }
    plain
}

/// Decides if an event matches these query parameters.
fn matches(event: &Value, query: &[(String, String)]) -> bool {
    query.iter().all(|(name, value)| {
        let any = |field: &Value| value.split(',').any(|value| field == value);
        let time = || event["time"].as_str().expect("a time").parse::<Timestamp>().expect("a time");
        match name.as_str() {
            "entity" => event["entities"].as_array().expect("entities").iter().any(any),
            "q" => {
                let fold = |text: &str| text.to_lowercase().replace('ß', "ss");
                let (label, summary) = (event["label"].as_str(), event["summary"].as_str());
                let texts = [event["payload"].to_string(), label.unwrap_or_default().to_owned()];
                let texts = texts.into_iter().chain(summary.map(plain_text));
                texts.into_iter().any(|text| fold(&text).contains(&fold(value)))
            }
            "from" => time() >= value.parse::<Timestamp>().expect("a time"),
            "to" => time() <= value.parse::<Timestamp>().expect("a time"),
            field => any(&event[field]),
        }
    })
}

/// Returns a few random query parameters with values of existing events.
fn random_query(random: &mut fastrand::Rng, events: &[Value]) -> Vec<(String, String)> {
    const FIELDS: [&str; 9] =
        ["type", "source", "catalog", "scope", "subject", "actor", "project", "environment", "level"];
    let mut query: Vec<(String, String)> = Vec::new();
    for _ in 0..random.usize(..4) {
        let event = &events[random.usize(..events.len())];
        let other = &events[random.usize(..events.len())];
        let name = FIELDS[random.usize(..FIELDS.len())];
        let mut values: Vec<&str> = [event, other].into_iter().filter_map(|event| event[name].as_str()).collect();
        values.retain(|value| !value.contains(',') && !value.trim().is_empty() && value.trim() == *value);
        if !values.is_empty() {
            query.push((name.to_owned(), values.join(",")));
        }
        if let Some(entity) = event["entities"][1].as_str().filter(|_| random.bool()) {
            query.push(("entity".to_owned(), entity.to_owned()));
        }
        match random.u8(..8) {
            0 => query.push(("from".to_owned(), event["time"].as_str().expect("a time").to_owned())),
            1 => query.push(("to".to_owned(), event["time"].as_str().expect("a time").to_owned())),
            2 => {
                let text = event["payload"].to_string();
                let start = random.usize(..text.chars().count() / 2);
                // One word without quotation marks and escapes.
                let is_plain = |char: &char| !char.is_whitespace() && !['"', '\\'].contains(char);
                let part = text.chars().skip(start).filter(is_plain).take(1);
                let rest = text.chars().skip(start).skip_while(|char| !is_plain(char)).skip(1).take_while(is_plain);
                let word: String = part.chain(rest.take(random.usize(..8))).collect();
                if !word.is_empty() {
                    query.push(("q".to_owned(), word.to_uppercase()));
                }
            }
            _ => {}
        }
    }
    query.sort();
    query.dedup_by(|a, b| a.0 == b.0);
    query
}

#[tokio::test]
async fn filter_combinations_match_a_naive_search() {
    let stack = start().await;
    fill(&stack).await;
    let api = stack.read();
    let events = all_events(&api).await;
    assert!(events.len() > 300 && events.is_sorted_by_key(id));
    let mut random = fastrand::Rng::with_seed(42);
    for _ in 0..25 {
        let query = random_query(&mut random, &events);
        // Text searches match the payload as sent; these payloads have no spaces.
        let mut expected: Vec<&Value> = events.iter().filter(|event| matches(event, &query)).collect();
        let mut encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
        if random.bool() {
            encoded += "&order=asc";
        } else {
            expected.reverse();
        }
        assert_eq!(search(&api, &encoded, 1000).await, ids(&expected), "{query:?}");
        assert_eq!(search(&api, &encoded, random.usize(40..90)).await, ids(&expected), "{query:?} in small pages");
    }
}

/// Returns every page of an export.
async fn export(api: &Api, query: &str) -> Vec<Response> {
    let mut pages = Vec::new();
    let mut path = format!("/v1/export?{query}");
    loop {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.headers["content-disposition"].to_str().expect("text").starts_with("attachment; filename="));
        let link = page.headers.get("link").map(|link| link.to_str().expect("text").to_owned());
        pages.push(page);
        match link {
            Some(link) => {
                let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
                next.expect("a link").clone_into(&mut path);
            }
            None => return pages,
        }
    }
}

#[tokio::test]
async fn exports_contain_every_event_in_every_format() {
    let stack = start().await;
    fill(&stack).await;
    let api = stack.read();
    let events = all_events(&api).await;

    let lines = export(&api, "format=ndjson&limit=100").await;
    assert!(lines.len() > 3, "several pages");
    let text: String = lines.iter().map(|page| page.text.as_str()).collect();
    let exported: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(exported, events);

    let pages = export(&api, "format=json&limit=70&order=desc").await;
    let mut exported: Vec<Value> =
        pages.iter().flat_map(|page| page.json().as_array().expect("an array").clone()).collect();
    exported.reverse();
    assert_eq!(exported, events);

    let pages = export(&api, "format=csv&limit=150").await;
    let text: String = pages.iter().map(|page| page.text.as_str()).collect();
    assert!(text.contains("\r\n") && pages[0].headers["content-type"].to_str().expect("text").starts_with("text/csv"));
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let names = csv.headers().expect("a header").clone();
    let rows: Vec<csv::StringRecord> = csv.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), events.len(), "one header, and a line for each event");
    for (row, event) in rows.iter().zip(&events) {
        for (name, cell) in names.iter().zip(row) {
            let source = if name == "summary_markdown" { "summary" } else { name };
            let expected = match (&event[source], name) {
                (Value::String(text), "summary") => plain_text(text),
                (Value::Null, _) => String::new(),
                (Value::Array(values), "entities") if values.is_empty() => String::new(),
                (Value::String(text), _) => text.clone(),
                (value, "payload" | "entities") => {
                    assert_eq!(serde_json::from_str::<Value>(cell).expect("JSON"), *value);
                    continue;
                }
                (value, _) => value.to_string(),
            };
            // An apostrophe precedes cells that a spreadsheet would run as a formula.
            let harmless = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@']));
            assert_eq!(harmless.unwrap_or(cell), expected, "{name}");
            assert!(!cell.starts_with(['=', '+', '-', '@']));
        }
    }

    let some = export(&api, "format=json&project=%3Dweb&q=%22GR%C3%96%C3%9FE%207,%22").await;
    assert_eq!(some[0].json().as_array().map(Vec::len), Some(1), "exports accept the filters of a search");
    assert!(api.get("/v1/export?format=csv&limit=1&header=false").await.text.starts_with(char::is_numeric));
}

#[tokio::test]
async fn facets_count_the_values_of_matching_events() {
    let stack = start().await;
    fill(&stack).await;
    let api = stack.read();
    let events = all_events(&api).await;
    for (field, query) in [("type", ""), ("actor", "&project=%3Dweb"), ("environment", "&q=flag"), ("subject", "")] {
        let query_pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| !name.is_empty()).collect();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for event in events.iter().filter(|event| matches(event, &query_pairs)) {
            if let Some(value) = event[field].as_str() {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut expected: Vec<(&str, u64)> = counts.into_iter().collect();
        expected.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let response = api.get(&format!("/v1/facets?field={field}&limit=1000{query}")).await.expect(200);
        let values = response["values"].as_array().expect("values");
        let got: Vec<(&str, u64)> = values
            .iter()
            .map(|value| (value["value"].as_str().expect("text"), value["count"].as_u64().expect("a count")))
            .collect();
        assert_eq!(got, expected, "{field}{query}");
        assert_eq!(response["different"], expected.len());
    }
    let response = api.get("/v1/facets?field=subject&prefix=FLAG-&limit=3").await.expect(200);
    assert_eq!(response["values"].as_array().map(Vec::len), Some(3));
    assert_eq!(response["different"], 7);
}

#[tokio::test]
async fn the_timeline_groups_events_close_in_time() {
    let stack = start().await;
    fill(&stack).await;
    let time: Timestamp = "2026-03-01T11:00:05Z".parse().expect("a time");
    let signal = json!({ "type": "deployment", "time": time.to_string(), "environment": "production", "title": "4.2" });
    stack.ingest("signal").post("/v1/events", &signal).await.expect(201);
    for (level, message) in [("ERROR", "no"), ("INFO", "yes")] {
        let line = json!({
            "time": "2026-03-01T11:00:06Z", "type": "logging",
            "metadata": { "message": message, "level": level, "context": {} },
        });
        stack.ingest("migration-manager").post("/v1/events", &line).await.expect(201);
    }
    let api = stack.read();
    let timeline = api.get("/v1/timeline?from=2026-03-01T10:00:00Z&span=6h").await.expect(200);
    let shown: Vec<&Value> = timeline["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["events"].as_array().expect("events"))
        .collect();
    // Three events every ten minutes, 36 times in six hours; a signal, and a log line with an error.
    assert_eq!((shown.len(), timeline["count"].as_u64()), (110, Some(110)));
    let groups = timeline["groups"].as_array().expect("groups");
    assert_eq!(groups.len(), 36, "events within 3.6 minutes, a hundredth of six hours, form a group");
    let hour = &groups[6];
    assert_eq!((&hour["start"], &hour["end"]), (&json!("2026-03-01T11:00:00Z"), &json!("2026-03-01T11:00:06Z")));
    assert_eq!(hour["types"], json!({ "deployment": 1, "feature-created": 3, "logging": 1 }));
    assert_eq!(hour["count"], 5);

    let production = api.get("/v1/timeline?from=2026-03-01T10:00:00Z&span=6h&environment=production").await.expect(200);
    // Two of three events: those of production and those without an environment.
    assert_eq!(production["count"], 36 * 2 + 2);
    let typed = api.get("/v1/timeline?from=2026-03-01&to=2026-03-02&types=logging").await.expect(200);
    assert_eq!(typed["count"], 2, "requested types are shown at any level");
    for wrong in
        ["from=2026-03-01&to=2026-03-03", "span=29m", "span=49h", "span=x", "from=2026-03-01&to=2026-03-01&span=6h"]
    {
        api.get(&format!("/v1/timeline?{wrong}")).await.expect_problem(400);
    }
}

#[tokio::test]
async fn catalogs_list_types_with_valid_schemas() {
    let stack = start().await;
    let api = stack.read();
    let catalogs = api.get("/v1/catalogs").await.expect(200);
    let mut schemas = 0;
    for catalog in catalogs["catalogs"].as_array().expect("catalogs") {
        let source = catalog["name"].as_str().expect("a name");
        // A few types of each catalog are enough: `flow` posts the examples of all types.
        for kind in catalog["types"].as_array().expect("types").iter().step_by(20) {
            let schema = api.get(kind["schema"].as_str().expect("a path")).await.expect(200);
            for example in schema["examples"].as_array().into_iter().flatten() {
                assert!(jsonschema::is_valid(&schema, example));
                // Only Tidings itself writes events of its catalog.
                if source == events::TIDINGS_SOURCE {
                    continue;
                }
                let response = stack.ingest(source).post("/v1/events", example).await;
                assert!([200, 201].contains(&response.status), "{}", response.text);
            }
            schemas += 1;
        }
        api.get(catalog["schema"].as_str().expect("a path")).await.expect(200);
    }
    assert!(schemas > 10);
    for path in ["/v1/schemas/unleash/nothing", "/v1/schemas/nothing/base", "/v1/schemas/x/..%2F..%2Fetc"] {
        api.get(path).await.expect_problem(404);
    }
}

#[tokio::test]
async fn responses_are_compressed_and_cacheable() {
    let stack = start().await;
    fill(&stack).await;
    let api = stack.read();
    let id = id(&api.get("/v1/events?limit=1").await.expect(200)["events"][0]);
    for path in
        [&format!("/v1/events/{id}"), "/v1/catalogs", "/v1/schemas/unleash/feature-created", "/openapi.json", "/docs"]
    {
        let first = api.get(path).await;
        let etag = first.headers["etag"].clone();
        assert!(first.headers.contains_key("cache-control"), "{path}");
        let again = api.send(api.request(Method::GET, path).header("if-none-match", etag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        let head = api.send(api.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.headers["content-type"], first.headers["content-type"], "{path}");
    }
    for encoding in ["gzip", "br"] {
        let packed = api.request(Method::GET, "/v1/events?limit=50").header("accept-encoding", encoding);
        let packed = packed.send().await.expect("a response");
        assert_eq!(packed.headers()["content-encoding"], encoding);
        assert!(packed.bytes().await.expect("a body").len() < 20_000);
    }
    let preflight = api.request(Method::OPTIONS, "/v1/events").header("origin", "https://log.example.org");
    let preflight = api.send(preflight.header("access-control-request-method", "GET")).await;
    assert!(!preflight.headers.contains_key("access-control-allow-origin"), "CORS is off unless configured");
}

#[tokio::test]
async fn cors_allows_only_configured_origins() {
    let stack = crate::start_with(&["--cors-origins", "https://log.example.org"]).await;
    let api = stack.read();
    for (origin, allowed) in [("https://log.example.org", true), ("https://evil.example.org", false)] {
        let preflight = api
            .request(Method::OPTIONS, "/v1/events")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let preflight = api.send(preflight).await;
        assert_eq!(preflight.headers.contains_key("access-control-allow-origin"), allowed, "{preflight:?}");
        let response = api.send(api.request(Method::GET, "/v1/events").header("origin", origin)).await;
        let origins = response.headers.get("access-control-allow-origin").map(|value| value.to_str().expect("text"));
        assert_eq!(origins, allowed.then_some(origin));
    }
}
