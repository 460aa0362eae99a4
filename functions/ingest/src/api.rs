//! The function's operation.

use events::Violation;
use schemars::{Schema, SchemaGenerator, json_schema};
use store::KeyScope;
use web::{Answer, Content, Kind, Method, Operation, Problem, Refusal, Routes, schema_of};

use crate::State;
use crate::body::{MAX_EVENTS, wrong_media_type};
use crate::keep::{self, Kept, Results};

/// Every operation with its handler.
pub(crate) fn read_into<R: Routes<State>>(routes: R) -> R {
    routes.with(&POST, keep::post_events)
}

static POST: Operation = Operation {
    method: Method::Post,
    path: "/v1/events",
    id: "postEvents",
    summary: "Post one event, or an array of them",
    description: "The key says which source is posting, and the source which catalog reads its events.\n\n\
        At most 1,000 events and 4.5 MB in one request. An event may take 384 KiB once it is compressed. Producers \
        that send `text/plain`, or no content type, mean JSON; no content encoding is taken.\n\n\
        An event that is sent again is stored once: it is known by its type and its producer's id or, where it has \
        none, by its bytes. So a request without an answer may be sent again. An event of a type that its catalog \
        does not know is stored where it fits the catalog's base schema. What fits no schema is kept in the \
        quarantine.",
    scope: Some(KeyScope::Ingest),
    body: Some(Content::json(
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
    )),
    answers: &[
        Answer::json(201, "The event is in the log.", schema_of::<Kept>, &[("stored", r#"{"id": 3403542528000501}"#)]),
        Answer::json(
            200,
            "The event was in the log already; or, to an array: every event is in the log.",
            kept_or_results,
            &[
                ("duplicate", r#"{"id": 3403542528000501}"#),
                ("array", r#"{"results": [{"status": "stored", "id": 3403542528000501}]}"#),
            ],
        ),
        Answer::json(
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
    refusals: &[
        Refusal { when: "The body is not JSON: it is kept in the quarantine all the same.", example: unread },
        Refusal { when: "The key's source was removed.", example: || keep::source_gone("unleash-prod") },
        Refusal { when: "The body, the array or the event is too large.", example: || keep::too_many(1001) },
        Refusal {
            when: "The body says that it is not JSON, or that it is compressed.",
            example: || wrong_media_type("application/xml"),
        },
        Refusal { when: "The event does not fit its schema: it is kept in the quarantine.", example: refused },
        Refusal { when: "To an array: not every event could be kept.", example: not_all_kept },
    ],
    ..Operation::PLAIN
};

/// Where the example that fits no schema is kept.
const QUARANTINED: &str = "2026-05-01T09:30:10.899Z~1b5178352d8e3b12";

/// An event is whatever its producer says: the catalog's schemas decide, and the answer tells.
fn sent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            { "description": "One event.", "type": "object" },
            {
                "description": "An event for each element.",
                "type": "array",
                "items": { "type": "object" },
                "maxItems": MAX_EVENTS,
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

fn unread() -> Problem {
    let message = "expected one JSON event or an array of events, found what is not JSON: \
        EOF while parsing an object at line 1 column 1";
    keep::unread(QUARANTINED, &violation("", "json", message))
}

fn refused() -> Problem {
    keep::refused(QUARANTINED, &[violation("/id", "type", "expected integer, found \"seven\"")])
}

fn not_all_kept() -> Problem {
    let problem = Problem::new(Kind::Unavailable, "The database is busy: what was stored is safe to send again");
    keep::not_all_kept(&[problem.into()])
}
