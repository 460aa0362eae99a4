//! How answers are sent: not larger than a Lambda can, their forms, and what of a request they refuse.

use std::io::Read;

use e2e::{Api, Response, Stack};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// What a Lambda answers at most, as the JSON that it hands over.
const LAMBDA: usize = 6_291_556;

/// Posts signals that have so many quotation marks each, every one of which is four bytes of an answer.
async fn post_quotes(stack: &Stack, counts: &[usize]) {
    for (n, count) in counts.iter().enumerate() {
        let time = format!("2026-03-01T10:00:{n:02}Z");
        let signal = format!(r#"{{"type":"deployment","time":"{time}","text":"{}"}}"#, r#"\""#.repeat(*count));
        stack.ingest("signal").post_bytes("/v1/events", signal).await.expect(201);
    }
}

/// The bytes that an answer takes of a Lambda's: text in JSON, anything else in base64.
fn on_lambda(response: &Response) -> usize {
    let media_type = response.headers["content-type"].to_str().expect("text");
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    if is_text { json!(response.text).to_string().len() } else { response.text.len().div_ceil(3) * 4 }
}

/// The answer to one who reads gzip, and its text.
async fn compressed(api: &Api, path: &str) -> (Response, String) {
    let request = api.request(Method::GET, path).header("accept-encoding", "gzip");
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a body");
    assert_eq!((status, headers["content-encoding"].as_bytes()), (200, &b"gzip"[..]));
    assert!(bytes.len().div_ceil(3) * 4 < LAMBDA);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect("gzip");
    (Response { status, headers, text: text.clone() }, text)
}

fn next(response: &Response) -> Option<String> {
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
        assert!(on_lambda(&page) <= LAMBDA, "{} bytes", on_lambda(&page));
        found += content["events"].as_array().expect("events").len();
        match content["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, 3);
    for form in ["csv", "json", "ndjson"] {
        let (mut text, mut path) = (String::new(), format!("/v1/export?format={form}"));
        loop {
            let page = api.get(&path).await;
            assert_eq!(page.status, 200, "{form}");
            assert!(on_lambda(&page) <= LAMBDA, "{form}: {} bytes", on_lambda(&page));
            text += &page.text;
            match next(&page) {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(text.matches("2026-03-01T10:00:0").count(), 3 * 2, "{form}: beside the payload, and in it");
    }
}

#[tokio::test]
async fn an_event_larger_than_the_response_limit_is_compressed() {
    let stack = start().await;
    post_quotes(&stack, &[1, 2_200_000, 1]).await;
    let api = stack.read();
    let first = api.get("/v1/export?format=csv").await;
    assert_eq!((first.status, first.text.lines().count()), (200, 2), "a header and one event");
    let path = next(&first).expect("a link");
    // Who reads no compressed answer is told so, and not answered with what cannot be sent.
    let refused = api.get(&path).await.expect_problem(406);
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("Accept-Encoding: gzip")), "{refused}");
    let (second, text) = compressed(&api, &path).await;
    assert!(text.len() > 6_600_000 && text.lines().count() == 1);
    let last = api.get(&next(&second).expect("a link")).await;
    assert_eq!((last.status, last.text.lines().count(), next(&last)), (200, 1, None));

    let (_, page) = compressed(&api, "/v1/events?limit=1&from=2026-03-01T10:00:01Z&to=2026-03-01T10:00:01Z").await;
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let path = format!("/v1/events/{}", page["events"][0]["id"]);
    api.get(&path).await.expect_problem(406);
    compressed(&api, &path).await;
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
    // What is suggested can be put in.
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
    for (query, parameter, said) in [
        (format!("type={long}"), "type", ["xxxxx", "4096"]),
        (format!("actor={many}a"), "actor", ["many,many", "50"]),
        (format!("q={text}"), "q", ["text text", "1000"]),
        ("actor=a,,b".to_owned(), "actor", ["a,,b", "empty"]),
        ("limit=ten".to_owned(), "limit", ["ten", "1000"]),
        ("from=2026-02-02&to=2026-02-01".to_owned(), "from", ["2026-02-02", "2026-02-01"]),
        ("type=a&type=b".to_owned(), "type", ["twice", "commas"]),
        ("cursor=abc".to_owned(), "cursor", ["abc", "answered with"]),
    ] {
        let problem = api.get(&format!("/v1/events?{query}")).await.expect_problem(400);
        let detail = problem["detail"].as_str().expect("text");
        assert_eq!(problem["parameter"], parameter);
        assert!(said.iter().all(|said| detail.contains(said)) && detail.len() < 300, "{detail}");
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
    for form in ["json", "ndjson"] {
        let path = format!("/v1/export?format={form}&header=false");
        assert_eq!(stack.read().get(&path).await.expect_problem(400)["parameter"], "header");
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
    let mut tags = Vec::new();
    for encoding in ["identity", "gzip", "br"] {
        let response = api.request(Method::GET, "/v1/catalogs").header("accept-encoding", encoding).send().await;
        let tag = response.expect("an answer").headers()["etag"].to_str().expect("text").to_owned();
        let again = api.request(Method::GET, "/v1/catalogs").header("if-none-match", &tag);
        assert_eq!(api.send(again).await.status, 304, "{tag}");
        tags.push(tag);
    }
    // RFC 9110, 8.8.3: a strong one would say that they are the same byte for byte.
    assert!(tags.iter().all(|tag| tag.starts_with("W/\"")), "{tags:?}");
}

#[tokio::test]
async fn a_paged_export_has_one_header() {
    let stack = start().await;
    post_quotes(&stack, &[1, 1, 1]).await;
    let api = stack.read();
    let (mut text, mut path) = (String::new(), "/v1/export?format=csv&limit=1&header=true".to_owned());
    let mut kinds = Vec::new();
    loop {
        let page = api.get(&path).await;
        text += &page.text;
        kinds.push(page.headers["content-type"].to_str().expect("text").to_owned());
        match next(&page) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(text.matches("id,source,catalog").count(), 1);
    let kind = |header| format!("text/csv; charset=utf-8; header={header}");
    assert_eq!(kinds, ["present", "absent", "absent"].map(kind));
}
