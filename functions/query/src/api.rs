//! The function's operations.

mod unleash;

use events::EventId;
use model::KeyScope;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use web::{
    Content, ErrorResponse, Method, Operation, Parameter, ParameterLocation, Routes, SuccessResponse, filters,
    schema_of,
};

use crate::deliveries::{self, Explanation};
use crate::facets::{self, Facets};
use crate::search::{self, DEFAULT_LIMIT, EventList, MAX_LIMIT};
use crate::timeline::{self, Timeline};
use crate::view::EventView;
use crate::{State, catalogs, cursor, docs, examples, export, key};

/// Every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    let routes = routes
        .with(&SEARCH, search::list)
        .with(&READ, search::read)
        .with(&EXPLAIN, deliveries::explain)
        .with(&EXPORT, export::export)
        .with(&TIMELINE, timeline::read)
        .with(&FACETS, facets::list)
        .with(&CATALOGS, catalogs::list)
        .with(&SCHEMA, catalogs::schema)
        .with(&DOCUMENT, docs::document)
        .with(&DOCS, docs::read)
        .with(&OWN_KEY, key::read)
        .with(&HEALTH, async || "ok\n");
    unleash::register_routes(routes)
}

static HEALTH: Operation = Operation {
    method: Method::Get,
    path: "/healthz",
    id: "checkHealth",
    summary: "Say whether it is ready",
    description: "For load balancers and scripts.",
    responses: &[SuccessResponse::with(
        200,
        "It is ready.",
        Content { media_type: "text/plain", schema: schema_of::<String>, examples: &[("ready", r#""ok\n""#)] },
    )],
    ..Operation::DEFAULT
};

static SEARCH: Operation = Operation {
    method: Method::Get,
    path: "/v1/events",
    id: "searchEvents",
    summary: "Search events",
    description: "Every filter that is given must hold; of several values of one, any.\n\n\
        A page ends early, with `next`, before it is too large to be sent (6 MB), or, with `\"partial\": true`, after \
        10 s or 5,000 read units. The same search with `cursor` goes on exactly there, whatever has been stored since.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        filters::PARAMETERS,
        &[
            ORDER,
            Parameter::query("limit", "The most events of a page.", limit, "20"),
            CURSOR,
            Parameter::query(
                "total",
                "`exact` counts everything that matches.",
                |_| json_schema!({ "enum": ["none", "exact"], "default": "none" }),
                r#""exact""#,
            ),
            Parameter::query(
                "explain",
                "`true` says how the answer was found, and what it cost.",
                |_| json_schema!({ "enum": ["true", "false"], "default": "false" }),
                r#""true""#,
            ),
        ],
    ),
    responses: &[SuccessResponse::json(
        200,
        "A page, empty where nothing matches.",
        schema_of::<EventList>,
        &[("one event", examples::EVENTS)],
    )],
    errors: &[FILTERED[0], FILTERED[1], LARGE],
    ..Operation::DEFAULT
};

static READ: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}",
    id: "readEvent",
    summary: "Read one event",
    description: "Its payload is what its producer sent, byte for byte. The answer has an `ETag`.",
    scope: Some(KeyScope::Read),
    parameters: &[ID],
    responses: &[SuccessResponse::json(200, "The event.", schema_of::<EventView>, &[("event", examples::EVENT)]), SAME],
    errors: &[NO_EVENT[0], NO_EVENT[1], LARGE],
    ..Operation::DEFAULT
};

static EXPLAIN: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}/deliveries",
    id: "explainDeliveries",
    summary: "Ask what became of an event",
    description: "For every target: delivered, waiting until when, failed and why, or not wanted and by which filter.",
    scope: Some(KeyScope::Read),
    parameters: &[ID],
    responses: &[SuccessResponse::json(
        200,
        "One answer for each target.",
        schema_of::<Explanation>,
        &[("two targets", examples::DELIVERIES)],
    )],
    errors: &NO_EVENT,
    ..Operation::DEFAULT
};

