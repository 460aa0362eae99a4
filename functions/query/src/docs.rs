//! The OpenAPI document (`GET /openapi.json`) and its HTML page (`GET /docs`).

mod page;

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use schemars::json_schema;
use web::{Caching, Content, Method, Operation, StaticText, SuccessResponse, schema_of};

use crate::operation_parts::NOT_MODIFIED;

pub(crate) static READ_OPENAPI: Operation = Operation {
    method: Method::Get,
    path: "/openapi.json",
    id: "readOpenApi",
    summary: "Get this document",
    description: "The API document in OpenAPI 3.1.",
    responses: &[
        SuccessResponse::with(
            200,
            "The document.",
            Content {
                media_type: "application/json",
                schema: |_| json_schema!({ "type": "object" }),
                examples: &[("beginning", r#"{"openapi": "3.1.1"}"#)],
            },
        ),
        NOT_MODIFIED,
    ],
    ..Operation::DEFAULT
};

pub(crate) static READ_DOCS: Operation = Operation {
    method: Method::Get,
    path: "/docs",
    id: "readDocs",
    summary: "Get this document as a web page",
    description: "The page loads nothing from other origins.",
    responses: &[
        SuccessResponse::with(
            200,
            "The page.",
            Content { media_type: "text/html", schema: schema_of::<String>, examples: &[] },
        ),
        NOT_MODIFIED,
    ],
    ..Operation::DEFAULT
};

/// The committed OpenAPI document. A test compares it with the operations.
pub(crate) const DOCUMENT: &str = include_str!("../../../openapi.json");

/// Content-Security-Policy of the page, which loads nothing and runs no script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// `GET /openapi.json`.
pub(crate) async fn read_openapi(headers: HeaderMap) -> Response {
    static TEXT: LazyLock<StaticText> = LazyLock::new(|| StaticText::new("application/json", DOCUMENT.to_owned()));
    TEXT.respond(&headers, Caching::Public)
}

/// `GET /docs`.
pub(crate) async fn read_docs(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<StaticText> = LazyLock::new(|| {
        let page = page::render(&serde_json::from_str(DOCUMENT).unwrap_or_default());
        StaticText::new("text/html; charset=utf-8", page)
    });
    let mut response = PAGE.respond(&headers, Caching::Public);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    response
}
