//! The API's document: it is the committed one, and what it says is so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use e2e::{Api, Receiver, Response, unleash_event};
use reqwest::Method;
use serde_json::{Value, json};
use web::Operation;

use crate::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidings");

/// Every operation, in an order in which each finds what its examples name.
const TOUR: [&str; 51] = [
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

/// Operations that a key of another scope will do for as well.
const EITHER: [&str; 3] = ["readTargetHealth", "listDeliveries", "readOwnKey"];

/// The name of a replay in the examples; in the tour it is that of one that there is.
const REPLAY: &str = "20260501T092000879Z-4f2a";

/// Parameters that are left out of the tour: cursors belong to answers, and no event fits all of the filters.
const LEFT_OUT: [&str; 4] = ["before", "entity", "environment", "level"];

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
    std::fs::read_to_string(path).expect("openapi.json")
}

fn document() -> Value {
    serde_json::from_str(&committed()).expect("JSON")
}

/// Every operation of the document: its path, its method, and what is said of it.
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

/// Checks the examples that stand beside a schema, here and everywhere below.
fn check_examples(document: &Value, here: &Value) {
    if let Some(schema) = here.get("schema") {
        let many = here["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        for example in here.get("example").into_iter().chain(many) {
            fits(document, schema, example);
        }
    }
    match here {
        Value::Object(members) => members.values().for_each(|value| check_examples(document, value)),
        Value::Array(elements) => elements.iter().for_each(|value| check_examples(document, value)),
        _ => {}
    }
}

#[track_caller]
fn fits(document: &Value, schema: &Value, value: &Value) {
    let schema = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value}: {errors:?}");
}

#[test]
fn the_template_routes_every_operation_to_its_function() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    let template = std::fs::read_to_string(path).expect("the template");
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
            assert_eq!(integration, function, "{} comes by {key}", operation.id);
            used.insert(key);
        }
    }
    assert_eq!(used, routes.keys().map(String::as_str).collect(), "every route has an operation");
}

/// The routes that API Gateway would take for an operation, the most specific first.
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
        let path = filled(path, operation, None);
        let without_key = stack.anonymous();
        let response = without_key.send(without_key.request(method.clone(), &path)).await;
        let Some(scope) = scope(operation) else {
            assert_eq!(response.status, 200, "{path}");
            continue;
        };
        response.expect_problem(401);
        if EITHER.contains(&operation["operationId"].as_str().expect("an id")) {
            continue;
        }
        let other = if scope == "manage" { stack.read() } else { stack.manage() };
        other.send(other.request(method, &path)).await.expect_problem(403);
    }
}

