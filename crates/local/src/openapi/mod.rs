//! `tidings openapi`: the API's OpenAPI 3.1 document, generated from the operation tables that also define the routes.

mod operation;
mod schemas;
mod webhook;

use std::io::Write;

use serde_json::{Map, Value, json};
use web::Operation;

use schemas::Schemas;

/// Description of the API as a whole.
const DESCRIPTION: &str = "\
Tidings stores every event that its producers send, makes events searchable, and delivers them to targets as signed \
webhooks.

Send the token of an API key as `Authorization: Bearer <token>`, or as the password of Basic credentials. A key has \
one permission, its `scope`: `ingest`, `read` or `manage`. Each operation documents the scope that it requires.

Errors are returned as `application/problem+json` (RFC 9457): branch on `type`, show `detail` to users. Unknown fields \
of a body and unknown query parameters are rejected. Only the Unleash-compatible API, operations without a key and \
`POST /v1/events` ignore unknown query parameters. An unknown path returns 404; an unsupported method returns 405 with \
`Allow`. On AWS, API Gateway returns 429 if the deployment's rate limit is exceeded.";

/// Prints the document.
///
/// # Errors
/// If an example in an operation table is not JSON, or standard output is closed.
pub fn print_document() -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{:#}", describe_api()?)?;
    Ok(())
}

/// Describes the whole API.
fn describe_api() -> anyhow::Result<Value> {
    let operations = [ingest::operations(), query::operations(), manage::operations()].concat();
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[method(operation)] = operation::describe_operation(operation, &mut schemas)?;
    }
    let responses = operation::describe_shared_errors(&mut schemas);
    Ok(json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Tidings",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A serverless event log",
            "description": DESCRIPTION,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "webhooks": { "event": { "post": webhook::describe_webhook() } },
        "components": {
            "schemas": schemas.into_definitions(),
            "responses": responses,
            "headers": {
                "RequestId": {
                    "description": "ID of this request in the logs.",
                    "schema": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
                    "example": "5f0c2a6be1d94c37",
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "tdg_…",
                    "description": "Token of an API key.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Token of an API key as the password, with any user name. For producers that accept \
                        credentials only in a URL.",
                },
            },
        },
    }))
}

/// The operation's method in lower case.
fn method(operation: &Operation) -> &'static str {
    match operation.method {
        web::Method::Get => "get",
        web::Method::Post => "post",
        web::Method::Patch => "patch",
        web::Method::Delete => "delete",
    }
}
