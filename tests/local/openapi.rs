//! The OpenAPI document: the committed file is current, and the API behaves as documented.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use e2e::{Api, Receiver, Response, unleash_event};
use reqwest::Method;
use serde_json::{Value, json};
use web::Operation;

use crate::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidings");

/// Every operation, in an order in which the resources that each example names exist.
const TOUR: [&str; 52] = [
    "checkHealth",
    "createSource",
    "createKey",
    "previewNewTarget",
    "createTarget",
    "postEvents",
    "searchEvents",
    "readEvent",
    "explainDeliveries",
    "exportEvents",
    "readTimeline",
    "listFacets",
    "listCatalogs",
    "readSchema",
    "readOwnKey",
    "readDefaults",
    "readOpenApi",
    "readDocs",
    "searchEventsAsUnleash",
    "listEventsAsUnleash",
    "listEventsOfFeatureAsUnleash",
    "listSources",
    "readSource",
    "changeSource",
    "listKeys",
    "readKey",
    "changeKey",
    "listTargets",
    "readTarget",
    "testTarget",
    "changeTarget",
    "previewTarget",
    "rotateTarget",
    "replayTarget",
    "readTargetHealth",
    "listDeliveries",
    "retryDelivery",
    "retryDeliveries",
    "pauseTarget",
    "resumeTarget",
    "listReplays",
    "readReplay",
    "cancelReplay",
    "listQuarantine",
    "readQuarantined",
    "replayQuarantine",
    "discardQuarantined",
    "replayQuarantined",
    "discardQuarantine",
    "removeTarget",
    "removeKey",
    "removeSource",
];

/// Operations that accept keys of more than one permission.
const MULTI_PERMISSION_OPERATIONS: [&str; 4] = ["readTargetHealth", "listDeliveries", "readOwnKey", "readDefaults"];

/// The event and the replay of the examples, which the tour replaces with existing ones.
const EXAMPLE_EVENT: &str = "3403542528000501";
const EXAMPLE_REPLAY: &str = "20260501T092000879Z-4f2a";

/// Routes without an operation: ingest quarantines what is sent to them.
const MISADDRESSED_ROUTES: [&str; 3] = ["PUT /v1/events", "PATCH /v1/events", "POST /v1/events/{proxy+}"];

/// Parameters that the tour omits: cursors come from responses, and no event matches all filters.
const OMITTED_PARAMETERS: [&str; 4] = ["before", "entity", "environment", "level"];

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
    std::fs::read_to_string(path).expect("openapi.json")
}

fn document() -> Value {
    serde_json::from_str(&committed()).expect("JSON")
}

/// Returns the path, method and description of every operation in the document.
fn operations(document: &Value) -> Vec<(&str, Method, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            operations.push((path.as_str(), method.to_uppercase().parse().expect("a method"), operation));
        }
    }
    operations
}

#[test]
fn the_committed_document_is_current() {
    let printed = Command::new(PROGRAM).arg("openapi").output().expect("the tidings program");
    assert!(printed.status.success(), "{printed:?}");
    let same = String::from_utf8_lossy(&printed.stdout) == committed();
    assert!(same, "openapi.json is out of date: run `cargo run --bin tidings -- openapi > openapi.json`");
}

#[test]
fn every_example_matches_its_schema() {
    let document = document();
    check_examples(&document, &document);
}

/// Checks every example that has a schema beside it, recursively.
fn check_examples(document: &Value, here: &Value) {
    if let Some(schema) = here.get("schema") {
        let many = here["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        for example in here.get("example").into_iter().chain(many) {
            expect_valid(document, schema, example);
        }
    }
    match here {
        Value::Object(members) => members.values().for_each(|value| check_examples(document, value)),
        Value::Array(elements) => elements.iter().for_each(|value| check_examples(document, value)),
        _ => {}
    }
}

#[track_caller]
fn expect_valid(document: &Value, schema: &Value, value: &Value) {
    let schema = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value}: {errors:?}");
}

