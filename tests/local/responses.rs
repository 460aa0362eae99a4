//! Responses: size limits, compression, content types and caching, and the problems of invalid requests.

use std::io::Read;

use e2e::{Api, Response, Stack};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// The maximum size of a Lambda response as JSON, in bytes.
const MAX_LAMBDA_RESPONSE_BYTES: usize = 6_291_556;

/// Posts signals with the given numbers of quotation marks. Each mark takes four bytes of a response.
async fn post_quotes(stack: &Stack, counts: &[usize]) {
    for (n, count) in counts.iter().enumerate() {
        let time = format!("2026-03-01T10:00:{n:02}Z");
        let signal = format!(r#"{{"type":"deployment","time":"{time}","text":"{}"}}"#, r#"\""#.repeat(*count));
        stack.ingest("signal").post_bytes("/v1/events", signal).await.expect(201);
    }
}

/// Returns the size of a response as Lambda returns it: text in JSON, other bodies in base64.
fn lambda_bytes(response: &Response) -> usize {
    let media_type = response.headers["content-type"].to_str().expect("text");
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    if is_text { json!(response.text).to_string().len() } else { response.text.len().div_ceil(3) * 4 }
}

/// Requests a gzip response and returns it with its decompressed text.
async fn get_gzip(api: &Api, path: &str) -> (Response, String) {
    let request = api.request(Method::GET, path).header("accept-encoding", "gzip");
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a body");
    assert_eq!((status, headers["content-encoding"].as_bytes()), (200, &b"gzip"[..]));
    assert!(bytes.len().div_ceil(3) * 4 < MAX_LAMBDA_RESPONSE_BYTES);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect("gzip");
    (Response { status, headers, text: text.clone() }, text)
}

fn next_link(response: &Response) -> Option<String> {
    let link = response.headers.get("link")?.to_str().expect("text");
    Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
}

fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[tokio::test]
async fn pages_end_before_the_response_size_limit() {
    let stack = start().await;
    post_quotes(&stack, &[1_000_000, 900_000, 1_000_000]).await;
    let api = stack.read();
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let page = api.get(&format!("/v1/events?limit=10{cursor}")).await;
        let content = page.expect(200);
        assert!(lambda_bytes(&page) <= MAX_LAMBDA_RESPONSE_BYTES, "{} bytes", lambda_bytes(&page));
        found += content["events"].as_array().expect("events").len();
        match content["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, 3);
    for format in ["csv", "json", "ndjson"] {
        let (mut text, mut path) = (String::new(), format!("/v1/export?format={format}"));
        loop {
            let page = api.get(&path).await;
            assert_eq!(page.status, 200, "{format}");
            assert!(lambda_bytes(&page) <= MAX_LAMBDA_RESPONSE_BYTES, "{format}: {} bytes", lambda_bytes(&page));
            text += &page.text;
            match next_link(&page) {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(text.matches("2026-03-01T10:00:0").count(), 3 * 2, "{format}: in its own column and in the payload");
    }
}

#[tokio::test]
async fn an_event_larger_than_the_response_limit_is_compressed() {
    let stack = start().await;
    post_quotes(&stack, &[1, 2_200_000, 1]).await;
    let api = stack.read();
    let first = api.get("/v1/export?format=csv").await;
    assert_eq!((first.status, first.text.lines().count()), (200, 2), "a header and one event");
    let path = next_link(&first).expect("a link");
    // A client that does not accept compression gets a problem, because the response would be too large.
    let refused = api.get(&path).await.expect_problem(406);
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("Accept-Encoding: gzip")), "{refused}");
    let (second, text) = get_gzip(&api, &path).await;
    assert!(text.len() > 6_600_000 && text.lines().count() == 1);
    let last = api.get(&next_link(&second).expect("a link")).await;
    assert_eq!((last.status, last.text.lines().count(), next_link(&last)), (200, 1, None));

    let (_, page) = get_gzip(&api, "/v1/events?limit=1&from=2026-03-01T10:00:01Z&to=2026-03-01T10:00:01Z").await;
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let path = format!("/v1/events/{}", page["events"][0]["id"]);
    api.get(&path).await.expect_problem(406);
    get_gzip(&api, &path).await;
}

#[tokio::test]
async fn quoted_filter_values_may_contain_commas_and_spaces() {
    let stack = start().await;
    let signal = |subject: &str, actor: &str, project: &str| json!({ "type": "deployment", "subject": subject, "actor": actor, "project": project });
    let signals = [signal("a,b", "CN=ada,OU=ops", " lead"), signal("\"c\"", "plain", "web"), signal("a", "b", "lead")];
    stack.ingest("signal").post("/v1/events", &json!(signals)).await.expect(200);
    let api = stack.read();
    for (name, value, expected) in [
        ("subject", r#""a,b""#, 1),
        ("subject", "a,b", 1),
        ("subject", r#""a,b", a"#, 2),
        ("subject", r#""""c""""#, 1),
        ("actor", r#""CN=ada,OU=ops",plain"#, 2),
        ("project", r#"" lead""#, 1),
        ("project", " lead", 1),
        ("scope", r#""signal""#, 3),
    ] {
        let query = query(&[(name, value)]);
        let found = api.get(&format!("/v1/events?{query}")).await.expect(200);
        assert_eq!(found["events"].as_array().map(Vec::len), Some(expected), "{query}");
        let exported = api.get(&format!("/v1/export?format=ndjson&{query}")).await;
        assert_eq!(exported.text.lines().count(), expected, "{query}");
    }
    // Facet values can be used as filters.
    for field in ["subject", "actor", "project"] {
        let facets = api.get(&format!("/v1/facets?field={field}")).await.expect(200);
        for facet in facets["values"].as_array().expect("values") {
            let quoted = format!("\"{}\"", facet["value"].as_str().expect("text").replace('"', "\"\""));
            let query = query(&[(field, &quoted)]);
            let found = api.get(&format!("/v1/events?{query}")).await.expect(200);
            assert_eq!(found["events"].as_array().map(Vec::len), Some(1), "{query}");
        }
    }
    for wrong in [r#""a,b"#, r#""a"b"#, r#""""#] {
        let refused = api.get(&format!("/v1/events?{}", query(&[("subject", wrong)]))).await.expect_problem(400);
        assert_eq!(refused["parameter"], "subject", "{wrong}");
    }
}

#[tokio::test]
async fn invalid_utf8_is_rejected_with_a_problem() {
    let stack = start().await;
    let api = stack.read();
    for path in ["/v1/events/%FF", "/v1/events/%FF/deliveries", "/v1/schemas/%FF/base"] {
        api.get(path).await.expect_problem(400);
    }
    stack.manage().get("/v1/targets/%FF").await.expect_problem(400);
    assert_eq!(api.get("/api/admin/events/%FF").await.expect(400)["name"], "BadDataError");
    let refused = api.get("/v1/events?project=a,%FF").await.expect_problem(400);
    assert_eq!(refused["parameter"], "project");
    let name = api.get("/v1/events?%FF=1").await.expect_problem(400);
    assert!(name["detail"].as_str().is_some_and(|detail| detail.contains("%FF")), "{name}");
}

#[tokio::test]
async fn problems_name_the_value_and_the_allowed_range() {
    let stack = start().await;
    let api = stack.read();
    let (long, many, text) = ("x".repeat(5000), "many,".repeat(51), "text ".repeat(300));
    for (query, parameter, words) in [
        (format!("type={long}"), "type", ["xxxxx", "4096"]),
        (format!("actor={many}a"), "actor", ["many,many", "50"]),
        (format!("q={text}"), "q", ["text text", "1000"]),
        ("actor=a,,b".to_owned(), "actor", ["a,,b", "empty"]),
        ("limit=ten".to_owned(), "limit", ["ten", "1000"]),
        ("from=2026-02-02&to=2026-02-01".to_owned(), "from", ["2026-02-02", "2026-02-01"]),
        ("type=a&type=b".to_owned(), "type", ["more than once", "commas"]),
        ("cursor=abc".to_owned(), "cursor", ["abc", "`next`"]),
    ] {
        let problem = api.get(&format!("/v1/events?{query}")).await.expect_problem(400);
        let detail = problem["detail"].as_str().expect("text");
        assert_eq!(problem["parameter"], parameter);
        assert!(words.iter().all(|words| detail.contains(words)) && detail.len() < 300, "{detail}");
    }
}

#[tokio::test]
async fn cursors_are_accepted_only_unchanged_and_for_the_same_search() {
    let stack = start().await;
    post_quotes(&stack, &[1, 1, 1]).await;
    let api = stack.read();
    let page = api.get("/v1/events?limit=1&source=signal,%20other").await.expect(200);
    let cursor = page["next"].as_str().expect("a cursor");
    for same in ["source=%22other%22,signal", "source=signal,other,signal&limit=5"] {
        api.get(&format!("/v1/events?{same}&cursor={cursor}")).await.expect(200);
    }
    let (first, last) = cursor.split_at(5);
    let changed = format!("{first}{}{}", if last.starts_with('A') { 'B' } else { 'A' }, &last[1..]);
    for (filters, cursor) in [("source=signal,%20other", changed.as_str()), ("source=signal", cursor)] {
        let problem = api.get(&format!("/v1/events?{filters}&cursor={cursor}")).await.expect_problem(400);
        assert_eq!(problem["parameter"], "cursor");
    }
}

#[tokio::test]
async fn csv_parameters_are_rejected_for_other_formats() {
    let stack = start().await;
    for format in ["json", "ndjson"] {
        for (name, value) in [("header", "false"), ("ids", "text"), ("bom", "true")] {
            let path = format!("/v1/export?format={format}&{name}={value}");
            assert_eq!(stack.read().get(&path).await.expect_problem(400)["parameter"], name);
        }
    }
}

#[tokio::test]
async fn extreme_rfc_3339_times_are_accepted() {
    let stack = start().await;
    let api = stack.read();
    for query in ["to=9999-12-31T23:59:59.999999999Z", "from=9999-12-31&to=9999-12-31", "from=9999-12-31T23:59:59Z"] {
        api.get(&format!("/v1/events?{query}")).await.expect(200);
    }
    let empty = api.get("/v1/timeline?from=9999-12-31").await.expect(200);
    assert_eq!(empty["count"], 0);
}

#[tokio::test]
async fn etags_are_weak_in_every_encoding() {
    let stack = start().await;
    let api = stack.read();
    let mut etags = Vec::new();
    for encoding in ["identity", "gzip", "br"] {
        let response = api.request(Method::GET, "/v1/catalogs").header("accept-encoding", encoding).send().await;
        let etag = response.expect("a response").headers()["etag"].to_str().expect("text").to_owned();
        let again = api.request(Method::GET, "/v1/catalogs").header("if-none-match", &etag);
        assert_eq!(api.send(again).await.status, 304, "{etag}");
        etags.push(etag);
    }
    // RFC 9110, 8.8.3: a strong ETag would promise equal bytes in every encoding.
    assert!(etags.iter().all(|etag| etag.starts_with("W/\"")), "{etags:?}");
}

#[tokio::test]
async fn a_paged_export_has_one_header() {
    let stack = start().await;
    post_quotes(&stack, &[1, 1, 1]).await;
    let api = stack.read();
    let (mut text, mut path) =
        (String::new(), "/v1/export?format=csv&limit=1&header=true&bom=true&ids=text".to_owned());
    let mut content_types = Vec::new();
    loop {
        let page = api.get(&path).await;
        text += &page.text;
        content_types.push(page.headers["content-type"].to_str().expect("text").to_owned());
        match next_link(&page) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert!(text.starts_with("\u{feff}id,source,catalog"), "{text:?}");
    assert_eq!((text.matches("id,source,catalog").count(), text.matches('\u{feff}').count()), (1, 1));
    let mut rows = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    for row in rows.records() {
        let row = row.expect("a row");
        let id =
            row[0].strip_prefix("=\"").and_then(|id| id.strip_suffix('"')).expect("a formula whose value is a text");
        assert!(id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_digit()), "{id}");
    }
    let content_type = |header| format!("text/csv; charset=utf-8; header={header}");
    assert_eq!(content_types, ["present", "absent", "absent"].map(content_type));
}
