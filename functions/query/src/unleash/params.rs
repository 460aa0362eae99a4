//! The parameters of Unleash's event API, parsed as Unleash 8 parses them. Values for which Unleash answers 500 are
//! rejected.

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Field, JsonNotation, SearchFilter, TextQuery};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// Maximum `limit`.
const MAX_UNLEASH_LIMIT: f64 = 1000.0;

/// The `limit` of requests without one, or with an invalid one.
const DEFAULT_UNLEASH_LIMIT: usize = 50;

/// Maximum length of a value.
const MAX_VALUE_BYTES: usize = 4096;

/// The expected form of event and user ids.
const EXPECTED_INTEGERS: &str = "whole numbers up to 2147483647";

/// The line terminators of JavaScript.
const LINE_TERMINATORS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// The members that `query` searches, in the notation in which Unleash's database stores them.
const SEARCHED_MEMBERS: &[(&str, JsonNotation)] =
    &[("data", JsonNotation::Compact), ("preData", JsonNotation::Jsonb), ("tags", JsonNotation::Compact)];

/// Unleash's response to an invalid parameter.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashBadDataError")]
pub(crate) struct BadData {
    /// Name of the error: `BadDataError`.
    name: &'static str,
    /// General description of the error.
    message: &'static str,
    /// The individual errors.
    details: Vec<ErrorDetail>,
}

/// One invalid parameter.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashErrorDetail")]
struct ErrorDetail {
    /// Description of the error.
    message: String,
    /// Path of the parameter.
    path: String,
}

impl BadData {
    fn new(parameter: &str, value: &str, expected: &str) -> Self {
        let value: String = value.chars().take(64).collect();
        let path = format!("/query/{parameter}");
        let message = format!("The `{path}` property must be {expected}. You sent {value:?}.");
        Self {
            name: "BadDataError",
            message: "Request validation failed: your request body or params contain invalid data. Refer to the \
                `details` list for more information.",
            details: vec![ErrorDetail { message, path }],
        }
    }
}

impl IntoResponse for BadData {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, axum::Json(self)).into_response()
    }
}

/// The parameters of a request. Unleash ignores unknown ones.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// The names of the parameters.
const KNOWN_PARAMETERS: [&str; 12] = [
    "type",
    "project",
    "feature",
    "environment",
    "createdBy",
    "id",
    "groupId",
    "from",
    "to",
    "query",
    "limit",
    "offset",
];

impl Params {
    pub(crate) fn read(RawQuery(query): RawQuery) -> Result<Self, BadData> {
        let mut params: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name), decode(value));
            let (base, nested) = name.split_once('[').map_or((&*name, false), |(base, _)| (base, true));
            if !KNOWN_PARAMETERS.contains(&base) {
                continue;
            }
            if nested {
                return Err(BadData::new(base, &value, "one text"));
            }
            // Invalid values of these parameters mean the default.
            let allows_any_value = ["limit", "offset"].contains(&base);
            if value.len() > MAX_VALUE_BYTES && !allows_any_value {
                return Err(BadData::new(&name, &value, &format!("at most {MAX_VALUE_BYTES} bytes long")));
            }
            if value.contains('\0') && !allows_any_value {
                return Err(BadData::new(&name, &value, "text without NUL"));
            }
            if params.iter().any(|(other, _)| *other == name) {
                return Err(BadData::new(&name, &value, "given once"));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the project of `/api/admin/events`.
    pub(crate) fn project(&self) -> Option<&str> {
        self.get("project").filter(|project| !project.is_empty())
    }

    /// Converts the parameters to a filter.
    pub(crate) fn filter(&self) -> Result<SearchFilter, BadData> {
        let text = self.get("query").filter(|query| !query.is_empty());
        let filter = SearchFilter {
            from: self.start_of_day("from", false)?,
            until: self.start_of_day("to", true)?,
            text: text.map(|query| TextQuery::like(query, SEARCHED_MEMBERS)),
            ..SearchFilter::default()
        };
        Ok(filter
            .and(Field::Type, self.operator_values("type")?)
            .and(Field::Project, self.operator_values("project")?)
            .and(Field::Feature, self.operator_values("feature")?)
            .and(Field::Environment, self.operator_values("environment")?)
            .and(Field::Group, self.operator_values("groupId")?)
            .and(Field::User, self.operator_integers("createdBy")?)
            .and(Field::Number, self.operator_integers("id")?))
    }

    /// Returns the values after an operator. An operator without values means no filter, as in Unleash.
    fn operator_values(&self, name: &str) -> Result<Vec<String>, BadData> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let values = value.strip_prefix("IS:").or_else(|| value.strip_prefix("IS_ANY_OF:"));
        match values.filter(|values| !values.contains(LINE_TERMINATORS)) {
            Some("") => Ok(Vec::new()),
            Some(listed) => Ok(split_values(listed)),
            None => Err(BadData::new(name, value, "an operator, IS or IS_ANY_OF, a colon, and values")),
        }
    }

    /// Returns the integers after an operator. For values outside PostgreSQL's `integer`, Unleash answers 500.
    fn operator_integers(&self, name: &str) -> Result<Vec<String>, BadData> {
        let number = |value: &String| value.parse::<i32>().map(|number| number.to_string());
        let values = self.operator_values(name)?;
        values.iter().map(|value| number(value).map_err(|_| BadData::new(name, value, EXPECTED_INTEGERS))).collect()
    }

    /// Returns the start of a day, or of the day after it.
    fn start_of_day(&self, name: &str, after: bool) -> Result<Option<Timestamp>, BadData> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let date = value.strip_prefix("IS:").filter(|date| date.len() == "2024-01-31".len());
        let date = date.and_then(|date| if after { next_day(date) } else { date.parse().ok() });
        let date = date.filter(|date| date.year() > 0);
        let date = date.ok_or_else(|| BadData::new(name, value, "IS: and a date, such as IS:2024-01-31"))?;
        // The last representable days have no representable time, so no event can be later.
        Ok(Some(date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp())))
    }

    pub(crate) fn limit(&self) -> usize {
        let limit =
            self.get("limit").map(parse_javascript_number).filter(|limit| *limit > 0.0 && *limit <= MAX_UNLEASH_LIMIT);
        limit.map_or(DEFAULT_UNLEASH_LIMIT, leading_digits)
    }

    pub(crate) fn offset(&self) -> usize {
        self.get("offset").map(parse_javascript_number).filter(|offset| offset.is_finite()).map_or(0, leading_digits)
    }
}

