//! Text searches find what people read.

use serde_json::json;

use crate::start;

/// Percent-encodes a query parameter.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn texts_are_found_as_people_read_them() {
    let stack = start().await;
    // As Python and Go write it.
    let payload = r#"{"type":"deploy","text":"M\u00fcller: a \u003e b, R\u0026D, \"q\" Stra\u00dfe"}"#;
    let ingest = stack.ingest("signal");
    let stored = ingest.post_bytes("/v1/events", payload).await.expect(201);
    ingest.post("/v1/events", &json!({ "type": "deploy", "text": "Meier: nothing else" })).await.expect(201);
    let id = &stored["id"];
    let api = stack.read();
    let found = async |query: &str| {
        let path = format!("/v1/events?type=deploy&q={}", encoded(query));
        let ids: Vec<serde_json::Value> = api.get(&path).await.expect(200)["events"]
            .as_array()
            .expect("events")
            .iter()
            .map(|e| e["id"].clone())
            .collect();
        ids
    };
    for query in
        ["Müller", " MÜLLER ", "a > b", "\"a > b\"", "R&D", "\"q\"", "STRASSE müller", r"M\u00fcller", "deploy R&D"]
    {
        assert_eq!(found(query).await, std::slice::from_ref(id), "{query}");
    }
    assert_eq!(found(&id.to_string()).await, std::slice::from_ref(id));
    assert_eq!(found(&format!("msg_{id}_0a1b2c3d4e5f")).await, std::slice::from_ref(id));
    assert_eq!(found("triggered deploy").await.len(), 2, "the words of the summary");
    assert!(found("Müller nothing").await.is_empty(), "every word must be found");
    let export = api.get(&format!("/v1/export?format=ndjson&q={}", encoded("Müller R&D"))).await;
    assert_eq!((export.status, export.text.lines().count()), (200, 1));
    for empty in ["%20", "%22%22"] {
        assert_eq!(api.get(&format!("/v1/events?q={empty}")).await.expect_problem(400)["parameter"], "q");
    }
}

#[tokio::test]
async fn an_empty_result_of_an_unknown_type_has_advice() {
    let stack = start().await;
    let unknown = stack.read().get("/v1/events?type=feature_created").await.expect(200);
    let warning = unknown["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("feature_created") && warning.contains("feature-created"), "{warning}");
    assert!(stack.read().get("/v1/events?type=feature-created").await.expect(200)["warnings"].is_null());
}
