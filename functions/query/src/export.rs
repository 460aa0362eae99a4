//! `GET /v1/export`: everything that matches, page after page, as CSV or JSON.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use events::Event;
use search::SearchRequest;
use web::{Params, Problem, ReadAnyFormat, filters, invalid_parameter};

use crate::State;
use crate::cursor;
use crate::room::Room;
use crate::search::{MAX_BYTES, MAX_TIME};
use crate::tally::Tally;
use crate::view::EventView;

/// Path of the operation, which links to the next page repeat.
pub(crate) const PATH: &str = "/v1/export";

/// The most events of a page.
const MAX_EVENTS: usize = 5000;

/// The columns of the CSV form. New ones are added at the end.
pub(crate) const COLUMNS: [&str; 18] = [
    "id",
    "source",
    "catalog",
    "scope",
    "type",
    "time",
    "time_given",
    "received_at",
    "actor",
    "subject",
    "entities",
    "project",
    "environment",
    "level",
    "sv",
    "label",
    "summary",
    "payload",
];

/// The forms that events can be had in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Ndjson,
}

impl Format {
    fn media_type(self, header: bool) -> &'static str {
        match self {
            // RFC 4180 and 7111.
            Self::Csv if header => "text/csv; charset=utf-8; header=present",
            Self::Csv => "text/csv; charset=utf-8; header=absent",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// `GET /v1/export`.
pub(crate) async fn export(
    Shared(state): Shared<State>,
    _: ReadAnyFormat,
    params: Params,
) -> Result<Response, Problem> {
    let format = match params.choice("format", &["csv", "json", "ndjson"])? {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some(_) => Format::Ndjson,
        None => return Err(no_format()),
    };
    let ascending = params.choice("order", &["desc", "asc"])? != Some("desc");
    let header = params.choice("header", &["true", "false"])?.map(|word| word == "true");
    if header.is_some() && format != Format::Csv {
        return Err(invalid_parameter("header", "belongs to CSV alone: leave it out"));
    }
    let limit = |value: &str| value.parse::<usize>().ok().filter(|limit| (1..=MAX_EVENTS).contains(limit));
    let filter = filters::parse(&params)?;
    let canonical = filters::canonical(&params, &filter, ascending);
    let after = params.get("cursor").map(|cursor| cursor::decode(cursor, &canonical)).transpose()?;
    let search = SearchRequest {
        filter,
        ascending,
        after,
        limit: params.parse("limit", "a whole number from 1 to 5000", limit)?.unwrap_or(MAX_EVENTS),
        // A line of CSV takes about twice its payload: what there is no room for is read again for the next page.
        max_bytes: MAX_BYTES / 2,
        total: false,
        deadline: Some(Instant::now() + MAX_TIME),
    };
    let tally = Tally::new("export");
    let page = state.log.search(&search).await?;
    tally.log(page.stats.read, page.events.len(), page.stats.units, page.partial);
    // Pages one after the other are one file, which has one header.
    let header = header.unwrap_or(after.is_none());
    let write = |event| match format {
        Format::Csv => csv_line(EventView::new(event).cells().iter().map(|cell| harmless(cell))),
        Format::Json => json(event),
        Format::Ndjson => line(&json(event)),
    };
    let (events, cut) = Room::new(format.media_type(header)).fill(page.events, write, |event| event.as_bytes());
    let body = match format {
        Format::Csv if header => csv_line(COLUMNS) + &events.concat(),
        Format::Csv | Format::Ndjson => events.concat(),
        Format::Json => format!("[{}]\n", events.join(",\n")),
    };
    let next = cut.or(page.next).map(|id| cursor::encode(id, &canonical));
    Ok(answer(format.media_type(header), format.name(), &params, next.as_deref(), body))
}

fn answer(media_type: &'static str, format: &str, params: &Params, next: Option<&str>, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let file = format!("attachment; filename=\"events.{format}\"");
    let link = next.map(|next| format!("<{}>; rel=\"next\"", following(params, next)));
    let file = (header::CONTENT_DISPOSITION, Some(file));
    for (name, value) in [file, (header::LINK, link)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// Where the next page is: the same request with another cursor. Columns are named on the first page alone.
fn following(params: &Params, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(params.iter().filter(|(name, _)| !["cursor", "header"].contains(name)));
    format!("{PATH}?{}", query.append_pair("cursor", cursor).finish())
}

fn json(event: Event) -> String {
    // The view is our own type, whose keys are texts.
    serde_json::to_string(&EventView::new(event)).unwrap_or_default()
}

/// A line of NDJSON. A payload may have been sent on several: in JSON, line breaks stand between tokens only, where a
/// space means the same.
fn line(json: &str) -> String {
    json.replace(['\n', '\r'], " ") + "\n"
}

/// A line of CSV.
fn csv_line(cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Into memory it does not fail, and text remains text.
    let line = csv.write_record(cells).ok().and_then(|()| csv.into_inner().ok());
    String::from_utf8(line.unwrap_or_default()).unwrap_or_default()
}

/// A cell that no spreadsheet takes for a formula: behind an apostrophe, as OWASP advises
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn harmless(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

/// The problem of a request that does not say in which form.
pub(crate) fn no_format() -> Problem {
    invalid_parameter("format", "is missing: say csv, json or ndjson")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "＋1", "－1", "＠SUM(A1)"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("a=1"), "a=1");
    }

    #[test]
    fn an_event_that_was_sent_on_several_lines_is_one_line() {
        assert_eq!(line("{\"payload\":{\r\n \"a\": \"b\\n\"\n}}"), "{\"payload\":{   \"a\": \"b\\n\" }}\n");
    }
}