#[test]
fn the_template_routes_every_operation_to_its_function() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    let template = std::fs::read_to_string(path).expect("infra/template.yaml");
    let after = |text: &str, label: &str| -> String {
        text.split(label).nth(1).and_then(|rest| rest.lines().next()).expect(label).to_owned()
    };
    let routes: BTreeMap<String, String> = template
        .split("Type: AWS::ApiGatewayV2::Route\n")
        .skip(1)
        .map(|route| (after(route, "RouteKey: "), after(route, "integrations/")))
        .collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (function, operations) in [
        ("${IngestIntegration}", ingest::operations()),
        ("${QueryIntegration}", query::operations()),
        ("${ManageIntegration}", manage::operations()),
    ] {
        for operation in operations {
            let route = route_keys(operation).into_iter().find_map(|key| routes.get_key_value(&key));
            let (key, integration) = route.expect("$default");
            assert_eq!(integration, function, "{} is routed by {key}", operation.id);
            used.insert(key);
        }
    }
    for key in MISADDRESSED_ROUTES {
        assert_eq!(routes.get(key).map(String::as_str), Some("${IngestIntegration}"), "{key}");
        used.insert(key);
    }
    assert_eq!(used, routes.keys().map(String::as_str).collect(), "every route has an operation");
}

/// Returns the API Gateway routes that match an operation, most specific first.
fn route_keys(operation: &Operation) -> Vec<String> {
    let (method, path) = (format!("{:?}", operation.method).to_uppercase(), operation.path);
    let folders = path.rmatch_indices('/').map(|(end, _)| format!("ANY {}/{{proxy+}}", &path[..end]));
    [format!("{method} {path}"), format!("ANY {path}")]
        .into_iter()
        .chain(folders)
        .chain(["$default".to_owned()])
        .collect()
}

#[tokio::test]
async fn every_operation_exists_and_requires_its_key() {
    let (stack, document) = (start().await, document());
    for (path, method, operation) in operations(&document) {
        let path = fill_path(path, operation, None);
        let without_key = stack.anonymous();
        let response = without_key.send(without_key.request(method.clone(), &path)).await;
        let Some(permission) = permission(operation) else {
            assert_eq!(response.status, 200, "{path}");
            continue;
        };
        response.expect_problem(401);
        if MULTI_PERMISSION_OPERATIONS.contains(&operation["operationId"].as_str().expect("an id")) {
            continue;
        }
        let other = if permission == "manage" { stack.read() } else { stack.manage() };
        other.send(other.request(method, &path)).await.expect_problem(403);
    }
}

#[tokio::test]
async fn every_operation_rejects_unknown_parameters() {
    let (stack, document) = (start().await, document());
    for (path, method, operation) in operations(&document) {
        let path = fill_path(path, operation, None);
        let path = format!("{}?no-such%20one=1", path.split('?').next().expect("a path"));
        let api = match permission(operation) {
            Some("manage") => stack.manage(),
            Some("ingest") => stack.ingest("signal"),
            _ => stack.read(),
        };
        let ignores = path.starts_with("/api/") || [None, Some("ingest")].contains(&permission(operation));
        let response = api.send(api.request(method, &path)).await;
        if ignores {
            assert!(!response.text.contains("no-such"), "{path}: {}", response.text);
            continue;
        }
        assert_eq!(response.expect_problem(400)["parameter"], "no-such one", "{path}");
        assert!(operation["responses"]["400"].is_object(), "{path}");
    }
}

#[tokio::test]
async fn parameter_examples_are_valid_together() {
    let (stack, document) = (start().await, document());
    let reads = |operation: &Value| permission(operation) == Some("read");
    for (path, method, operation) in operations(&document).into_iter().filter(|(.., operation)| reads(operation)) {
        let path = fill_path_without(&[], path, operation, None);
        let response = stack.read().send(stack.read().request(method, &path)).await;
        assert!([200, 404].contains(&response.status), "{path}: {}", response.text);
    }
}

