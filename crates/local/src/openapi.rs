//! `tidings openapi`: the API's document (OpenAPI 3.1), made from the tables that the routers are
//! made from.

mod operation;
mod webhook;

use std::io::Write;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use web::Operation;

/// What is true of every operation.
const DESCRIPTION: &str = "\
Tidings keeps every event that its producers send, finds it again, and delivers it as a signed webhook to whoever \
asked for it.

A key's token goes into `Authorization: Bearer <token>`, or is the password of Basic credentials. A key has one scope: \
`ingest`, `read` or `manage`; each operation says which one it needs.

What goes wrong is answered as `application/problem+json` (RFC 9457): branch on `type`, show `detail`. Fields of a \
body and parameters of a query that are not known here are refused, never ignored; only Unleash's own API, what needs \
no key, and `POST /v1/events` ignore such parameters. A path that there is not is \
answered 404, a method that a path does not take 405 with `Allow`. On AWS, API Gateway answers 429 where a \
deployment's limit is passed.";

/// Prints the document.
///
/// # Errors
/// Where an example of a table is not JSON, or nobody reads what is printed.
pub fn print() -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{:#}", document()?)?;
    Ok(())
}

fn document() -> anyhow::Result<Value> {
    let operations = [ingest::operations(), query::operations(), manage::operations()].concat();
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[method(operation)] = operation::describe(operation, &mut schemas)?;
    }
    let responses = operation::shared_responses(&mut schemas);
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
        "webhooks": { "event": { "post": webhook::describe() } },
        "components": {
            "schemas": schemas.into_definitions(),
            "responses": responses,
            "headers": {
                "RequestId": {
                    "description": "Names this request in the logs.",
                    "schema": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
                    "example": "5f0c2a6be1d94c37",
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "tdg_…",
                    "description": "A key's token.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A key's token as the password, with any user name: for producers that can be \
                        given credentials in a URL alone.",
                },
            },
        },
    }))
}

/// An operation's method, as the document names it.
fn method(operation: &Operation) -> &'static str {
    match operation.method {
        web::Method::Get => "get",
        web::Method::Post => "post",
        web::Method::Patch => "patch",
        web::Method::Delete => "delete",
    }
}

/// The schemas of the types that are named on the way. A type that is read says other things of its
/// fields than one that is written: which may be missing, above all.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        let written = settings().for_serialize().with_transform(RecursiveTransform(left_out_not_null));
        Self { read: settings().for_deserialize().into_generator(), written: written.into_generator() }
    }
}

/// Takes null from what is written only where there is a value: what may be missing is an `Option`,
/// whose schema allows both.
fn left_out_not_null(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(&json!(name))) {
        if let Some([only, null]) = property["type"].as_array().map(Vec::as_slice)
            && null == "null"
        {
            property["type"] = only.clone();
        }
    }
}

impl Schemas {
    /// Every type that was named, by name. The few that are both read and written are the same twice.
    fn into_definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.read.take_definitions(true);
        definitions.extend(self.written.take_definitions(true));
        definitions.sort_keys();
        definitions
    }
}
