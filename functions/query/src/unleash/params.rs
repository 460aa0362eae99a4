//! The parameters of Unleash's API, read as Unleash 8 reads them; where it fails with 500, they are refused.

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Field, JsonNotation, SearchFilter, TextQuery};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// The most events of a page, and how many there are where `limit` says nothing that can be meant.
const MAX_LIMIT: f64 = 1000.0;
const DEFAULT_LIMIT: usize = 50;

/// The most bytes of a value.
const MAX_VALUE: usize = 4096;

/// What numbers of events and of users are.
const INTEGERS: &str = "whole numbers up to 2147483647";

/// What ends a line in JavaScript.
const LINES: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// The members that `query` is looked for in, as Unleash's database keeps them.
const MEMBERS: &[(&str, JsonNotation)] =
    &[("data", JsonNotation::Compact), ("preData", JsonNotation::Jsonb), ("tags", JsonNotation::Compact)];

/// What of a parameter is wrong, as Unleash answers it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashBadDataError")]
pub(crate) struct BadData {
    /// What kind of error it is: `BadDataError`.
    name: &'static str,
    /// What is wrong, in general.
    message: &'static str,
    /// Everything that is wrong.
    details: Vec<Detail>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashErrorDetail")]
struct Detail {
    /// What is wrong.
    message: String,
    /// Of which parameter.
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
            details: vec![Detail { message, path }],
        }
    }
}

impl IntoResponse for BadData {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, axum::Json(self)).into_response()
    }
}

/// A request's parameters. What Unleash does not know, it ignores.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// The parameters that Unleash knows.
const KNOWN: [&str; 12] = [
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
            let (name, value) = (decoded(name), decoded(value));
            let (base, nested) = name.split_once('[').map_or((&*name, false), |(base, _)| (base, true));
            if !KNOWN.contains(&base) {
                continue;
            }
            if nested {
                return Err(BadData::new(base, &value, "one text"));
            }
            // Of these, what cannot be read stands for what is taken without it.
            let any_will_do = ["limit", "offset"].contains(&base);
            if value.len() > MAX_VALUE && !any_will_do {
                return Err(BadData::new(&name, &value, &format!("at most {MAX_VALUE} bytes long")));
            }
            if value.contains('\0') && !any_will_do {
                return Err(BadData::new(&name, &value, "text, which has no NUL"));
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

    /// The project of `/api/admin/events`.
    pub(crate) fn project(&self) -> Option<&str> {
        self.get("project").filter(|project| !project.is_empty())
    }

    /// Which events are asked for.
    pub(crate) fn filter(&self) -> Result<SearchFilter, BadData> {
        let text = self.get("query").filter(|query| !query.is_empty());
        let filter = SearchFilter {
            from: self.day("from", false)?,
            until: self.day("to", true)?,
            text: text.map(|query| TextQuery::like(query, MEMBERS)),
            ..SearchFilter::default()
        };
        Ok(filter
            .and(Field::Type, self.values("type")?)
            .and(Field::Project, self.values("project")?)
            .and(Field::Feature, self.values("feature")?)
            .and(Field::Environment, self.values("environment")?)
            .and(Field::Group, self.values("groupId")?)
            .and(Field::User, self.numbers("createdBy")?)
            .and(Field::Number, self.numbers("id")?))
    }

    /// The values behind an operator; none where nothing stands behind it, which Unleash takes for no filter.
    fn values(&self, name: &str) -> Result<Vec<String>, BadData> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let values = value.strip_prefix("IS:").or_else(|| value.strip_prefix("IS_ANY_OF:"));
        match values.filter(|values| !values.contains(LINES)) {
            Some("") => Ok(Vec::new()),
            Some(listed) => Ok(self::values(listed)),
            None => Err(BadData::new(name, value, "an operator, IS or IS_ANY_OF, a colon, and values")),
        }
    }

    /// The same of what Unleash's database takes for an `integer`: it fails with 500 at another one.
    fn numbers(&self, name: &str) -> Result<Vec<String>, BadData> {
        let number = |value: &String| value.parse::<i32>().map(|number| number.to_string());
        let values = self.values(name)?;
        values.iter().map(|value| number(value).map_err(|_| BadData::new(name, value, INTEGERS))).collect()
    }

    /// The start of a day, or of the day after it.
    fn day(&self, name: &str, after: bool) -> Result<Option<Timestamp>, BadData> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let date = value.strip_prefix("IS:").filter(|date| date.len() == "2024-01-31".len());
        let date = date.and_then(|date| if after { day_after(date) } else { date.parse().ok() });
        let date = date.filter(|date| date.year() > 0);
        let date = date.ok_or_else(|| BadData::new(name, value, "IS: and a date, as IS:2024-01-31"))?;
        // The last days that there are have no time that can be told: nothing happens then.
        Ok(Some(date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp())))
    }

    pub(crate) fn limit(&self) -> usize {
        let limit = self.get("limit").map(number).filter(|limit| *limit > 0.0 && *limit <= MAX_LIMIT);
        limit.map_or(DEFAULT_LIMIT, whole)
    }

    pub(crate) fn offset(&self) -> usize {
        self.get("offset").map(number).filter(|offset| offset.is_finite()).map_or(0, whole)
    }
}

