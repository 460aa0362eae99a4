//! The description of one operation.

use std::collections::BTreeMap;

use anyhow::Context;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};
use web::{
    COMMON_AUTH_ERRORS, Content, ErrorResponse, Operation, Parameter, ParameterLocation, Problem, SuccessResponse,
    UNKNOWN_PARAMETER_ERROR,
};

use super::schemas::Schemas;

/// Describes an operation.
pub(super) fn describe_operation(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let described = try_describe_operation(operation, schemas);
    described.with_context(|| format!("the entry {} of the operation table is invalid", operation.id))
}

fn try_describe_operation(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    set("operationId", json!(operation.id));
    set("summary", json!(operation.summary));
    let scopes = operation.scope.iter().chain(operation.other_scopes).map(serde_json::to_value);
    let scopes: Vec<Value> = scopes.collect::<Result<_, _>>()?;
    let names: Vec<String> = scopes.iter().filter_map(Value::as_str).map(|scope| format!("`{scope}`")).collect();
    let required_scope = (!names.is_empty()).then(|| format!("Requires a key with scope {}.", names.join(" or ")));
    let mut paragraphs = vec![operation.description, required_scope.as_deref().unwrap_or_default()];
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    set("description", json!(paragraphs.join("\n\n")));
    // The resource: /v1/<tag>/…
    let tag = match operation.path.strip_prefix("/v1/") {
        Some(path) => path.split('/').next().unwrap_or_default(),
        None if operation.path.starts_with("/api/") => "unleash",
        None => "server",
    };
    set("tags", json!([tag]));
    let alternatives = scopes.iter().flat_map(|scope| [json!({ "bearer": [scope] }), json!({ "basic": [scope] })]);
    set("security", alternatives.collect());
    if !operation.parameters.is_empty() {
        let parameters: anyhow::Result<Vec<Value>> =
            operation.parameters.iter().map(|parameter| describe_parameter(parameter, schemas)).collect();
        set("parameters", json!(parameters?));
    }
    if !operation.body.is_empty() {
        let mut media_types = Map::new();
        for body in operation.body {
            let mut schema = (body.schema)(&mut schemas.request);
            if operation.body_is_optional {
                schema = json_schema!({ "anyOf": [schema, { "type": "null" }] });
            }
            media_types.insert(body.media_type.to_owned(), describe_content(body, schema)?);
        }
        set("requestBody", json!({ "required": !operation.body_is_optional, "content": media_types }));
    }
    set("responses", json!(describe_responses(operation, schemas)?));
    Ok(Value::Object(object))
}

fn describe_parameter(parameter: &Parameter, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let schema = (parameter.schema)(&mut schemas.request);
    let location = if parameter.location == ParameterLocation::Path { "path" } else { "query" };
    let mut object = json!({
        "name": parameter.name,
        "in": location,
        "description": parameter.description,
        "required": parameter.location != ParameterLocation::Query,
        "schema": schema,
    });
    if !parameter.example.is_empty() {
        object["example"] = parse_example(parameter.example)?;
    }
    if schema.get("type").is_some_and(|schema_type| schema_type == "array") {
        object["style"] = json!("form");
        object["explode"] = json!(false);
    }
    Ok(object)
}

/// Describes every response of an operation, by status.
fn describe_responses(operation: &Operation, schemas: &mut Schemas) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut responses = BTreeMap::new();
    for response in operation.responses {
        responses.insert(response.status.to_string(), describe_response(response, schemas)?);
    }
    let common_errors = common_errors(operation);
    for shared in &common_errors {
        let problem = (shared.example)();
        let reference = json!({ "$ref": format!("#/components/responses/{}", problem.name()) });
        responses.insert(problem.status().as_u16().to_string(), reference);
    }
    for (status, mut errors) in group_by_status(operation.errors) {
        errors.extend(common_errors.iter().filter(|shared| status_of(shared) == status));
        responses.insert(status.to_string(), describe_error(&errors, schemas));
    }
    Ok(responses)
}

/// The error responses that an operation shares with others of its kind.
fn common_errors(operation: &Operation) -> Vec<ErrorResponse> {
    let mut common = if operation.scope.is_some() { COMMON_AUTH_ERRORS.to_vec() } else { Vec::new() };
    // Operations with query parameters document the errors of those themselves.
    let has_no_query = operation.parameters.iter().all(|parameter| parameter.location == ParameterLocation::Path);
    common.extend(
        (!common.is_empty() && has_no_query && !operation.allow_unknown_query).then_some(UNKNOWN_PARAMETER_ERROR),
    );
    common
}

fn describe_response(response: &SuccessResponse, schemas: &mut Schemas) -> anyhow::Result<Value> {
    let mut object = json!({ "description": response.description, "headers": common_headers() });
    for body in response.content.iter().chain(response.alternatives) {
        let schema = (body.schema)(&mut schemas.response);
        object["content"][body.media_type] = describe_content(body, schema)?;
    }
    Ok(object)
}

/// Describes the error responses of every operation that requires a key, for the document's components.
pub(super) fn describe_shared_errors(schemas: &mut Schemas) -> Map<String, Value> {
    let by_name = |shared: &ErrorResponse| ((shared.example)().name().to_owned(), describe_error(&[*shared], schemas));
    COMMON_AUTH_ERRORS.iter().chain([&UNKNOWN_PARAMETER_ERROR]).map(by_name).collect()
}

fn group_by_status(errors: &[ErrorResponse]) -> BTreeMap<u16, Vec<ErrorResponse>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorResponse>> = BTreeMap::new();
    for error in errors {
        by_status.entry(status_of(error)).or_default().push(*error);
    }
    by_status
}

fn status_of(error: &ErrorResponse) -> u16 {
    (error.example)().status().as_u16()
}

/// Describes the error response of one status, with each reason for it.
fn describe_error(reasons: &[ErrorResponse], schemas: &mut Schemas) -> Value {
    let descriptions: Vec<&str> = reasons.iter().map(|reason| reason.description).collect();
    let problems: Vec<Problem> = reasons.iter().map(|reason| (reason.example)()).collect();
    let mut headers = common_headers();
    for (name, value) in problems.iter().filter_map(Problem::header) {
        headers[name.as_str()] = json!({ "schema": { "type": "string" }, "example": value });
    }
    let examples = problems.iter().zip(1..).map(|(problem, number)| match number {
        1 => (problem.name().to_owned(), json!({ "value": problem })),
        _ => (format!("{}-{number}", problem.name()), json!({ "value": problem })),
    });
    json!({
        "description": descriptions.join(" "),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": schemas.response.subschema_for::<Problem>(),
                "examples": examples.collect::<Map<String, Value>>(),
            },
        },
    })
}

fn common_headers() -> Value {
    json!({ "x-request-id": { "$ref": "#/components/headers/RequestId" } })
}

/// Describes a body of one media type.
fn describe_content(content: &Content, schema: Schema) -> anyhow::Result<Value> {
    let mut examples = Map::new();
    for (name, text) in content.examples {
        examples.insert((*name).to_owned(), json!({ "value": parse_example(text)? }));
    }
    Ok(json!({ "schema": schema, "examples": examples }))
}

fn parse_example(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{text} is not JSON"))
}
