//! The operation `POST /v1/events`, for the router and the OpenAPI document.

use events::Violation;
use jiff::Timestamp;
use model::KeyScope;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use web::{Content, ErrorResponse, Method, Operation, Problem, ProblemType, Routes, SuccessResponse, schema_of};

use crate::body_error::BodyError;
use crate::content_encoding::body_too_large;
use crate::content_type::unsupported_media_type;
use crate::event_outcome::EventOutcome;
use crate::handler::post_events;
use crate::request_body::invalid_json;
use crate::response::{self, BatchResponse, PostResponse};
use crate::state::State;

/// Registers the operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes.with(&POST_EVENTS, post_events)
}

static POST_EVENTS: Operation = Operation {
    method: Method::Post,
    path: crate::PATH,
    id: "postEvents",
    summary: "Post events",
    description: "The key determines the source, and the source determines the catalog that validates its events.\n\n\
        Send one event or an array of events as `application/json` (also accepted: `text/plain` or no content type), \
        one event per line as `application/x-ndjson`, or CloudEvents 1.0 in the structured, batched or binary mode, \
        with the event as data. `Content-Encoding` may be `gzip` or `zstd`. A request may contain at most 1,000 events \
        and 4.5 MB, or 20 MB after decompression. An event may take at most 384 KiB after compression.\n\n\
        Requests are idempotent: an event that is sent again is stored once. An event is identified by its type, its \
        producer's ID and its time; an event without a time by its type and ID. An ID that is sent again with the same \
        type and time, and another payload, is a conflict: the event is quarantined. An event without an ID is identified by the request's `Idempotency-Key` or `webhook-id`, \
        or the ID of its CloudEvents envelope; otherwise by its time and its bytes. If you receive no response, send \
        the request again. An event whose type is not in the catalog is stored if it matches the catalog's base \
        schema. Whatever the response, rejected events are stored in the quarantine. Query parameters and surplus \
        slashes in the path are ignored. A body that is sent with `PUT` or `PATCH` is quarantined.",
    scope: Some(KeyScope::Ingest),
    // Producers send an event once. It must not be lost because of the URL's query.
    allow_unknown_query: true,
    body: &[
        Content::json(
            request_schema,
            &[
                (
                    "event",
                    r#"{
                    "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
                    "createdAt": "2026-05-01T09:30:00.000Z", "featureName": "dark-mode", "project": "web",
                    "data": {"type": "simple", "value": "beta"}
                }"#,
                ),
                (
                    "array",
                    r#"[
                    {
                        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
                        "createdAt": "2026-05-01T09:30:00.000Z", "featureName": "dark-mode", "project": "web",
                        "data": {"type": "simple", "value": "beta"}
                    },
                    {"id": "seven", "type": "feature-created", "createdBy": "ada"}
                ]"#,
                ),
            ],
        ),
        // NDJSON is only in the description: generators of clients and tests cannot produce it.
        Content {
            media_type: "application/cloudevents+json",
            schema: schema_of::<Envelope>,
            examples: &[("envelope", ENVELOPE_EXAMPLE)],
        },
        Content { media_type: "application/cloudevents-batch+json", schema: envelopes_schema, examples: &[] },
    ],
    responses: &[
        SuccessResponse::json(
            201,
            "The event was stored.",
            schema_of::<PostResponse>,
            &[("stored", r#"{"id": 3403542528000501}"#)],
        ),
        SuccessResponse::json(
            200,
            "The event is already stored. For a batch: every event is stored.",
            post_or_batch_schema,
            &[
                ("duplicate", r#"{"id": 3403542528000501}"#),
                ("array", r#"{"results": [{"status": "stored", "id": 3403542528000501}]}"#),
            ],
        ),
        SuccessResponse::json(
            207,
            "For a batch: some events were not stored. They are in the quarantine, or too large.",
            schema_of::<BatchResponse>,
            &[(
                "mixed",
                r#"{"results": [
                    {"status": "duplicate", "id": 3403542528000501},
                    {
                        "status": "quarantined",
                        "quarantine": "2026-05-01T09:30:10.899Z~1b5178352d8e3b12",
                        "violations": [
                            {"pointer": "", "keyword": "required", "message": "createdAt is required"},
                            {"pointer": "", "keyword": "required", "message": "data is required"},
                            {"pointer": "/id", "keyword": "type", "message": "expected integer, found \"seven\""}
                        ]
                    }
                ]}"#,
            )],
        ),
    ],
    errors: &[
        ErrorResponse { description: "The body is not JSON. It was quarantined.", example: invalid_json_example },
        ErrorResponse {
            description: "The key's source was removed.",
            example: || response::source_removed("unleash-prod"),
        },
        ErrorResponse {
            description: "The client does not accept JSON responses. The body was quarantined.",
            example: not_acceptable_example,
        },
        ErrorResponse { description: "The request has no body.", example: response::length_required },
        ErrorResponse { description: "The batch has too many events.", example: response::too_many_events },
        ErrorResponse { description: "The body or the event is too large.", example: body_too_large },
        ErrorResponse {
            description: "The media type or the content encoding is not supported. The body was quarantined.",
            example: unsupported_media_type_example,
        },
        ErrorResponse {
            description: "The event does not match its schema. It was quarantined.",
            example: event_rejected_example,
        },
        ErrorResponse { description: "For a batch: some events could not be stored.", example: not_all_stored_example },
    ],
    ..Operation::DEFAULT
};

const ENVELOPE_EXAMPLE: &str = r#"{
    "specversion": "1.0", "id": "7", "source": "/ci", "type": "deployed", "subject": "web",
    "time": "2026-05-01T10:00:00Z", "data": {"version": 12}
}"#;

