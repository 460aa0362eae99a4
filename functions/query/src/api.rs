//! The function's operations.

use events::EventId;
use schemars::{Schema, SchemaGenerator, json_schema};
use store::KeyScope;
use web::{Answer, Content, Method, Operation, Parameter, Refusal, Routes, schema_of};

use crate::deliveries::{self, Explanation};
use crate::examples;
use crate::search::{self, DEFAULT_LIMIT, EventList, MAX_LIMIT};
use crate::view::EventView;
use crate::{State, cursor};

/// Every operation with its handler.
pub(crate) fn read_into<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&SEARCH, search::list)
        .with(&READ, search::read)
        .with(&EXPLAIN, deliveries::explain)
        .with(&HEALTH, async || "ok\n")
}

static HEALTH: Operation = Operation {
    method: Method::Get,
    path: "/healthz",
    id: "checkHealth",
    summary: "Say whether it is ready",
    description: "For load balancers and scripts.",
    answers: &[Answer {
        status: 200,
        when: "It is ready.",
        content: Some(Content {
            media_type: "text/plain",
            schema: schema_of::<String>,
            examples: &[("ready", r#""ok\n""#)],
        }),
    }],
    ..Operation::PLAIN
};

/// The search; its parameters are also what its handler reads.
pub(crate) static SEARCH: Operation = Operation {
    method: Method::Get,
    path: "/v1/events",
    id: "searchEvents",
    summary: "Search events",
    description: "Newest first. Every filter that is given must hold; of several values of one, any.\n\n\
        A page ends early, with `next`, when it nears 5 MB, or, with `\"partial\": true`, after 10 s. The same search \
        with `cursor` goes on exactly there, whatever has been stored since.",
    scope: Some(KeyScope::Read),
    parameters: &[
        filter("source", "The sources that sent it.", r#"["unleash-prod"]"#),
        filter("type", "Its types.", r#"["feature-tagged", "feature-untagged"]"#),
        filter("subject", "What it was done to.", r#"["dark-mode"]"#),
        filter("actor", "Who did it.", r#"["ada@example.org"]"#),
        filter("project", "The projects involved.", r#"["web"]"#),
        Parameter::query(
            "from",
            "The first moment of the range: a date (its first moment, in UTC) or a time.",
            time,
            r#""2026-05-01""#,
        ),
        Parameter::query(
            "to",
            "The last moment of the range, which belongs to it: a date (its last moment, in UTC) or a time.",
            time,
            r#""2026-05-01T12:00:00Z""#,
        ),
        Parameter::query("limit", "The most events of a page.", limit, "20"),
        Parameter::query(
            "cursor",
            "Where to go on: `next` of the page before, which was searched for with the same filters.",
            web::text,
            r#""AAwXgP9cAfUfJ_Oxa62SvQ""#,
        ),
    ],
    answers: &[Answer::json(
        200,
        "A page, empty where nothing matches.",
        schema_of::<EventList>,
        &[("one event", examples::EVENTS)],
    )],
    refusals: &[
        Refusal {
            when: "A parameter is not known, given twice, or cannot be read: `parameter` names it.",
            example: web::from_after_to,
        },
        Refusal { when: "The cursor belongs to a search with other filters.", example: cursor::of_another_search },
    ],
    ..Operation::PLAIN
};

static READ: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}",
    id: "readEvent",
    summary: "Read one event",
    description: "Its payload is what its producer sent, byte for byte.",
    scope: Some(KeyScope::Read),
    parameters: &[ID],
    answers: &[Answer::json(200, "The event.", schema_of::<EventView>, &[("event", examples::EVENT)])],
    refusals: &NO_EVENT,
    ..Operation::PLAIN
};

static EXPLAIN: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}/deliveries",
    id: "explainDeliveries",
    summary: "Ask what became of an event",
    description: "For every target: delivered, waiting until when, failed and why, or not wanted and by which filter.",
    scope: Some(KeyScope::Read),
    parameters: &[ID],
    answers: &[Answer::json(
        200,
        "One answer for each target.",
        schema_of::<Explanation>,
        &[("two targets", examples::DELIVERIES)],
    )],
    refusals: &NO_EVENT,
    ..Operation::PLAIN
};

const ID: Parameter = Parameter::path("id", "The event's id.", schema_of::<EventId>, "3403542528000501");

const NO_EVENT: [Refusal; 2] = [
    Refusal { when: "What stands for the id is none.", example: || search::no_id("seven") },
    Refusal { when: "No event has this id.", example: || search::no_event("3403542528000501") },
];

const fn filter(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter::query(name, description, web::list, example)
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string", "format": "date" }, { "type": "string", "format": "date-time" }],
    })
}

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT })
}
