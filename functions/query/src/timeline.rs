//! `GET /v1/timeline`: the events of up to 48 hours, grouped by time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use events::EventId;
use jiff::{SignedDuration, Timestamp};
use model::{Field, KeyScope, SearchFilter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use search::{MAX_UNITS, SearchRequest};
use serde::Serialize;
use tokio::time::Instant;
use web::{
    ErrorResponse, Method, Operation, Parameter, Params, Problem, Read, SuccessResponse, filters, invalid_parameter,
    quoted, schema_of,
};

use crate::highlights::highlights;
use crate::operation_parts::{CURSOR, FILTER_ERRORS};
use crate::response_budget::{JSON, ResponseBudget, serialize};
use crate::search::MAX_SEARCH_TIME;
use crate::search_metrics::SearchMetrics;
use crate::timeline_event::TimelineEvent;
use crate::{State, cursor, examples};

/// Maximum length of the window.
const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// Minimum `span`.
const MIN_SPAN: SignedDuration = SignedDuration::from_mins(30);

/// Maximum number of events of a response. More events could not be distinguished in a picture.
const MAX_TIMELINE_EVENTS: usize = 2000;

/// Events that are less than this fraction of the window apart form a group.
const GROUPING_FRACTION: i32 = 100;

/// Maximum number of payload bytes that are read for a response. Payloads are not part of the response.
const MAX_TIMELINE_PAYLOAD_BYTES: usize = 16 << 20;

/// Bytes of a group in addition to its events: its times, and the names of its members.
const GROUP_OVERHEAD_BYTES: usize = 300;

pub(crate) static READ_TIMELINE: Operation = Operation {
    method: Method::Get,
    path: "/v1/timeline",
    id: "readTimeline",
    summary: "Get the timeline",
    description: "Returns the events of a window of up to 48 hours. Events that are less than a hundredth of the window \
        apart form a group. Without `types`, the timeline contains user-visible changes (to flags, strategies, \
        environments, segments, migrations and the system), every signal, and log lines of level error. A filter by \
        environment also matches events without an environment.\n\n\
        Without `from` and `to`, the window ends now. A response contains at most 2,000 events: the newest. If there \
        are more, or if the search ended early after 10 s or 5,000 read units, the response has `\"partial\": true`. \
        `complete_from` is then the time from which on the response is complete. To get the earlier events of the same \
        window, repeat the request with `next` as its `cursor`.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        filters::FIELD_PARAMETERS,
        &[
            Parameter::query(
                "types",
                "The event types to include instead of the default selection.",
                web::list_schema,
                r#"["feature-created"]"#,
            ),
            Parameter::query(
                "span",
                "Length of the window, unless both `from` and `to` are given: 30m to 48h, for example 6h. The default is 48h.",
                span_schema,
                // The examples of `from` and `to` already define a window.
                "",
            ),
            Parameter { schema: cursor::two_position_schema, ..CURSOR },
        ],
    ),
    responses: &[SuccessResponse::json(
        200,
        "The groups of the window. There are no groups if nothing happened.",
        schema_of::<Timeline>,
        &[("one group", examples::TIMELINE)],
    )],
    errors: &[
        FILTER_ERRORS[0],
        FILTER_ERRORS[1],
        ErrorResponse { description: "The window is longer than 48 hours.", example: window_too_long },
        ErrorResponse { description: "`span` is combined with both `from` and `to`.", example: span_and_both_ends },
    ],
    ..Operation::DEFAULT
};

/// The events in a window of time.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Timeline {
    /// Start of the window, inclusive.
    from: Timestamp,
    /// End of the window, exclusive.
    to: Timestamp,
    /// Groups of events, oldest first.
    groups: Vec<Group>,
    /// Number of events in all groups.
    count: usize,
    /// True if the window contains more events. Omitted if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    /// Time from which on the response is complete, together with the previous pages. Equal to `from` if there are no
    /// more events.
    complete_from: Timestamp,
    /// The `cursor` for the earlier events; null at the end.
    next: Option<String>,
}