/// The day after a date; the 31st of a month that has none is the first of the next, as in JavaScript.
fn day_after(date: &str) -> Option<Date> {
    let (month, day) = date.rsplit_once('-')?;
    let first: Date = format!("{month}-01").parse().ok()?;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    Some(first.checked_add(jiff::Span::new().days(day)).unwrap_or(Date::MAX))
}

/// Refuses what no database takes for text, and what a path does not encode as it should.
pub(crate) fn text(parameter: &str, value: &str, path: &str) -> Result<(), BadData> {
    let fine = !value.contains('\0') && is_encoded(path);
    if fine { Ok(()) } else { Err(BadData::new(parameter, value, "text")) }
}

/// Refuses a path whose bytes are no text.
pub(crate) fn no_text(parameter: &str, path: &str) -> BadData {
    BadData::new(parameter, path, "text")
}

/// Values with commas between them; spaces around them, as JavaScript knows them, do not count. More than
/// one line is no filter.
pub(crate) fn values(listed: &str) -> Vec<String> {
    if listed.contains(LINES) {
        return Vec::new();
    }
    let space = |char: char| char.is_whitespace() || char == '\u{FEFF}';
    listed.split(',').map(|value| value.trim_matches(space).to_owned()).collect()
}

/// Whether two digits stand behind each percent sign.
fn is_encoded(text: &str) -> bool {
    let hex = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    text.split('%').skip(1).all(hex)
}

/// A part of a query as Express reads it: one that is not encoded as it should be stands for itself.
fn decoded(part: &str) -> String {
    let part = part.replace('+', " ");
    if !is_encoded(&part) {
        return part;
    }
    let text = percent_encoding::percent_decode_str(&part).decode_utf8().map(std::borrow::Cow::into_owned);
    text.unwrap_or(part)
}

/// A text as JavaScript's `Number` reads it, which is what Unleash does (ECMA-262, 7.1.4.1).
fn number(text: &str) -> f64 {
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

/// The digits that JavaScript's text of a number begins with, which is what Unleash takes; 0 for what is less
/// than 0.
fn whole(number: f64) -> usize {
    let text = model::javascript_number(number.max(0.0));
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(usize::MAX)
}

/// The schema of what has an operator.
pub(crate) fn operator(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(IS|IS_ANY_OF):[^\\n\\r\\u2028\\u2029]*$" })
}

pub(crate) fn numbers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(IS|IS_ANY_OF):-?[0-9]{1,9}(,-?[0-9]{1,9})*$" })
}

pub(crate) fn day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^IS:[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$" })
}

pub(crate) fn any(_: &mut SchemaGenerator) -> Schema {
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
    fn operators_are_needed_and_what_follows_them_is_split() {
        assert_eq!(params("type=IS_ANY_OF:a,%20b%20").values("type").unwrap(), ["a", "b"]);
        assert_eq!(params("type=IS:").values("type").unwrap(), [""; 0]);
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
    fn refusals_say_what_is_expected() {
        let long = "x".repeat(4097);
        for (query, expected) in [
            ("id=IS:2147483648", "must be whole numbers up to 2147483647. You sent \"2147483648\"."),
            ("createdBy=IS:99999999999", "must be whole numbers up to 2147483647."),
            (&format!("query={long}"), "must be at most 4096 bytes long."),
            ("query=%00", "must be text, which has no NUL."),
        ] {
            let read = Params::read(RawQuery(Some(query.to_owned())));
            let refused = read.and_then(|params| params.filter()).unwrap_err();
            assert!(refused.details[0].message.contains(expected), "{}", refused.details[0].message);
        }
        assert!(params("id=IS:2147483647,-2147483648").filter().is_ok());
    }

    #[test]
    fn what_is_not_encoded_as_it_should_be_stands_for_itself() {
        for (part, text) in
            [("a+b%20c", "a b c"), ("100%", "100%"), ("a%20b%", "a%20b%"), ("%ff", "%ff"), ("%é1", "%é1")]
        {
            assert_eq!(decoded(part), text);
        }
        assert_eq!(values("a\u{FEFF}, b\u{A0}"), ["a", "b"]);
    }

    #[test]
    fn days_are_read_as_javascript_and_postgresql_read_them() {
        let until = |value: &str| params(value).filter().unwrap().until.unwrap().to_string();
        assert_eq!(until("to=IS:2024-02-29"), "2024-03-01T00:00:00Z");
        assert_eq!(until("to=IS:2026-02-30"), "2026-03-03T00:00:00Z");
        assert!(params("from=IS:9999-12-31&to=IS:9999-12-31").filter().is_ok());
    }

    #[test]
    fn what_unleash_does_not_know_is_ignored() {
        assert!(params("sortOrder=asc&x=1&x=2").filter().is_ok());
        for query in ["type=IS:a&type=IS:b", "type[]=IS:a", "limit[x]=1", "query=%00"] {
            assert!(Params::read(RawQuery(Some(query.to_owned()))).is_err(), "{query}");
        }
    }
}
