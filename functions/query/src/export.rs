//! `GET /v1/export`: all matching events, page by page, as CSV or JSON.

mod csv;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use events::Event;
use model::KeyScope;
use schemars::{Schema, SchemaGenerator, json_schema};
use search::SearchRequest;
use serde_json::Value;
use tokio::time::Instant;
use web::{
    Content, ErrorResponse, Method, Operation, Parameter, ParameterLocation, Params, Problem, ReadAnyFormat,
    SuccessResponse, filters, invalid_parameter, schema_of,
};

use crate::event_view::EventView;
use crate::operation_parts::{CURSOR, EVENT_TOO_LARGE, FILTER_ERRORS};
use crate::response_budget::ResponseBudget;
use crate::search::{MAX_PAYLOAD_BYTES, MAX_SEARCH_TIME};
use crate::search_metrics::SearchMetrics;
use crate::{State, cursor, examples};

/// Path of the operation, which links to the next page repeat.
const PATH: &str = "/v1/export";

/// Maximum number of events of a page.
const MAX_EXPORT_PAGE_EVENTS: usize = 5000;

pub(crate) static EXPORT_EVENTS: Operation = Operation {
    method: Method::Get,
    path: PATH,
    id: "exportEvents",
    summary: "Export all matching events",
    description: "Returns pages of up to 5,000 events, within the maximum response size. While there are more events, \
        the response has a header `Link: </v1/export?…>; rel=\"next\"`. Concatenated pages of CSV or NDJSON are one \
        file. To resume an interrupted export, request the last link again.\n\n\
        CSV follows RFC 4180, with the columns `id, source, catalog, scope, type, time, time_given, received_at, \
        actor, subject, entities, project, environment, level, sv, label, summary, payload, summary_markdown`. \
        `entities` and `payload` are JSON, and `summary` is plain text. Text that a spreadsheet would evaluate as a formula \
        is prefixed with an apostrophe, also after a semicolon in a cell; in JSON, the sign is escaped instead. New \
        columns are added at the end. `format` alone selects the format; `Accept` is ignored.",
    scope: Some(KeyScope::Read),
    parameters: web::join_parameters!(
        filters::PARAMETERS,
        &[
            Parameter {
                location: ParameterLocation::RequiredQuery,
                ..Parameter::query(
                    "format",
                    "The format. `ndjson` has one event on each line.",
                    |_| json_schema!({ "enum": ["csv", "json", "ndjson"] }),
                    r#""csv""#,
                )
            },
            Parameter::query(
                "order",
                "The order of the events: oldest first (`asc`) or newest first (`desc`).",
                |_| json_schema!({ "enum": ["asc", "desc"], "default": "asc" }),
                r#""asc""#,
            ),
            Parameter::query(
                "header",
                "For CSV only: if the page begins with the column names. By default, only the first page does.",
                |_| json_schema!({ "enum": ["true", "false"] }),
                r#""true""#,
            ),
            Parameter::query(
                "ids",
                "For CSV only: how ids are written. Spreadsheets keep 15 digits of a number, and ids have 16. `text` writes \
                    an id as `=\"3479069955254805\"`, which spreadsheets show as the text within the quotation marks.",
                |_| json_schema!({ "enum": ["number", "text"], "default": "number" }),
                r#""text""#,
            ),
            Parameter::query(
                "bom",
                "For CSV only: `true` begins the first page with a byte order mark, so that Excel reads UTF-8.",
                |_| json_schema!({ "enum": ["true", "false"], "default": "false" }),
                r#""true""#,
            ),
            Parameter::query("limit", "Maximum number of events of the page.", limit_schema, "1000"),
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
        FILTER_ERRORS[0],
        FILTER_ERRORS[1],
        ErrorResponse { description: "`format` is missing.", example: missing_format },
        EVENT_TOO_LARGE,
    ],
    ..Operation::DEFAULT
};

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Ndjson,
}