#[tokio::test]
async fn documented_examples_get_the_documented_responses() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<&str> =
        operations.iter().filter_map(|(_, _, documented)| documented["operationId"].as_str()).collect();
    assert_eq!(ids, BTreeSet::from(TOUR), "TOUR must contain every operation");

    let (stack, receiver) = (start().await, Receiver::start().await);
    let mut ingest = stack.anonymous();
    let (mut quarantined, mut replay, mut event): (_, Option<String>, Option<u64>) = (None, None, None);
    for id in TOUR {
        if id == "retryDelivery" {
            // A delivery can be retried only after its first attempt.
            receiver.wait_for(1).await;
            stack.wait_until_idle().await;
        }
        let (path, method, operation) =
            operations.iter().find(|(_, _, documented)| documented["operationId"] == id).expect(id);
        if id == "replayQuarantined" {
            quarantined = Some(quarantine_valid_event(&ingest).await);
        }
        let mut path = fill_path(path, operation, quarantined.as_deref());
        if let Some(replay) = replay.as_ref().filter(|_| path.starts_with("/v1/replays/")) {
            path = path.replace(EXAMPLE_REPLAY, replay);
        }
        if let Some(event) = event {
            path = path.replace(EXAMPLE_EVENT, &event.to_string());
        }
        let api = match permission(operation) {
            None => stack.anonymous(),
            Some("ingest") => ingest.clone(),
            Some("read") => stack.read(),
            Some(_) => stack.manage(),
        };
        for mut body in example_bodies(operation) {
            if id == "createTarget" && body.is_object() {
                body["address"] = json!(receiver.url());
            }
            let response = call(&api, method, &path, &body).await;
            let content = expect_documented(&document, operation, &response);
            if let Some(token) = content["token"].as_str().filter(|_| body["scope"] == "ingest") {
                ingest = stack.anonymous().with_token(token);
            }
            if let Some(id) = content["results"][1]["quarantine"].as_str() {
                quarantined = Some(id.to_owned());
            }
            event = event.or_else(|| content["id"].as_u64());
            replay = content["replay"].as_str().map(str::to_owned).or(replay);
            if id == "searchEvents" {
                assert_eq!(
                    content["events"].as_array().map(Vec::len),
                    Some(1),
                    "the example filters find the example event"
                );
            }
        }
    }

    let webhook = &receiver.wait_for(1).await[0];
    let documented = &document["webhooks"]["event"]["post"];
    for header in documented["parameters"].as_array().expect("headers") {
        let name = header["name"].as_str().expect("a name");
        let value = webhook.headers[name].to_str().expect("text");
        let value = if header["schema"]["type"] == "integer" { value.parse().expect("a number") } else { json!(value) };
        expect_valid(&document, &header["schema"], &value);
    }
    let body: Value = serde_json::from_slice(&webhook.body).expect("JSON");
    assert_eq!(body, documented["requestBody"]["content"]["application/json"]["examples"]["event"]["value"]);
}

/// Sends a valid event in a request that is rejected for another reason, and returns its quarantine id.
async fn quarantine_valid_event(ingest: &Api) -> String {
    let event = unleash_event(77, "2026-05-01T10:00:00Z".parse().expect("a time"), "flag", "web", "ada");
    let request = ingest.request(Method::POST, "/v1/events").header("accept", "text/html").body(event.to_string());
    ingest.send(request).await.expect_problem(406)["quarantine"].as_str().expect("an id").to_owned()
}

/// Returns the request bodies of an operation's examples, or null for an operation without a body.
fn example_bodies(operation: &Value) -> Vec<Value> {
    let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
    examples.map_or(vec![Value::Null], |examples| examples.values().map(|example| example["value"].clone()).collect())
}

async fn call(api: &Api, method: &Method, path: &str, body: &Value) -> Response {
    let request = api.request(method.clone(), path);
    if body.is_null() {
        return api.send(request).await;
    }
    api.send(request.header("content-type", "application/json").body(body.to_string())).await
}

/// Checks that a response is a success as documented, and returns its body.
#[track_caller]
fn expect_documented(document: &Value, operation: &Value, response: &Response) -> Value {
    let (id, status) = (&operation["operationId"], response.status);
    assert!((200..300).contains(&status), "{id}: {response:?}");
    let documented = &operation["responses"][status.to_string()];
    assert!(documented.is_object(), "{id} has undocumented status {status}");
    let Some((media_type, content)) = documented["content"].as_object().and_then(|content| content.iter().next())
    else {
        assert_eq!(response.text, "", "{id}");
        return Value::Null;
    };
    let sent = response.headers["content-type"].to_str().expect("text");
    assert!(sent.starts_with(media_type), "{id}: {sent}");
    let body = if media_type == "application/json" { response.json() } else { json!(response.text) };
    expect_valid(document, &content["schema"], &body);
    body
}

/// Returns the permission that an operation requires.
fn permission(operation: &Value) -> Option<&str> {
    operation["security"][0]["bearer"][0].as_str()
}

/// Fills a path with the examples of its parameters, and with the actual quarantine id.
fn fill_path(path: &str, operation: &Value, quarantined: Option<&str>) -> String {
    fill_path_without(&OMITTED_PARAMETERS, path, operation, quarantined)
}

fn fill_path_without(omitted: &[&str], path: &str, operation: &Value, quarantined: Option<&str>) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let example = match &parameter["example"] {
            Value::String(text) => text.clone(),
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        if parameter["in"] == "query" && !omitted.contains(&name) && !parameter["example"].is_null() {
            query.push(format!("{name}={example}"));
        }
        let value = quarantined.filter(|_| example.contains('~')).unwrap_or(&example);
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}
