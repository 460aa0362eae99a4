//! The function's operations.

mod webhooks;

use events::Violation;
use model::{Key, KeyScope, Record, Source};
use schemars::{Schema, SchemaGenerator, json_schema};
use web::{
    BODY_ERRORS, Content, ErrorResponse, Method, Operation, Parameter, ParameterLocation, Problem, Routes,
    SuccessResponse, schema_of,
};

use crate::State;
use crate::examples;
use crate::keys::{self, CreatedKey, KeyChange, KeyList, KeyView, NewKey};
use crate::name::{Violations, unknown};
use crate::quarantine::{self, MAX_LIMIT, QuarantineList, QuarantineView};
use crate::replay::{self, DiscardReport, ReplayReport, Replayed};
use crate::sources::{self, NewSource, SourceChange, SourceList};

/// Every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    webhooks::register_routes(routes)
        .with(&CREATE_SOURCE, sources::create)
        .with(&LIST_SOURCES, sources::list)
        .with(&READ_SOURCE, sources::read)
        .with(&CHANGE_SOURCE, sources::change)
        .with(&REMOVE_SOURCE, sources::remove)
        .with(&CREATE_KEY, keys::create)
        .with(&LIST_KEYS, keys::list)
        .with(&READ_KEY, keys::read)
        .with(&CHANGE_KEY, keys::change)
        .with(&REMOVE_KEY, keys::remove)
        .with(&LIST_QUARANTINE, quarantine::list)
        .with(&REPLAY_QUARANTINE, replay::replay_all)
        .with(&DISCARD_QUARANTINE, replay::discard_all)
        .with(&READ_QUARANTINED, quarantine::read)
        .with(&REPLAY_QUARANTINED, replay::replay_one)
        .with(&DISCARD_QUARANTINED, quarantine::discard)
}

static CREATE_SOURCE: Operation = Operation {
    method: Method::Post,
    path: "/v1/sources",
    id: "createSource",
    summary: "Create a source",
    description: "A producer, and the catalog that reads its events. It posts with an ingest key of its own.",
    body: &[Content::json(schema_of::<NewSource>, &[("source", examples::NEW_SOURCE)])],
    responses: &[SuccessResponse::json(201, "It is created.", schema_of::<Source>, &[("source", examples::SOURCE)])],
    errors: &creating(
        || exists(Source::KIND, "unleash-prod"),
        || wrong("catalog", "enum", "expected one of migration-manager, unleash"),
    ),
    ..MANAGE
};

static LIST_SOURCES: Operation = Operation {
    path: "/v1/sources",
    id: "listSources",
    summary: "List the sources",
    responses: &[SuccessResponse::json(
        200,
        "Every source.",
        schema_of::<SourceList>,
        &[("one source", examples::SOURCES)],
    )],
    ..MANAGE
};

static READ_SOURCE: Operation = Operation {
    path: "/v1/sources/{name}",
    id: "readSource",
    summary: "Read a source",
    parameters: &[NAMED_SOURCE],
    responses: &[SuccessResponse::json(200, "The source.", schema_of::<Source>, &[("source", examples::SOURCE)])],
    errors: &[NO_SOURCE],
    ..MANAGE
};

static CHANGE_SOURCE: Operation = Operation {
    method: Method::Patch,
    path: "/v1/sources/{name}",
    id: "changeSource",
    summary: "Change a source",
    description: "Fields that are left out stay. Another catalog reads what comes in from then on, within 30 s; what is \
        in the log stays as it was read.",
    parameters: &[NAMED_SOURCE],
    body: &[Content::json(schema_of::<SourceChange>, &[("words", examples::SOURCE_CHANGE)])],
    responses: &[SuccessResponse::json(200, "As it is now.", schema_of::<Source>, &[("source", examples::SOURCE)])],
    errors: &changing(NO_SOURCE, || wrong("catalog", "enum", "expected one of migration-manager, unleash")),
    ..MANAGE
};

static REMOVE_SOURCE: Operation = Operation {
    method: Method::Delete,
    path: "/v1/sources/{name}",
    id: "removeSource",
    summary: "Remove a source",
    description: "Its keys stop working within 30 s; its events stay.",
    parameters: &[NAMED_SOURCE],
    responses: &[REMOVED],
    errors: &[NO_SOURCE],
    ..MANAGE
};

static CREATE_KEY: Operation = Operation {
    method: Method::Post,
    path: "/v1/keys",
    id: "createKey",
    summary: "Create a key",
    description: "The answer shows its token, once: it is stored nowhere. An ingest key names the source that it \
        posts for, a read or manage key names none. With `expires_at`, it stops working then.",
    body: &[Content::json(
        schema_of::<NewKey>,
        &[("ingest", examples::NEW_INGEST_KEY), ("read", examples::NEW_READ_KEY)],
    )],
    responses: &[SuccessResponse::json(
        201,
        "It is created.",
        schema_of::<CreatedKey>,
        &[("ingest", examples::CREATED_KEY)],
    )],
    errors: &creating(
        || exists(Key::KIND, "unleash-prod"),
        || wrong("source", "required", "expected the source that the key posts for"),
    ),
    ..MANAGE
};

