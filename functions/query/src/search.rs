//! `GET /v1/events`.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use model::KeyScope;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use search::{SearchRequest, SearchStats};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use web::{Method, Operation, Parameter, Params, Problem, Read, SuccessResponse, filters, schema_of};

use crate::event_view::EventView;
use crate::operation_parts::{CURSOR, EVENT_TOO_LARGE, FILTER_ERRORS, ORDER};
use crate::response_budget::{JSON, ResponseBudget, serialize};
use crate::search_metrics::SearchMetrics;
use crate::unknown_types::unknown_type_warnings;
use crate::{State, cursor, examples};

/// Maximum number of events of a page.
const MAX_PAGE_EVENTS: usize = 1000;

/// Number of events of a page without a `limit`.
const DEFAULT_PAGE_EVENTS: usize = 50;

/// Maximum number of payload bytes that are read for a page. The size of each event decides how many of them are
/// returned: a quotation mark takes two bytes of a Lambda response, and every event has about 500 bytes in addition to its payload.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 4_200_000;

/// Maximum duration of a search. A search that exceeds it returns the events it has found.
pub(crate) const MAX_SEARCH_TIME: Duration = Duration::from_secs(10);

pub(crate) static SEARCH_EVENTS: Operation = Operation {
    method: Method::Get,
    path: "/v1/events",
    id: "searchEvents",
    summary: "Search events",
    description: "An event must match every given filter. For a filter with several values, one of them must match.\n\n\
        A page ends early, with `next`, before it exceeds the maximum response size (6 MB). It ends early with \
        `\"partial\": true` after 10 s or 5,000 read units. The same search with `cursor` continues exactly there, \
        regardless of events that are stored in the meantime.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        filters::PARAMETERS,
        &[
            ORDER,
            Parameter::query("limit", "Maximum number of events of the page.", limit_schema, "20"),
            CURSOR,
            Parameter::query(
                "total",
                "`exact` counts all matching events.",
                |_| json_schema!({ "enum": ["none", "exact"], "default": "none" }),
                r#""exact""#,
            ),
            Parameter::query(
                "explain",
                "`true` adds how the search was executed and how many read units it used.",
                |_| json_schema!({ "enum": ["true", "false"], "default": "false" }),
                r#""true""#,
            ),
        ],
    ),
    responses: &[SuccessResponse::json(
        200,
        "A page of events. It is empty if no event matches.",
        schema_of::<EventList>,
        &[("one event", examples::EVENTS)],
    )],
    errors: &[FILTER_ERRORS[0], FILTER_ERRORS[1], EVENT_TOO_LARGE],
    ..Operation::DEFAULT
};

/// One page of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventList {
    /// The events, in the requested order.
    #[schemars(with = "Vec<EventView>")]
    events: Vec<Box<RawValue>>,
    /// The `cursor` of the next page; null on the last page.
    next: Option<String>,
    /// Number of matching events on all pages; null if it was not requested, or could not be counted in time.
    total: Option<u64>,
    /// True if the search ended early because of its time or its read units. `next` continues it. Omitted if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    /// Advice on filters that explain why the page is empty. Omitted if there is no advice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Explanation of the search's execution; only if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<SearchPlan>,
}

/// Explanation of a search's execution.
#[derive(Debug, Serialize, JsonSchema)]
struct SearchPlan {
    /// Data that was read: `log`, the name of an index, or `segments`.
    read: &'static str,
    /// Number of partitions that were read in parallel.
    partitions: usize,
    /// Number of items that were examined.
    examined: usize,
    /// Number of segments in the time range.
    segments: usize,
    /// Number of segments whose payloads were read.
    texts: usize,
    /// Number of examined events that are not packed into segments: the newest events and late ones.
    unpacked: usize,
    /// Read units that DynamoDB reported.
    read_units: f64,
}

impl From<SearchStats> for SearchPlan {
    fn from(stats: SearchStats) -> Self {
        Self {
            read: stats.read,
            partitions: stats.partitions,
            examined: stats.examined,
            segments: stats.segments,
            texts: stats.texts,
            unpacked: stats.unpacked,
            read_units: stats.units,
        }
    }
}

/// `GET /v1/events`.
pub(crate) async fn search_events(
    Shared(state): Shared<State>,
    _: Read,
    params: Params,
) -> Result<Json<EventList>, Problem> {
    let ascending = params.choice("order", &["desc", "asc"])? == Some("asc");
    let total = params.choice("total", &["none", "exact"])? == Some("exact");
    let explain = params.choice("explain", &["true", "false"])? == Some("true");
    let filter = filters::parse(&params)?;
    let canonical = filters::canonical(&params, &filter, ascending);
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_PAGE_EVENTS).contains(limit));
    let request = SearchRequest {
        filter,
        ascending,
        after: params.get("cursor").map(|cursor| cursor::decode(cursor, &canonical)).transpose()?,
        limit: params.parse("limit", "a whole number from 1 to 1000", limit)?.unwrap_or(DEFAULT_PAGE_EVENTS),
        max_bytes: MAX_PAYLOAD_BYTES,
        total,
        deadline: Some(Instant::now() + MAX_SEARCH_TIME),
    };
    let advice = unknown_type_warnings(&request.filter);
    let metrics = SearchMetrics::start("search");
    let page = state.log.search(&request).await?;
    metrics.emit(page.stats.read, page.events.len(), page.stats.units, page.partial);
    let (events, last_fitting) = ResponseBudget::new(JSON).fill(
        page.events,
        |event| serialize(&EventView::new(event)),
        |event| event.get().as_bytes(),
    );
    Ok(Json(EventList {
        warnings: if events.is_empty() { advice } else { Vec::new() },
        events,
        next: last_fitting.or(page.next).map(|id| cursor::encode(id, &canonical)),
        total: page.total,
        partial: page.partial,
        explain: explain.then(|| page.stats.into()),
    }))
}

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_PAGE_EVENTS, "default": DEFAULT_PAGE_EVENTS })
}