/// Events that are less than a hundredth of the window apart.
#[derive(Debug, Serialize, JsonSchema)]
struct Group {
    /// Time of the first event.
    start: Timestamp,
    /// Time of the last event.
    end: Timestamp,
    /// Number of events.
    count: usize,
    /// Number of events of each type.
    types: BTreeMap<String, usize>,
    /// The events, oldest first.
    events: Vec<TimelineEvent>,
}

/// `GET /v1/timeline`.
pub(crate) async fn read_timeline(
    Shared(state): Shared<State>,
    _: Read,
    params: Params,
) -> Result<Json<Timeline>, Problem> {
    let types = params.list("types")?;
    let any = if types.is_empty() { highlights() } else { Vec::new() };
    let filter = filters::with_any_environment(filters::parse_fields(&params)?).and(Field::Type, types);
    let canonical = filters::canonical(&params, &filter, false) + params.get("span").unwrap_or_default();
    let (after, now) = match params.get("cursor") {
        Some(cursor) => decode_cursor(cursor, &canonical).map(|(after, now)| (Some(after), now))?,
        None => (None, truncate_to_microseconds(runtime::now())),
    };
    let (from, to) = parse_window(&params, &filter, now)?;
    let filter = SearchFilter { from: Some(from), until: Some(to), any, ..filter };
    let (mut events, next) = search_window(&state, filter, after).await?;
    events.sort_by_key(|event| (event.time, event.id));
    let max_gap = to.duration_since(from) / GROUPING_FRACTION;
    Ok(Json(Timeline {
        from,
        to,
        count: events.len(),
        groups: group_events(events, max_gap),
        partial: next.is_some(),
        complete_from: next.map_or(from, |next| complete_from(next).clamp(from, to)),
        next: next.map(|next| cursor::encode_positions([next.as_u64(), microseconds(now)], &canonical)),
    }))
}

/// Decodes the id after which a cursor continues, and the time that counts as now for its window.
fn decode_cursor(cursor: &str, canonical: &str) -> Result<(EventId, Timestamp), Problem> {
    let [id, now] = cursor::decode_positions(cursor, canonical)?;
    let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_microsecond(now).ok());
    EventId::from_u64(id).zip(now).ok_or_else(cursor::wrong_search)
}

/// Converts a time to the form in a cursor.
fn microseconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_microsecond()).unwrap_or_default()
}

/// Truncates a time to the precision of a cursor.
fn truncate_to_microseconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}

/// Returns the time from which on a response with all events above `id` is complete. An id contains the millisecond of
/// its event, or a later one.
fn complete_from(id: EventId) -> Timestamp {
    id.time().checked_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX)
}