static LIST_KEYS: Operation = Operation {
    path: "/v1/keys",
    id: "listKeys",
    summary: "List the keys",
    description: "Without their tokens, which nobody knows but their holders.",
    responses: &[SuccessResponse::json(200, "Every key.", schema_of::<KeyList>, &[("keys", examples::KEYS)])],
    ..MANAGE
};

static READ_KEY: Operation = Operation {
    path: "/v1/keys/{name}",
    id: "readKey",
    summary: "Read a key",
    description: "Without its token, which nobody knows but its holder.",
    parameters: &[NAMED_KEY],
    responses: &[SuccessResponse::json(200, "The key.", schema_of::<KeyView>, &[("key", examples::KEY)])],
    errors: &[NO_KEY],
    ..MANAGE
};

static CHANGE_KEY: Operation = Operation {
    method: Method::Patch,
    path: "/v1/keys/{name}",
    id: "changeKey",
    summary: "Change when a key stops working",
    description: "To replace a token, create a second key, and let the first one end when everybody has the new one. \
        Heeded within 30 s. What a key may do cannot be changed.",
    parameters: &[NAMED_KEY],
    body: &[Content::json(schema_of::<KeyChange>, &[("end", examples::KEY_CHANGE)])],
    responses: &[SuccessResponse::json(200, "As it is now.", schema_of::<KeyView>, &[("key", examples::KEY)])],
    errors: &changing(NO_KEY, || wrong("expires_at", "minimum", "expected a time after now, 2026-05-01T09:10:05Z")),
    ..MANAGE
};

static REMOVE_KEY: Operation = Operation {
    method: Method::Delete,
    path: "/v1/keys/{name}",
    id: "removeKey",
    summary: "Remove a key",
    description: "It stops working within 30 s.",
    parameters: &[NAMED_KEY],
    responses: &[REMOVED],
    errors: &[NO_KEY],
    ..MANAGE
};

/// What is in the quarantine; its parameters are also what its handler, and those of the operations
/// that do something about what matches, read.
static LIST_QUARANTINE: Operation = Operation {
    path: "/v1/quarantine",
    id: "listQuarantine",
    summary: "List what was sent that fits no schema",
    description: "Newest first, without the bodies. Without `source`, of every registered source.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "A page.",
        schema_of::<QuarantineList>,
        &[("one event", examples::QUARANTINE)],
    )],
    errors: &[WRONG_FILTER, NO_SOURCE],
    ..MANAGE
};

static REPLAY_QUARANTINE: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/replay",
    id: "replayQuarantine",
    summary: "Read again all that match",
    description: "After a schema was mended: what fits now goes into the log, as of when it was received, and to the \
        targets that wanted it then. It answers after 20 s at most; where `next` is not null, call it again with that \
        as `before`.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "What became of them.",
        schema_of::<ReplayReport>,
        &[("done", r#"{"stored": 0, "duplicates": 0, "refused": 1, "next": null}"#)],
    )],
    errors: &[WRONG_FILTER, NO_SOURCE],
    ..MANAGE
};

