//! The operations of Unleash's event API.

use model::KeyScope;
use schemars::json_schema;
use web::{Method, Operation, Parameter, Routes, SuccessResponse, schema_of};

use super::params::{BadData, any_schema, day_schema, integers_schema, operator_schema};
use super::responses::{FeatureEvents, RecentEvents, SearchResult};
use crate::operation_parts::EVENT_TOO_LARGE;
use crate::{State, examples};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    routes
        .with(&SEARCH_EVENTS_AS_UNLEASH, super::search_events_as_unleash)
        .with(&LIST_EVENTS_AS_UNLEASH, super::list_events_as_unleash)
        .with(&LIST_EVENTS_OF_FEATURE_AS_UNLEASH, super::list_events_of_feature_as_unleash)
}

static SEARCH_EVENTS_AS_UNLEASH: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/search/events",
    id: "searchEventsAsUnleash",
    summary: "Search events as in Unleash",
    description: "Unleash's event API over the events of the catalog `unleash`. This operation and the next two \
        ignore unknown parameters and the `Accept` header.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[
        Parameter::query(
            "type",
            "`IS:` or `IS_ANY_OF:`, followed by event types.",
            operator_schema,
            r#""IS_ANY_OF:feature-tagged""#,
        ),
        Parameter::query("project", "`IS:` or `IS_ANY_OF:`, followed by projects.", operator_schema, r#""IS:web""#),
        Parameter::query(
            "feature",
            "`IS:` or `IS_ANY_OF:`, followed by features.",
            operator_schema,
            r#""IS:dark-mode""#,
        ),
        Parameter::query(
            "environment",
            "`IS:` or `IS_ANY_OF:`, followed by environments.",
            operator_schema,
            r#""IS:production""#,
        ),
        Parameter::query("createdBy", "`IS:` or `IS_ANY_OF:`, followed by user ids.", integers_schema, r#""IS:110""#),
        Parameter::query(
            "id",
            "`IS:` or `IS_ANY_OF:`, followed by Unleash's event ids.",
            integers_schema,
            r#""IS:501""#,
        ),
        Parameter::query(
            "groupId",
            "`IS:` or `IS_ANY_OF:`, followed by ids of event groups.",
            operator_schema,
            r#""IS:42""#,
        ),
        Parameter::query("from", "`IS:`, followed by the first day, in UTC.", day_schema, r#""IS:2026-05-01""#),
        Parameter::query("to", "`IS:`, followed by the last day, in UTC.", day_schema, r#""IS:2026-05-01""#),
        Parameter::query("query", "Text that `data`, `preData` or `tags` contains.", any_schema, r#""beta""#),
        Parameter::query(
            "limit",
            "Maximum number of events of the page, up to 1,000. Other values mean 50. A page has fewer events if they \
             exceed the maximum response size; continue with the `offset` after the returned events.",
            |_| json_schema!({ "type": "string" }),
            r#""20""#,
        ),
        Parameter::query("offset", "Number of events to skip.", any_schema, r#""0""#),
    ],
    responses: &[
        SuccessResponse::json(
            200,
            "A page of events. It is empty if no event matches.",
            schema_of::<SearchResult>,
            &[("one event", examples::UNLEASH_SEARCH)],
        ),
        BAD_DATA,
    ],
    errors: &[EVENT_TOO_LARGE],
    ..Operation::DEFAULT
};

static LIST_EVENTS_AS_UNLEASH: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/events",
    id: "listEventsAsUnleash",
    summary: "List the newest events as in Unleash",
    description: "Returns the newest 100 events, or the newest 50 of a project. The response has fewer events if they exceed the \
        maximum response size.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[Parameter::query("project", "The project.", any_schema, r#""web""#)],
    responses: &[
        SuccessResponse::json(
            200,
            "The events.",
            schema_of::<RecentEvents>,
            &[("one event", examples::UNLEASH_EVENTS)],
        ),
        BAD_DATA,
    ],
    errors: &[EVENT_TOO_LARGE],
    ..Operation::DEFAULT
};

static LIST_EVENTS_OF_FEATURE_AS_UNLEASH: Operation = Operation {
    method: Method::Get,
    path: "/api/admin/events/{feature}",
    id: "listEventsOfFeatureAsUnleash",
    summary: "List the events of a feature as in Unleash",
    description: "Returns the newest 50 events. The response has fewer events if they exceed the maximum response size.",
    scope: Some(KeyScope::Read),
    allow_unknown_query: true,
    parameters: &[Parameter::path("feature", "The feature.", schema_of::<String>, r#""dark-mode""#)],
    responses: &[SuccessResponse::json(
        200,
        "The events.",
        schema_of::<FeatureEvents>,
        &[("one event", examples::UNLEASH_FEATURE)],
    )],
    errors: &[EVENT_TOO_LARGE],
    ..Operation::DEFAULT
};

const BAD_DATA: SuccessResponse = SuccessResponse::json(
    400,
    "A parameter is invalid for Unleash, or repeated.",
    schema_of::<BadData>,
    &[("no operator", examples::UNLEASH_BAD)],
);