/// Returns the day after a date. As in JavaScript, the 31st of a month with 30 days is the first of the next month.
fn next_day(date: &str) -> Option<Date> {
    let (month, day) = date.rsplit_once('-')?;
    let first: Date = format!("{month}-01").parse().ok()?;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    Some(first.checked_add(jiff::Span::new().days(day)).unwrap_or(Date::MAX))
}

/// Rejects text that PostgreSQL cannot store, and invalid percent-encoding of the path.
pub(crate) fn check_text(parameter: &str, value: &str, path: &str) -> Result<(), BadData> {
    let is_valid = !value.contains('\0') && is_percent_encoded(path);
    if is_valid { Ok(()) } else { Err(BadData::new(parameter, value, "text")) }
}

/// The error of a path that is not UTF-8.
pub(crate) fn not_utf8(parameter: &str, path: &str) -> BadData {
    BadData::new(parameter, path, "text")
}

/// Splits comma-separated values and trims JavaScript's white space. A list with a line break means no filter.
pub(crate) fn split_values(listed: &str) -> Vec<String> {
    if listed.contains(LINE_TERMINATORS) {
        return Vec::new();
    }
    let space = |char: char| char.is_whitespace() || char == '\u{FEFF}';
    listed.split(',').map(|value| value.trim_matches(space).to_owned()).collect()
}

/// Returns true if two hexadecimal digits follow each percent sign.
fn is_percent_encoded(text: &str) -> bool {
    let hex = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    text.split('%').skip(1).all(hex)
}

/// Decodes a part of a query as Express does: a part with invalid percent-encoding is kept unchanged.
fn decode(part: &str) -> String {
    let part = part.replace('+', " ");
    if !is_percent_encoded(&part) {
        return part;
    }
    let text = percent_encoding::percent_decode_str(&part).decode_utf8().map(std::borrow::Cow::into_owned);
    text.unwrap_or(part)
}

/// Parses text as JavaScript's `Number` does (ECMA-262, 7.1.4.1), which Unleash uses.
fn parse_javascript_number(text: &str) -> f64 {
    let text = text.trim();
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix).or_else(|| text.strip_prefix(&*prefix.to_uppercase()))?;
        u32::from_str_radix(digits, radix).ok().map(f64::from)
    };
    let decimal = || {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        text.parse().ok().filter(|_| plain)
    };
    if text.is_empty() {
        return 0.0;
    }
    radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)).or_else(decimal).unwrap_or(f64::NAN)
}