static EXPORT: Operation = Operation {
    method: Method::Get,
    path: export::PATH,
    id: "exportEvents",
    summary: "Export everything that matches",
    description: "In pages of up to 5,000 events, and of what can be sent. While there is more, an answer has a header \
        `Link: </v1/export?…>; rel=\"next\"`: pages of CSV and of lines, one after the other, are one file. Who is \
        interrupted goes on with the last link.\n\n\
        CSV is RFC 4180, with the columns `id, source, catalog, scope, type, time, time_given, received_at, actor, \
        subject, entities, project, environment, level, sv, label, summary, payload`; `entities` and `payload` are \
        JSON. A cell that a spreadsheet would run as a formula stands behind an apostrophe. New columns come at the \
        end. `Accept` is not looked at: `format` says it.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        filters::PARAMETERS,
        &[
            Parameter {
                location: ParameterLocation::RequiredQuery,
                ..Parameter::query(
                    "format",
                    "In which form: `ndjson` is one event in each line.",
                    |_| json_schema!({ "enum": ["csv", "json", "ndjson"] }),
                    r#""csv""#,
                )
            },
            Parameter::query(
                "order",
                "Which come first: the oldest (`asc`) or the newest.",
                |_| json_schema!({ "enum": ["asc", "desc"], "default": "asc" }),
                r#""asc""#,
            ),
            Parameter::query(
                "header",
                "Whether CSV begins with the names of its columns: the first page does, those after it do not. For CSV alone.",
                |_| json_schema!({ "enum": ["true", "false"] }),
                r#""true""#,
            ),
            Parameter::query(
                "limit",
                "The most events of a page.",
                |_| json_schema!({ "type": "integer", "minimum": 1, "maximum": 5000, "default": 5000 }),
                "1000",
            ),
            CURSOR,
        ],
    ),
    responses: &[SuccessResponse {
        status: 200,
        description: "A page, as a file.",
        content: Some(Content {
            media_type: "text/csv",
            schema: schema_of::<String>,
            examples: &[("one event", examples::CSV)],
        }),
        alternatives: &[
            Content::json(schema_of::<Vec<EventView>>, &[("one event", examples::EXPORTED)]),
            Content { media_type: "application/x-ndjson", schema: schema_of::<Value>, examples: &[] },
        ],
    }],
    errors: &[
        FILTERED[0],
        FILTERED[1],
        ErrorResponse { description: "The form is not said.", example: export::no_format },
        LARGE,
    ],
    ..Operation::DEFAULT
};

static TIMELINE: Operation = Operation {
    method: Method::Get,
    path: "/v1/timeline",
    id: "readTimeline",
    summary: "See what happened within two days",
    description: "Events that are closer together than a hundredth of the window are one group. Without `types`, what \
        changes what users see is shown: flags, strategies, environments, segments, migrations, the system, every \
        signal, and log lines that report an error. A filter by environment lets pass what belongs to none.\n\n\
        Without `from` and `to`, the window ends now. At most 2,000 events are shown: the newest. Where there are more, \
        or 10 s or 5,000 read units were not enough to look for all, the answer has `\"partial\": true`, says in \
        `complete_from` from when on nothing is left out, and in `next` how to go on: the same request with it as \
        `cursor` has what happened before, in the same window.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        &filters::FIELD_PARAMETERS,
        &[
            Parameter::query("types", "The types to show instead.", web::list_schema, r#"["feature-created"]"#),
            Parameter::query(
                "span",
                "How long the window is, where not both ends are given: 30m to 48h, such as 6h; 48h where it is not said.",
                timeline::span_schema,
                // `from` and `to` have examples.
                "",
            ),
            Parameter { schema: cursor::schema_of_two, ..CURSOR },
        ],
    ),
    responses: &[SuccessResponse::json(
        200,
        "The window's groups, none where nothing happened.",
        schema_of::<Timeline>,
        &[("one group", examples::TIMELINE)],
    )],
    errors: &[
        FILTERED[0],
        FILTERED[1],
        ErrorResponse { description: "The window is longer than 48 hours.", example: timeline::too_long },
        ErrorResponse { description: "A span is given beside both ends.", example: timeline::span_and_ends },
    ],
    ..Operation::DEFAULT
};

static FACETS: Operation = Operation {
    method: Method::Get,
    path: "/v1/facets",
    id: "listFacets",
    summary: "List the values of a field",
    description: "With how many events have each, the most frequent first: for suggestions beside a filter.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        &[
            Parameter {
                location: ParameterLocation::RequiredQuery,
                ..Parameter::query("field", "The field.", facets::field, r#""project""#)
            },
            Parameter::query(
                "prefix",
                "What a value begins with. Upper and lower case are the same.",
                web::text_schema,
                r#""we""#,
            ),
            Parameter::query("limit", "The most values.", facets::limit, "20"),
        ],
        filters::PARAMETERS,
    ),
    responses: &[SuccessResponse::json(200, "The values.", schema_of::<Facets>, &[("projects", examples::FACETS)])],
    errors: &[FILTERED[0], ErrorResponse { description: "No field is named.", example: facets::no_field }],
    ..Operation::DEFAULT
};