/// Reserves bytes for an event in a group of its own. Returns false if it does not fit.
fn try_reserve(budget: &mut ResponseBudget, event: &TimelineEvent) -> bool {
    // The type is also a member of the group's `types`.
    budget.try_reserve(serialize(&(event, &event.r#type)).get().as_bytes(), GROUP_OVERHEAD_BYTES)
}

/// Returns the newest events of the window that fit into a response, and the id to continue after if there are more.
async fn search_window(
    state: &State,
    filter: SearchFilter,
    after: Option<EventId>,
) -> Result<(Vec<TimelineEvent>, Option<EventId>), Problem> {
    let deadline = Some(Instant::now() + MAX_SEARCH_TIME);
    let mut request =
        SearchRequest { filter, after, max_bytes: MAX_TIMELINE_PAYLOAD_BYTES, deadline, ..SearchRequest::default() };
    let (mut events, mut budget, mut units) = (Vec::new(), ResponseBudget::new(JSON), 0.0);
    let metrics = SearchMetrics::start("timeline");
    let (read, next) = 'pages: loop {
        request.limit = MAX_TIMELINE_EVENTS - events.len();
        let page = state.log.search(&request).await?;
        units += page.stats.units;
        for event in page.events.into_iter().map(TimelineEvent::new) {
            if !try_reserve(&mut budget, &event) {
                break 'pages (page.stats.read, events.last().map(|last: &TimelineEvent| last.id));
            }
            events.push(event);
        }
        // The page may have ended because of its payload bytes, which are not part of the response.
        let is_finished = page.partial || units >= MAX_UNITS || events.len() >= MAX_TIMELINE_EVENTS;
        request.after = page.next;
        if is_finished || page.next.is_none() {
            break (page.stats.read, page.next);
        }
    };
    metrics.emit(read, events.len(), units, next.is_some());
    Ok((events, next))
}

/// Parses the window: both ends, or a span with one end or none.
fn parse_window(params: &Params, filter: &SearchFilter, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let span = params.parse("span", "30m to 48h, such as 90m, 1h30m or 2d", parse_span)?;
    let ends = match (filter.from, filter.until) {
        (Some(_), Some(_)) if span.is_some() => return Err(span_and_both_ends()),
        (Some(from), Some(to)) => (from, to),
        // No event lies outside the representable times.
        (Some(from), None) => (from, from.checked_add(span.unwrap_or(MAX_WINDOW)).unwrap_or(Timestamp::MAX)),
        (None, to) => {
            let to = to.unwrap_or(now);
            (to.checked_sub(span.unwrap_or(MAX_WINDOW)).unwrap_or(Timestamp::MIN), to)
        }
    };
    // The requested `to` is inclusive, which makes the window a nanosecond longer.
    let max_length = MAX_WINDOW + SignedDuration::from_nanos(1);
    let given = |name| params.get(name).unwrap_or_default();
    if ends.1.duration_since(ends.0) > max_length {
        Err(window_longer_than_maximum(given("from"), given("to")))
    } else {
        Ok(ends)
    }
}

/// Parses a span within its limits, in the format of all durations of the API.
fn parse_span(value: &str) -> Option<SignedDuration> {
    let span = SignedDuration::try_from(model::duration::parse(value)?).ok()?;
    (MIN_SPAN..=MAX_WINDOW).contains(&span).then_some(span)
}

/// Groups events, which must be sorted by time.
fn group_events(events: Vec<TimelineEvent>, max_gap: SignedDuration) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for event in events {
        let time = event.time;
        let is_near = |group: &&mut Group| time.duration_since(group.end) < max_gap;
        let group = match groups.last_mut().filter(is_near) {
            Some(group) => group,
            None => {
                groups.push(Group { start: time, end: time, count: 0, types: BTreeMap::new(), events: Vec::new() });
                let last = groups.len() - 1;
                &mut groups[last]
            }
        };
        group.end = time;
        group.count += 1;
        *group.types.entry(event.r#type.clone()).or_default() += 1;
        group.events.push(event);
    }
    groups
}

/// The problem of a window that is too long.
fn window_too_long() -> Problem {
    window_longer_than_maximum("2026-05-01", "2026-05-03")
}

fn window_longer_than_maximum(from: &str, to: &str) -> Problem {
    let (from, to) = (quoted(from), quoted(to));
    invalid_parameter(
        "from",
        &format!("is {from:?}, more than 48 hours before `to`, {to:?}: the maximum window is 48 hours"),
    )
}

/// The problem of a span with both ends.
fn span_and_both_ends() -> Problem {
    invalid_parameter("span", "cannot be combined with both `from` and `to`: omit one of the three")
}

fn span_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["30m", "1h", "3h", "6h", "12h", "24h", "48h"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_timeline_is_complete_after_its_last_event() {
        let moment: Timestamp = "2026-05-01T09:30:00.250Z".parse().unwrap();
        let id = EventId::at(moment, 4095).unwrap();
        assert_eq!(complete_from(id).to_string(), "2026-05-01T09:30:00.251Z");
        let cursor = cursor::encode_positions([id.as_u64(), microseconds(moment)], "");
        assert_eq!(decode_cursor(&cursor, "").unwrap(), (id, moment));
    }

    #[test]
    fn spans_are_bounded() {
        for (value, minutes) in [("30m", 30), ("48h", 2880), ("2d", 2880), ("90m", 90), ("1h30m", 90), ("1.5h", 90)] {
            assert_eq!(parse_span(value), Some(SignedDuration::from_mins(minutes)), "{value}");
        }
        for value in ["29m", "49h", "3d", "", "h", "-1h", "6x", "6é", "99999999999999999999h"] {
            assert_eq!(parse_span(value), None, "{value}");
        }
    }
}
