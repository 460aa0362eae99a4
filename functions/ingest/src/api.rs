//! The function's operation.

use events::Violation;
use jiff::Timestamp;
use model::KeyScope;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use web::{Content, ErrorResponse, Method, Operation, Problem, ProblemType, Routes, SuccessResponse, schema_of};

use crate::State;
use crate::body::{self, Unread};
use crate::encoding;
use crate::keep::Outcome;
use crate::media;
use crate::post::{self, Kept, Results};

/// Every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes.with(&POST, post::post_events)
}

static POST: Operation = Operation {
    method: Method::Post,
    path: "/v1/events",
    id: "postEvents",
    summary: "Post one event, or several",
    description: "The key says which source is posting, and the source which catalog reads its events.\n\n\
        One event or an array of them as `application/json` (or `text/plain`, or without a content type), an event in \
        each line as `application/x-ndjson`, or CloudEvents 1.0 in the structured, batched or binary mode, whose data \
        is the event. `Content-Encoding` may be `gzip` or `zstd`. At most 1,000 events and 4.5 MB in one request, 20 MB \
        once inflated. An event may take 384 KiB once it is compressed.\n\n\
        An event that is sent again is stored once: it is known by its type and its producer's id; where it has none, \
        by the request's `Idempotency-Key` or `webhook-id`, or the id of its CloudEvents envelope; else by its time and \
        its bytes. So a request without an answer may be sent again. An event of a type that its catalog does not know \
        is stored where it fits the catalog's base schema. What cannot be stored as an event is kept in the quarantine, \
        whatever the answer. Parameters in the query are ignored.",
    scope: Some(KeyScope::Ingest),
    // Producers send once: an event is not lost for what stands in an address.
    allow_unknown_query: true,
    body: &[
        Content::json(
            sent,
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
        // Not NDJSON, which generators of clients and of tests cannot write: the description tells of it.
        Content {
            media_type: "application/cloudevents+json",
            schema: schema_of::<Envelope>,
            examples: &[("envelope", ENVELOPE)],
        },
        Content { media_type: "application/cloudevents-batch+json", schema: envelopes, examples: &[] },
    ],
    responses: &[
        SuccessResponse::json(
            201,
            "The event is in the log.",
            schema_of::<Kept>,
            &[("stored", r#"{"id": 3403542528000501}"#)],
        ),
        SuccessResponse::json(
            200,
            "The event was in the log already; or, to an array: every event is in the log.",
            kept_or_results,
            &[
                ("duplicate", r#"{"id": 3403542528000501}"#),
                ("array", r#"{"results": [{"status": "stored", "id": 3403542528000501}]}"#),
            ],
        ),
        SuccessResponse::json(
            207,
            "To an array: not every event is in the log. The others are in the quarantine, or too large.",
            schema_of::<Results>,
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
        ErrorResponse {
            description: "The body is not JSON: it is kept in the quarantine all the same.",
            example: not_json,
        },
        ErrorResponse { description: "The key's source was removed.", example: || post::source_gone("unleash-prod") },
        ErrorResponse {
            description: "The answer could not be read: the body is kept in the quarantine.",
            example: not_acceptable,
        },
        ErrorResponse { description: "There is no body.", example: post::no_length },
        ErrorResponse { description: "There are too many events.", example: || post::too_many(1001) },
        ErrorResponse { description: "The body or the event is too large.", example: encoding::too_large },
        ErrorResponse {
            description: "The body is of another kind, or compressed otherwise: it is kept in the quarantine all the same.",
            example: wrong_media_type,
        },
        ErrorResponse {
            description: "The event does not fit its schema: it is kept in the quarantine.",
            example: refused,
        },
        ErrorResponse { description: "To several events: not every one could be kept.", example: not_all_kept },
    ],
    ..Operation::DEFAULT
};

const ENVELOPE: &str = r#"{
    "specversion": "1.0", "id": "7", "source": "/ci", "type": "deployed", "subject": "web",
    "time": "2026-05-01T10:00:00Z", "data": {"version": 12}
}"#;

/// A `CloudEvents` envelope, for the API's document alone: `events::cloudevent` reads it.
#[derive(JsonSchema)]
#[schemars(rename = "CloudEvent")]
#[expect(dead_code)]
struct Envelope {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Unique for its source.
    #[schemars(length(min = 1))]
    id: String,
    /// Where it comes from.
    #[schemars(length(min = 1))]
    source: String,
    /// The event's type, where the data does not say it.
    #[schemars(length(min = 1))]
    r#type: String,
    /// The event's subject, where the data does not say it.
    subject: Option<String>,
    /// When it happened, where the data does not say it.
    time: Option<Timestamp>,
    /// The event.
    data: Option<serde_json::Value>,
    /// The event, in base64.
    data_base64: Option<String>,
}

fn envelopes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "At most 1,000.",
        "type": "array",
        "items": { "description": "A CloudEvents envelope: what is none has its own result in the answer." },
    })
}

/// Where the example that fits no schema is kept.
const QUARANTINED: &str = "2026-05-01T09:30:10.899Z~1b5178352d8e3b12";

/// An event is whatever its producer says: the catalog's schemas decide, and the answer tells.
fn sent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            { "description": "One event.", "type": "object" },
            {
                "description": "An event for each element, at most 1,000.",
                "type": "array",
                "items": { "description": "One event: what is none has its own result in the answer." },
            },
        ],
    })
}

fn kept_or_results(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "oneOf": [generator.subschema_for::<Kept>(), generator.subschema_for::<Results>()] })
}

fn violation(pointer: &str, keyword: &str, message: &str) -> Violation {
    Violation { pointer: pointer.to_owned(), keyword: keyword.to_owned(), message: message.to_owned() }
}

fn not_json() -> Problem {
    kept(body::not_json("EOF while parsing an object at line 1 column 1"))
}

fn not_acceptable() -> Problem {
    kept(post::not_acceptable(web::not_acceptable()))
}

fn wrong_media_type() -> Problem {
    kept(media::wrong("application/xml"))
}

fn kept(Unread { kind, violation }: Unread) -> Problem {
    post::unread_and_kept(kind, QUARANTINED, &[violation], None)
}

fn refused() -> Problem {
    let hint = events::catalog("unleash").and_then(events::Catalog::hint);
    post::refused(QUARANTINED, &[violation("/id", "type", "expected integer, found \"seven\"")], hint)
}

fn not_all_kept() -> Problem {
    let problem = Problem::new(ProblemType::Unavailable, "The database is busy: what was stored is safe to send again");
    post::not_all_kept(&[Outcome::NotKept { problem }])
}