static CATALOGS: Operation = Operation {
    method: Method::Get,
    path: "/v1/catalogs",
    id: "listCatalogs",
    summary: "List what can be sent",
    description: "Every catalog with its types of event. The answer has an `ETag`.",
    scope: Some(KeyScope::Read),
    responses: &[
        SuccessResponse::json(
            200,
            "The catalogs.",
            schema_of::<catalogs::List>,
            &[("one catalog", examples::CATALOGS)],
        ),
        SAME,
    ],
    ..Operation::DEFAULT
};

static SCHEMA: Operation = Operation {
    method: Method::Get,
    path: "/v1/schemas/{catalog}/{type}",
    id: "readSchema",
    summary: "Read the schema of a type",
    description: "A JSON Schema of the whole event, which stands alone, with examples. The type `base` is what all \
        events of the catalog have in common. The answer has an `ETag`.",
    scope: Some(KeyScope::Read),
    parameters: &[
        Parameter::path("catalog", "The catalog.", schema_of::<String>, r#""unleash""#),
        Parameter::path("type", "The type, or `base`.", schema_of::<String>, r#""feature-tagged""#),
    ],
    responses: &[
        SuccessResponse::with(
            200,
            "The schema.",
            Content {
                media_type: "application/json",
                schema: |_| json_schema!({ "type": "object" }),
                examples: &[("schema", examples::SCHEMA)],
            },
        ),
        SAME,
    ],
    errors: &[ErrorResponse {
        description: "There is no such catalog or type.",
        example: || catalogs::no_schema("unleash", "feature-painted"),
    }],
    ..Operation::DEFAULT
};

static OWN_KEY: Operation = Operation {
    method: Method::Get,
    path: "/v1/key",
    id: "readOwnKey",
    summary: "Ask what the key may do",
    description: "Of the key that the request is sent with: for pages and scripts that are given one. Any key will do.",
    scope: Some(KeyScope::Read),
    responses: &[SuccessResponse::json(
        200,
        "The key.",
        schema_of::<key::OwnKey>,
        &[("a read key", r#"{"name": "auditor", "scope": "read"}"#)],
    )],
    ..Operation::DEFAULT
};

static DOCUMENT: Operation = Operation {
    method: Method::Get,
    path: "/openapi.json",
    id: "readOpenApi",
    summary: "Read this document",
    description: "OpenAPI 3.1.",
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
        SAME,
    ],
    ..Operation::DEFAULT
};

static DOCS: Operation = Operation {
    method: Method::Get,
    path: "/docs",
    id: "readDocs",
    summary: "Read this document as a page",
    description: "It loads nothing from elsewhere.",
    responses: &[
        SuccessResponse::with(
            200,
            "The page.",
            Content { media_type: "text/html", schema: schema_of::<String>, examples: &[] },
        ),
        SAME,
    ],
    ..Operation::DEFAULT
};

/// What is answered to one who has it already.
const SAME: SuccessResponse = SuccessResponse::empty(304, "It is the one of `If-None-Match`.");

/// How an operation that answers with whole events may say no.
const LARGE: ErrorResponse = ErrorResponse {
    description: "The answer is one event that is too large to be sent as it is: it can be had compressed.",
    example: web::compression_required,
};

/// How an operation with filters may say no.
const FILTERED: [ErrorResponse; 2] = [
    ErrorResponse {
        description: "A parameter is not known, given twice, or cannot be read: `parameter` names it.",
        example: web::reversed_time_range,
    },
    ErrorResponse {
        description: "The cursor was changed, or belongs to a search with other filters.",
        example: cursor::of_another_search,
    },
];

const ORDER: Parameter = Parameter::query(
    "order",
    "Which come first: the newest (`desc`) or the oldest.",
    |_| json_schema!({ "enum": ["desc", "asc"], "default": "desc" }),
    r#""desc""#,
);

const CURSOR: Parameter = Parameter::query(
    "cursor",
    "Where to go on: `next` of the page before, which was searched for with the same filters and order.",
    cursor::schema,
    // One belongs to its own search.
    "",
);

const ID: Parameter = Parameter::path("id", "The event's id.", schema_of::<EventId>, "3403542528000501");

const NO_EVENT: [ErrorResponse; 2] = [
    ErrorResponse { description: "What stands for the id is none.", example: || search::no_id("seven") },
    ErrorResponse { description: "No event has this id.", example: || search::no_event("3403542528000501") },
];

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT })
}