impl Format {
    /// Returns the media type. `header` tells if a CSV file begins with the column names.
    fn media_type(self, header: bool) -> &'static str {
        match self {
            // RFC 4180 and RFC 7111 define the parameters.
            Self::Csv if header => "text/csv; charset=utf-8; header=present",
            Self::Csv => "text/csv; charset=utf-8; header=absent",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// Returns the value of the `format` parameter, which is also the file extension.
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// `GET /v1/export`.
pub(crate) async fn export_events(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    params: Params,
) -> Result<Response, Problem> {
    let format = match params.choice("format", &["csv", "json", "ndjson"])? {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some(_) => Format::Ndjson,
        None => return Err(missing_format()),
    };
    let ascending = params.choice("order", &["desc", "asc"])? != Some("desc");
    let header = params.choice("header", &["true", "false"])?.map(|word| word == "true");
    let (ids, bom) = (params.choice("ids", &["number", "text"])?, params.choice("bom", &["true", "false"])?);
    let of_csv = [("header", header.is_some()), ("ids", ids.is_some()), ("bom", bom.is_some())];
    if let Some((name, _)) = of_csv.iter().find(|(_, is_given)| *is_given && format != Format::Csv) {
        return Err(invalid_parameter(name, "applies only to CSV: omit it"));
    }
    let ids = if ids == Some("text") { csv::IdNotation::Text } else { csv::IdNotation::Number };
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_EXPORT_PAGE_EVENTS).contains(limit));
    let filter = filters::parse(&params)?;
    let canonical = filters::canonical(&params, &filter, ascending);
    let after = params.get("cursor").map(|cursor| cursor::decode(cursor, &canonical)).transpose()?;
    let request = SearchRequest {
        filter,
        ascending,
        after,
        limit: params.parse("limit", "a whole number from 1 to 5000", limit)?.unwrap_or(MAX_EXPORT_PAGE_EVENTS),
        // A CSV row takes about twice its payload, and events that do not fit are read again for the next page.
        max_bytes: MAX_PAYLOAD_BYTES / 2,
        total: false,
        deadline: Some(Instant::now() + MAX_SEARCH_TIME),
    };
    let metrics = SearchMetrics::start("export");
    let page = state.log.search(&request).await?;
    metrics.emit(page.stats.read, page.events.len(), page.stats.units, page.partial);
    // Concatenated pages are one file, which has one header.
    let header = header.unwrap_or(after.is_none());
    let write = |event| match format {
        Format::Csv => csv::row(&EventView::new(event), ids),
        Format::Json => to_json(event),
        Format::Ndjson => to_ndjson_line(&to_json(event)),
    };
    let budget = ResponseBudget::new(format.media_type(header));
    let (events, last_fitting) = budget.fill(page.events, write, |event| event.as_bytes());
    let body = match format {
        Format::Csv if header => csv::header() + &events.concat(),
        Format::Csv | Format::Ndjson => events.concat(),
        Format::Json => format!("[{}]\n", events.join(",\n")),
    };
    // Concatenated pages are one file, which has one mark.
    let body = if bom == Some("true") && after.is_none() { format!("{}{body}", csv::BYTE_ORDER_MARK) } else { body };
    let next = last_fitting.or(page.next).map(|id| cursor::encode(id, &canonical));
    Ok(file_response(format.media_type(header), format.name(), &params, next.as_deref(), body))
}

/// Builds the response: a file, with a link to the next page if there is one.
fn file_response(
    media_type: &'static str,
    format: &str,
    params: &Params,
    next: Option<&str>,
    body: String,
) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let file = format!("attachment; filename=\"events.{format}\"");
    let link = next.map(|next| format!("<{}>; rel=\"next\"", next_page_url(params, next)));
    let file = (header::CONTENT_DISPOSITION, Some(file));
    for (name, value) in [file, (header::LINK, link)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// Returns the URL of the next page: the same request with another cursor. Only the first page has column names.
fn next_page_url(params: &Params, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(params.iter().filter(|(name, _)| !["cursor", "header"].contains(name)));
    format!("{PATH}?{}", query.append_pair("cursor", cursor).finish())
}

fn to_json(event: Event) -> String {
    // Serialization cannot fail: the view is our own type, whose map keys are strings.
    serde_json::to_string(&EventView::new(event)).unwrap_or_default()
}

/// Converts JSON into a line of NDJSON. JSON has raw line breaks only between tokens, where a space is equivalent.
fn to_ndjson_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ") + "\n"
}

/// The problem of a request without a format.
fn missing_format() -> Problem {
    invalid_parameter("format", "is missing: use csv, json or ndjson")
}

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_EXPORT_PAGE_EVENTS, "default": MAX_EXPORT_PAGE_EVENTS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_line_breaks_is_one_ndjson_line() {
        assert_eq!(to_ndjson_line("{\"payload\":{\r\n \"a\": \"b\\n\"\n}}"), "{\"payload\":{   \"a\": \"b\\n\" }}\n");
    }
}
