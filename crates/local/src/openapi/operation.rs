//! One operation of the document.

use std::collections::BTreeMap;

use anyhow::Context;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};
use web::{
    COMMON_AUTH_ERRORS, Content, ErrorResponse, Operation, Parameter, ParameterLocation, Problem, SuccessResponse,
    UNKNOWN_PARAMETER_ERROR,
};

use super::Schemas;

/// The operation, as the document says it.
pub(super) fn describe(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let described = try_describe(operation, schemas);
    described.with_context(|| format!("the table's entry {} is not right", operation.id))
}

fn try_describe(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    set("operationId", json!(operation.id));
    set("summary", json!(operation.summary));
    let scope = operation.scope.map(serde_json::to_value).transpose()?;
    let needs = scope.as_ref().and_then(Value::as_str).map(|scope| format!("Needs a key of scope `{scope}`."));
    let mut paragraphs = vec![operation.description, needs.as_deref().unwrap_or_default()];
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    set("description", json!(paragraphs.join("\n\n")));
    // What the path is about: /v1/<tag>/…
    let tag = match operation.path.strip_prefix("/v1/") {
        Some(path) => path.split('/').next().unwrap_or_default(),
        None if operation.path.starts_with("/api/") => "unleash",
        None => "server",
    };
    set("tags", json!([tag]));
    let security = scope.map(|scope| json!([{ "bearer": [scope] }, { "basic": [scope] }]));
    set("security", security.unwrap_or_else(|| json!([])));
    if !operation.parameters.is_empty() {
        let parameters: anyhow::Result<Vec<Value>> =
            operation.parameters.iter().map(|parameter| describe_parameter(parameter, schemas)).collect();
        set("parameters", json!(parameters?));
    }
    if !operation.body.is_empty() {
        let mut media_types = Map::new();
        for body in operation.body {
            let mut schema = (body.schema)(&mut schemas.read);
            if operation.body_is_optional {
                schema = json_schema!({ "anyOf": [schema, { "type": "null" }] });
            }
            media_types.insert(body.media_type.to_owned(), content(body, schema)?);
        }
        set("requestBody", json!({ "required": !operation.body_is_optional, "content": media_types }));
    }
    set("responses", json!(responses(operation, schemas)?));
    Ok(Value::Object(object))
}

fn describe_parameter(parameter: &Parameter, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let schema = (parameter.schema)(&mut schemas.read);
    let place = if parameter.location == ParameterLocation::Path { "path" } else { "query" };
    let mut object = json!({
        "name": parameter.name,
        "in": place,
        "description": parameter.description,
        "required": parameter.location != ParameterLocation::Query,
        "schema": schema,
    });
    if !parameter.example.is_empty() {
        object["example"] = example(parameter.example)?;
    }
    if schema.get("type").is_some_and(|kind| kind == "array") {
        object["style"] = json!("form");
        object["explode"] = json!(false);
    }
    Ok(object)
}

/// Every answer of an operation, by status.
fn responses(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut responses = BTreeMap::new();
    for answer in operation.responses {
        responses.insert(answer.status.to_string(), describe_answer(answer, schemas)?);
    }
    let every = every(operation);
    for shared in &every {
        let problem = (shared.example)();
        let reference = json!({ "$ref": format!("#/components/responses/{}", problem.name()) });
        responses.insert(problem.status().as_u16().to_string(), reference);
    }
    for (status, mut refusals) in by_status(operation.errors) {
        refusals.extend(every.iter().filter(|shared| status_of(shared) == status));
        responses.insert(status.to_string(), refusal(&refusals, schemas));
    }
    Ok(responses)
}

/// How it says no as all of its kind do.
fn every(operation: &Operation) -> Vec<ErrorResponse> {
    let mut every = if operation.scope.is_some() { COMMON_AUTH_ERRORS.to_vec() } else { Vec::new() };
    // Others say what else may be wrong with their parameters.
    let takes_none = operation.parameters.iter().all(|parameter| parameter.location == ParameterLocation::Path);
    every
        .extend((!every.is_empty() && takes_none && !operation.allow_unknown_query).then_some(UNKNOWN_PARAMETER_ERROR));
    every
}

fn describe_answer(answer: &SuccessResponse, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let mut object = json!({ "description": answer.description, "headers": headers() });
    for body in answer.content.iter().chain(answer.alternatives) {
        let schema = (body.schema)(&mut schemas.written);
        object["content"][body.media_type] = content(body, schema)?;
    }
    Ok(object)
}

/// What every operation that needs a key may answer, for the document's components.
pub(super) fn shared_responses(schemas: &mut Schemas) -> Map<String, Value> {
    let named = |shared: &ErrorResponse| ((shared.example)().name().to_owned(), refusal(&[*shared], schemas));
    COMMON_AUTH_ERRORS.iter().chain([&UNKNOWN_PARAMETER_ERROR]).map(named).collect()
}

fn by_status(refusals: &[ErrorResponse]) -> BTreeMap<u16, Vec<ErrorResponse>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorResponse>> = BTreeMap::new();
    for refusal in refusals {
        by_status.entry(status_of(refusal)).or_default().push(*refusal);
    }
    by_status
}

fn status_of(refusal: &ErrorResponse) -> u16 {
    (refusal.example)().status().as_u16()
}

/// The answer of one status, with every reason for it.
fn refusal(reasons: &[ErrorResponse], schemas: &mut Schemas) -> Value {
    let when: Vec<&str> = reasons.iter().map(|reason| reason.description).collect();
    let problems: Vec<Problem> = reasons.iter().map(|reason| (reason.example)()).collect();
    let mut headers = headers();
    for (name, value) in problems.iter().filter_map(Problem::header) {
        headers[name.as_str()] = json!({ "schema": { "type": "string" }, "example": value });
    }
    let named = problems.iter().zip(1..).map(|(problem, number)| match number {
        1 => (problem.name().to_owned(), json!({ "value": problem })),
        _ => (format!("{}-{number}", problem.name()), json!({ "value": problem })),
    });
    json!({
        "description": when.join(" "),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": schemas.written.subschema_for::<Problem>(),
                "examples": named.collect::<Map<String, Value>>(),
            },
        },
    })
}

fn headers() -> Value {
    json!({ "x-request-id": { "$ref": "#/components/headers/RequestId" } })
}

/// A body, as its media type's entry.
fn content(content: &Content, schema: Schema) -> anyhow::Result<Value> {
    let mut examples = Map::new();
    for (name, text) in content.examples {
        examples.insert((*name).to_owned(), json!({ "value": example(text)? }));
    }
    Ok(json!({ "schema": schema, "examples": examples }))
}

fn example(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{text} is not JSON"))
}