#[tokio::test]
async fn every_operation_rejects_unknown_parameters() {
    let (stack, document) = (start().await, document());
    for (path, method, operation) in operations(&document) {
        let path = filled(path, operation, None);
        let path = format!("{}?no-such%20one=1", path.split('?').next().expect("a path"));
        let api = match scope(operation) {
            Some("manage") => stack.manage(),
            Some("ingest") => stack.ingest("signal"),
            _ => stack.read(),
        };
        let ignores = path.starts_with("/api/") || [None, Some("ingest")].contains(&scope(operation));
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
    let reads = |operation: &Value| scope(operation) == Some("read");
    for (path, method, operation) in operations(&document).into_iter().filter(|(.., operation)| reads(operation)) {
        let path = filled_without(&[], path, operation, None);
        let response = stack.read().send(stack.read().request(method, &path)).await;
        assert!([200, 404].contains(&response.status), "{path}: {}", response.text);
    }
}

#[tokio::test]
async fn documented_examples_get_the_documented_responses() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<&str> = operations.iter().filter_map(|(_, _, said)| said["operationId"].as_str()).collect();
    assert_eq!(ids, BTreeSet::from(TOUR), "every operation has its place in TOUR");

    let (stack, receiver) = (start().await, Receiver::start().await);
    let mut ingest = stack.anonymous();
    let (mut quarantined, mut replay): (_, Option<String>) = (None, None);
    for id in TOUR {
        if id == "retryDelivery" {
            // Until then its first attempt is due.
            receiver.wait_for(1).await;
            stack.wait_until_idle().await;
        }
        let (path, method, operation) = operations.iter().find(|(_, _, said)| said["operationId"] == id).expect(id);
        if id == "replayQuarantined" {
            quarantined = Some(quarantine_what_fits(&ingest).await);
        }
        let mut path = filled(path, operation, quarantined.as_deref());
        if let Some(replay) = replay.as_ref().filter(|_| path.starts_with("/v1/replays/")) {
            path = path.replace(REPLAY, replay);
        }
        let api = match scope(operation) {
            None => stack.anonymous(),
            Some("ingest") => ingest.clone(),
            Some("read") => stack.read(),
            Some(_) => stack.manage(),
        };
        for mut body in bodies(operation) {
            if id == "createTarget" && body.is_object() {
                body["address"] = json!(receiver.url());
            }
            let response = call(&api, method, &path, &body).await;
            let content = as_documented(&document, operation, &response);
            if let Some(token) = content["token"].as_str().filter(|_| body["scope"] == "ingest") {
                ingest = stack.anonymous().with_token(token);
            }
            if let Some(id) = content["results"][1]["quarantine"].as_str() {
                quarantined = Some(id.to_owned());
            }
            replay = content["replay"].as_str().map(str::to_owned).or(replay);
            if id == "searchEvents" {
                assert_eq!(content["events"].as_array().map(Vec::len), Some(1), "the example's filters find its event");
            }
        }
    }

    let webhook = &receiver.wait_for(1).await[0];
    let said = &document["webhooks"]["event"]["post"];
    for header in said["parameters"].as_array().expect("headers") {
        let name = header["name"].as_str().expect("a name");
        let value = webhook.headers[name].to_str().expect("text");
        let value = if header["schema"]["type"] == "integer" { value.parse().expect("a number") } else { json!(value) };
        fits(&document, &header["schema"], &value);
    }
    let body: Value = serde_json::from_slice(&webhook.body).expect("JSON");
    assert_eq!(body, said["requestBody"]["content"]["application/json"]["examples"]["event"]["value"]);
}

/// Sends an event that fits its schema, and that is in the quarantine for another reason; its id there.
async fn quarantine_what_fits(ingest: &Api) -> String {
    let event = unleash_event(77, "2026-05-01T10:00:00Z".parse().expect("a time"), "flag", "web", "ada");
    let request = ingest.request(Method::POST, "/v1/events").header("accept", "text/html").body(event.to_string());
    ingest.send(request).await.expect_problem(406)["quarantine"].as_str().expect("an id").to_owned()
}

/// The bodies that an operation's examples send; null where it takes none.
fn bodies(operation: &Value) -> Vec<Value> {
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

/// The body of an answer that is a success of the kind that the document names.
#[track_caller]
fn as_documented(document: &Value, operation: &Value, response: &Response) -> Value {
    let (id, status) = (&operation["operationId"], response.status);
    assert!((200..300).contains(&status), "{id}: {response:?}");
    let said = &operation["responses"][status.to_string()];
    assert!(said.is_object(), "{id} answers {status}");
    let Some((media_type, content)) = said["content"].as_object().and_then(|content| content.iter().next()) else {
        assert_eq!(response.text, "", "{id}");
        return Value::Null;
    };
    let sent = response.headers["content-type"].to_str().expect("text");
    assert!(sent.starts_with(media_type), "{id}: {sent}");
    let body = if media_type == "application/json" { response.json() } else { json!(response.text) };
    fits(document, &content["schema"], &body);
    body
}

/// The scope of the key that an operation needs.
fn scope(operation: &Value) -> Option<&str> {
    operation["security"][0]["bearer"][0].as_str()
}

/// The path with the examples of its parameters; what is in the quarantine has the id that it got.
fn filled(path: &str, operation: &Value, quarantined: Option<&str>) -> String {
    filled_without(&LEFT_OUT, path, operation, quarantined)
}

fn filled_without(left_out: &[&str], path: &str, operation: &Value, quarantined: Option<&str>) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let example = match &parameter["example"] {
            Value::String(text) => text.clone(),
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        if parameter["in"] == "query" && !left_out.contains(&name) && !parameter["example"].is_null() {
            query.push(format!("{name}={example}"));
        }
        let value = quarantined.filter(|_| example.contains('~')).unwrap_or(&example);
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}