/// Returns the leading digits of JavaScript's text form of a number, as Unleash does; 0 for negative numbers.
fn leading_digits(number: f64) -> usize {
    let text = model::javascript_number(number.max(0.0));
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(usize::MAX)
}

/// The schema of a value with an operator.
pub(super) fn operator_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(IS|IS_ANY_OF):[^\\n\\r\\u2028\\u2029]*$" })
}

/// The schema of integers with an operator.
pub(super) fn integers_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(IS|IS_ANY_OF):-?[0-9]{1,9}(,-?[0-9]{1,9})*$" })
}

/// The schema of a day with an operator.
pub(super) fn day_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^IS:[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$" })
}

/// The schema of any text.
pub(super) fn any_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::read(RawQuery(Some(query.to_owned()))).unwrap()
    }

    #[test]
    fn numbers_are_read_as_unleash_reads_them() {
        for (limit, expected) in
            [("10", 10), (" 7 ", 7), ("1e2", 100), ("2.9", 2), ("0x10", 16), ("0.5", 0), ("1000", 1000), ("1e-7", 1)]
        {
            assert_eq!(params(&format!("limit={limit}")).limit(), expected, "{limit}");
        }
        let long = "1".repeat(5000);
        for limit in ["0", "-1", "1001", "abc", "", "inf", "NaN", "1e400", "%00", "1%000", &long] {
            assert_eq!(params(&format!("limit={limit}")).limit(), 50, "{limit}");
        }
        for (offset, expected) in [("5", 5), ("-5", 0), ("x", 0), ("", 0), ("3.9", 3), ("2e21", 2), ("%00", 0)] {
            assert_eq!(params(&format!("offset={offset}")).offset(), expected, "{offset}");
        }
    }

    #[test]
    fn operators_are_required_and_their_values_are_split() {
        assert_eq!(params("type=IS_ANY_OF:a,%20b%20").operator_values("type").unwrap(), ["a", "b"]);
        assert_eq!(params("type=IS:").operator_values("type").unwrap(), [""; 0]);
        for query in ["type=a", "type=IS_NOT:a", "id=IS:x", "id=IS:1,", "createdBy=IS:99999999999", "from=2024-01-01"] {
            let refused = params(query).filter().unwrap_err();
            assert!(refused.details[0].path.ends_with(query.split_once('=').unwrap().0), "{query}");
        }
        for query in
            ["from=IS:2024-02-30", "to=IS:2024-13-01", "to=IS:2024-02-32", "to=IS:2024-1-1", "from=IS:0000-01-01"]
        {
            assert!(params(query).filter().is_err(), "{query}");
        }
    }

    #[test]
    fn errors_name_the_expected_form() {
        let long = "x".repeat(4097);
        for (query, expected) in [
            ("id=IS:2147483648", "must be whole numbers up to 2147483647. You sent \"2147483648\"."),
            ("createdBy=IS:99999999999", "must be whole numbers up to 2147483647."),
            (&format!("query={long}"), "must be at most 4096 bytes long."),
            ("query=%00", "must be text without NUL."),
        ] {
            let read = Params::read(RawQuery(Some(query.to_owned())));
            let refused = read.and_then(|params| params.filter()).unwrap_err();
            assert!(refused.details[0].message.contains(expected), "{}", refused.details[0].message);
        }
        assert!(params("id=IS:2147483647,-2147483648").filter().is_ok());
    }

    #[test]
    fn invalid_percent_encoding_is_kept_unchanged() {
        for (part, text) in
            [("a+b%20c", "a b c"), ("100%", "100%"), ("a%20b%", "a%20b%"), ("%ff", "%ff"), ("%é1", "%é1")]
        {
            assert_eq!(decode(part), text);
        }
        assert_eq!(split_values("a\u{FEFF}, b\u{A0}"), ["a", "b"]);
    }

    #[test]
    fn days_are_read_as_javascript_and_postgresql_read_them() {
        let until = |value: &str| params(value).filter().unwrap().until.unwrap().to_string();
        assert_eq!(until("to=IS:2024-02-29"), "2024-03-01T00:00:00Z");
        assert_eq!(until("to=IS:2026-02-30"), "2026-03-03T00:00:00Z");
        assert!(params("from=IS:9999-12-31&to=IS:9999-12-31").filter().is_ok());
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        assert!(params("sortOrder=asc&x=1&x=2").filter().is_ok());
        for query in ["type=IS:a&type=IS:b", "type[]=IS:a", "limit[x]=1", "query=%00"] {
            assert!(Params::read(RawQuery(Some(query.to_owned()))).is_err(), "{query}");
        }
    }
}