/// ID of the quarantined event in the examples.
const QUARANTINE_ID_EXAMPLE: &str = "2026-05-01T09:30:10.899Z~1b5178352d8e3b12";

/// A `CloudEvents` envelope, only for the OpenAPI document: `events::cloudevent` parses envelopes.
#[derive(JsonSchema)]
#[schemars(rename = "CloudEvent")]
#[expect(dead_code)]
struct Envelope {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// ID of the event, unique for its source.
    #[schemars(length(min = 1))]
    id: String,
    /// Origin of the event.
    #[schemars(length(min = 1))]
    source: String,
    /// Type of the event, if the data does not contain it.
    #[schemars(length(min = 1))]
    r#type: String,
    /// Subject of the event, if the data does not contain it.
    subject: Option<String>,
    /// Time of the event, if the data does not contain it.
    time: Option<Timestamp>,
    /// The event.
    data: Option<serde_json::Value>,
    /// The event in base64.
    data_base64: Option<String>,
}

fn envelopes_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "At most 1,000 envelopes.",
        "type": "array",
        "items": { "description": "A CloudEvents envelope. An invalid element has its own result in the response." },
    })
}

/// The schema of a request. It allows every event, since only the catalog's schemas decide whether an event is valid.
fn request_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            { "description": "A single event.", "type": "object" },
            {
                "description": "At most 1,000 events.",
                "type": "array",
                "items": { "description": "One event. An invalid element has its own result in the response." },
            },
        ],
    })
}

fn post_or_batch_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [generator.subschema_for::<PostResponse>(), generator.subschema_for::<BatchResponse>()],
    })
}

fn invalid_json_example() -> Problem {
    body_quarantined_example(invalid_json("EOF while parsing an object at line 1 column 1"))
}

fn not_acceptable_example() -> Problem {
    body_quarantined_example(response::not_acceptable(&web::not_acceptable()))
}

fn unsupported_media_type_example() -> Problem {
    body_quarantined_example(unsupported_media_type("application/xml"))
}

fn body_quarantined_example(BodyError { problem_type, violation }: BodyError) -> Problem {
    response::body_quarantined(problem_type, QUARANTINE_ID_EXAMPLE, &[violation], None)
}

fn event_rejected_example() -> Problem {
    let hint = events::catalog("unleash").and_then(events::Catalog::hint);
    let violation = Violation::new("/id", "type", "expected integer, found \"seven\"");
    response::event_rejected(QUARANTINE_ID_EXAMPLE, &[violation], hint)
}

fn not_all_stored_example() -> Problem {
    let problem = Problem::new(ProblemType::Unavailable, "The database is busy: what was stored is safe to send again");
    response::not_all_stored(&[EventOutcome::NotKept { problem }])
}
