//! The operations of Unleash's own API.

use model::KeyScope;
use schemars::json_schema;
use web::{Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use super::LARGE;
use crate::unleash::params::{BadData, any, day, numbers, operator};
use crate::unleash::view::{FeatureEvents, Recent, SearchResult};
use crate::{State, examples, unleash};

/// Every operation with its handler.
pub(super) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes.with(&SEARCH, unleash::search).with(&RECENT, unleash::recent).with(&OF_FEATURE, unleash::of_feature)
}

static SEARCH: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/search/events",
    id: "searchEventsAsUnleash",
    summary: "Search events as in Unleash",
    description: "Unleash's own API, over the events of its catalog. Parameters that are not known are ignored, \
        here and below, and `Accept` is not looked at.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[
        Parameter::query("type", "`IS:` or `IS_ANY_OF:` and types.", operator, r#""IS_ANY_OF:feature-tagged""#),
        Parameter::query("project", "The same with projects.", operator, r#""IS:web""#),
        Parameter::query("feature", "The same with features.", operator, r#""IS:dark-mode""#),
        Parameter::query("environment", "The same with environments.", operator, r#""IS:production""#),
        Parameter::query("createdBy", "The same with numbers of users.", numbers, r#""IS:110""#),
        Parameter::query("id", "The same with Unleash's own numbers of events.", numbers, r#""IS:501""#),
        Parameter::query("groupId", "The same with changes that events were part of.", operator, r#""IS:42""#),
        Parameter::query("from", "`IS:` and the first day, in UTC.", day, r#""IS:2026-05-01""#),
        Parameter::query("to", "`IS:` and the last day.", day, r#""IS:2026-05-01""#),
        Parameter::query("query", "A part of `data`, `preData` or `tags`.", any, r#""beta""#),
        Parameter::query(
            "limit",
            "The most events of a page, up to 1,000; 50 where it is none of those. A page has fewer where more are too \
             large to be sent: the next one has the `offset` behind those that came.",
            |_| json_schema!({ "type": "string" }),
            r#""20""#,
        ),
        Parameter::query("offset", "How many to pass over.", any, r#""0""#),
    ],
    responses: &[
        SuccessResponse::json(
            200,
            "A page, empty where nothing matches.",
            schema_of::<SearchResult>,
            &[("one event", examples::UNLEASH_SEARCH)],
        ),
        BAD_DATA,
    ],
    errors: &[LARGE],
    ..Operation::DEFAULT
};

static RECENT: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/events",
    id: "listEventsAsUnleash",
    summary: "List the newest events as in Unleash",
    description: "The newest 100, or the newest 50 of a project; fewer where more are too large to be sent.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[Parameter::query("project", "The project.", any, r#""web""#)],
    responses: &[
        SuccessResponse::json(200, "The events.", schema_of::<Recent>, &[("one event", examples::UNLEASH_EVENTS)]),
        BAD_DATA,
    ],
    errors: &[LARGE],
    ..Operation::DEFAULT
};

static OF_FEATURE: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/events/{feature}",
    id: "listEventsOfFeatureAsUnleash",
    summary: "List the events of a feature as in Unleash",
    description: "The newest 50; fewer where more are too large to be sent.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[Parameter::path("feature", "The feature.", schema_of::<String>, r#""dark-mode""#)],
    responses: &[SuccessResponse::json(
        200,
        "The events.",
        schema_of::<FeatureEvents>,
        &[("one event", examples::UNLEASH_FEATURE)],
    )],
    errors: &[LARGE],
    ..Operation::DEFAULT
};

const BAD_DATA: SuccessResponse = SuccessResponse::json(
    400,
    "A parameter is not as Unleash takes it, or is given twice.",
    schema_of::<BadData>,
    &[("no operator", examples::UNLEASH_BAD)],
);
