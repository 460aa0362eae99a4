//! The routes of the function: every operation with its handler.

use web::{Content, Method, Operation, Routes, SuccessResponse, schema_of};

use crate::{
    State, catalogs, current_key, defaults, deliveries, docs, event, export, facets, search, timeline, unleash,
};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    let routes = routes
        .with(&search::SEARCH_EVENTS, search::search_events)
        .with(&event::READ_EVENT, event::read_event)
        .with(&deliveries::EXPLAIN_DELIVERIES, deliveries::explain_deliveries)
        .with(&export::EXPORT_EVENTS, export::export_events)
        .with(&timeline::READ_TIMELINE, timeline::read_timeline)
        .with(&facets::LIST_FACETS, facets::list_facets)
        .with(&catalogs::LIST_CATALOGS, catalogs::list_catalogs)
        .with(&catalogs::READ_SCHEMA, catalogs::read_schema)
        .with(&docs::READ_OPENAPI, docs::read_openapi)
        .with(&docs::READ_DOCS, docs::read_docs)
        .with(&current_key::READ_OWN_KEY, current_key::read_own_key)
        .with(&defaults::READ_DEFAULTS, defaults::read_defaults)
        .with(&CHECK_HEALTH, check_health);
    unleash::register_routes(routes)
}

static CHECK_HEALTH: Operation = Operation {
    method: Method::Get,
    path: "/healthz",
    id: "checkHealth",
    summary: "Check readiness",
    description: "For load balancers and scripts.",
    responses: &[SuccessResponse::with(
        200,
        "The service is ready.",
        Content { media_type: "text/plain", schema: schema_of::<String>, examples: &[("ready", r#""ok\n""#)] },
    )],
    ..Operation::DEFAULT
};

/// `GET /healthz`.
async fn check_health() -> &'static str {
    "ok\n"
}