static DISCARD_QUARANTINE: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/discard",
    id: "discardQuarantine",
    summary: "Discard all that match",
    description: "For good. It answers after 20 s at most; where `next` is not null, call it again with that as \
        `before`.",
    parameters: &QUARANTINE_FILTERS,
    responses: &[SuccessResponse::json(
        200,
        "How many there were.",
        schema_of::<DiscardReport>,
        &[("done", r#"{"discarded": 0, "next": null}"#)],
    )],
    errors: &[
        WRONG_FILTER,
        ErrorResponse {
            description: "No source is named: it must be said whose events to discard.",
            example: replay::no_source,
        },
    ],
    ..MANAGE
};

static READ_QUARANTINED: Operation = Operation {
    path: "/v1/quarantine/{source}/{id}",
    id: "readQuarantined",
    summary: "Read what was refused, with its body",
    parameters: &QUARANTINED,
    responses: &[SuccessResponse::json(
        200,
        "What was sent, and everything that is wrong with it.",
        schema_of::<QuarantineView>,
        &[("event", examples::QUARANTINED)],
    )],
    errors: &[NOTHING_QUARANTINED],
    ..MANAGE
};

static REPLAY_QUARANTINED: Operation = Operation {
    method: Method::Post,
    path: "/v1/quarantine/{source}/{id}/replay",
    id: "replayQuarantined",
    summary: "Read again what was refused",
    description: "After a schema was mended: where it fits now, it goes into the log, as of when it was received.",
    parameters: &QUARANTINED,
    responses: &[SuccessResponse::json(
        200,
        "It is in the log.",
        schema_of::<Replayed>,
        &[("stored", r#"{"status": "stored", "id": 3403542528000501}"#)],
    )],
    errors: &[NOTHING_QUARANTINED, ErrorResponse { description: "It still fits no schema.", example: still_refused }],
    ..MANAGE
};

static DISCARD_QUARANTINED: Operation = Operation {
    method: Method::Delete,
    path: "/v1/quarantine/{source}/{id}",
    id: "discardQuarantined",
    summary: "Discard what was refused",
    description: "For good.",
    parameters: &QUARANTINED,
    responses: &[REMOVED],
    errors: &[NOTHING_QUARANTINED],
    ..MANAGE
};

const QUARANTINE_FILTERS: [Parameter; 7] = [
    Parameter { location: ParameterLocation::Query, ..SOURCE_NAME },
    Parameter::query("type", "The type that they say they are.", web::text_schema, r#""feature-created""#),
    Parameter::query("reason", "The keyword of one of their violations.", web::text_schema, r#""required""#),
    Parameter::query("from", "Received then or later: a date (UTC) or a time.", web::text_schema, r#""2026-01-31""#),
    Parameter::query(
        "to",
        "Received then or earlier: a date (UTC, to its end) or a time.",
        web::text_schema,
        r#""2060-12-31""#,
    ),
    Parameter::query("limit", "How many are looked at together, or answered.", limit, "100"),
    Parameter::query(
        "before",
        "Where to go on: `next` of the answer before.",
        web::text_schema,
        examples::QUARANTINE_ID,
    ),
];

const QUARANTINED: [Parameter; 2] =
    [SOURCE_NAME, Parameter::path("id", "Its id in the quarantine.", web::text_schema, examples::QUARANTINE_ID)];

const WRONG_FILTER: ErrorResponse = ErrorResponse {
    description: "A parameter is not known, given twice, or no such thing: `parameter` names it.",
    example: web::reversed_time_range,
};

const NO_SOURCE: ErrorResponse =
    ErrorResponse { description: "No source has this name.", example: || unknown(Source::KIND, "unleash-prod") };

const NO_KEY: ErrorResponse =
    ErrorResponse { description: "No key has this name.", example: || unknown(Key::KIND, "unleash-prod") };

const NOTHING_QUARANTINED: ErrorResponse = ErrorResponse {
    description: "The source sent nothing that has this id.",
    example: || quarantine::none("2026-05-01T09:30:10.899Z~1b5178352d8e3b12"),
};

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50 })
}

fn still_refused() -> Problem {
    let violation = Violation::new("/id", "type", "expected integer, found \"seven\"");
    replay::still_refused("2026-05-01T09:30:10.899Z~1b5178352d8e3b12", &[violation])
}

/// What the operations here have in common.
const MANAGE: Operation = Operation { scope: Some(KeyScope::Manage), ..Operation::DEFAULT };

const REMOVED: SuccessResponse = SuccessResponse::empty(204, "It is removed.");

const SOURCE_NAME: Parameter = Parameter::path("source", "The source's name.", web::text_schema, r#""unleash-prod""#);

const NAMED_SOURCE: Parameter = Parameter::path("name", "The source's name.", web::text_schema, r#""unleash-prod""#);

const NAMED_KEY: Parameter = Parameter::path("name", "The key's name.", web::text_schema, r#""unleash-prod""#);

/// How an operation that changes something may say no.
const fn changing(unknown: ErrorResponse, wrong: fn() -> Problem) -> [ErrorResponse; 4] {
    let [unread, too_large] = BODY_ERRORS;
    let refused = "The body can be read, but not all of it is right: `violations` says what.";
    [unread, unknown, too_large, ErrorResponse { description: refused, example: wrong }]
}

/// How an operation that creates something may say no.
const fn creating(taken: fn() -> Problem, wrong: fn() -> Problem) -> [ErrorResponse; 4] {
    let [unread, too_large] = BODY_ERRORS;
    [
        unread,
        ErrorResponse { description: "The name is taken.", example: taken },
        too_large,
        ErrorResponse {
            description: "The body can be read, but not all of it is right: `violations` says what.",
            example: wrong,
        },
    ]
}

fn exists(kind: &str, name: &str) -> Problem {
    store::Error::Exists(format!("{kind}/{name}")).into()
}

fn wrong(field: &str, keyword: &str, message: &str) -> Problem {
    let mut violations = Violations::default();
    violations.add(field, keyword, message);
    violations.into_problem()
}
