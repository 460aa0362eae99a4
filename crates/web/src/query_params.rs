//! Strict parsing of query parameters: unknown, repeated and empty parameters are rejected.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use events::truncate;
use percent_encoding::percent_decode_str;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::csv_list;
use crate::operation::{ErrorResponse, Operation, Parameter, ParameterLocation};
use crate::problem::{Problem, ProblemType};

/// Maximum length of a parameter's decoded value, in bytes.
const MAX_VALUE_BYTES: usize = 4096;

/// Maximum number of values in a list parameter.
const MAX_LIST_VALUES: usize = 50;

/// Maximum number of characters of a request's value that an error message quotes.
const MAX_QUOTED_CHARS: usize = 64;

/// The error of operations that take no query parameters.
pub const UNKNOWN_PARAMETER_ERROR: ErrorResponse = ErrorResponse {
    description: "The query string contains a parameter, but the operation takes none. `parameter` names it.",
    example: || unknown_parameter("version", &[]),
};

/// The schema of parameters that [`Params::list`] parses.
pub fn list_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "One or more values separated by commas; an event matches any of them. Spaces around a value are \
            ignored. Enclose a value in quotation marks if it contains a comma, begins or ends with a space, or begins \
            with a quotation mark; double each quotation mark inside it: `\"a,b\"`.",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_LIST_VALUES,
        // Either unquoted and not blank, or quoted.
        "items": { "type": "string", "pattern": "^(\\s*[^,\"\\s][^,]*|\\s*\"([^\"]|\"\")+\"\\s*)$" },
    })
}

/// The schema of parameters that are used verbatim.
pub fn text_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

/// The query parameters of a request, each of which is known and occurs once.
///
/// As an extractor, it accepts the parameters in the table of the request's [`Operation`].
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let operation = parts.extensions.get::<&'static Operation>();
        let known = operation.map_or(&[][..], |operation| operation.parameters);
        Self::parse_query(parts.uri.query().unwrap_or_default(), known)
    }
}

impl Params {
    /// Parses a query string. Its parameters must be query parameters of `known`.
    ///
    /// # Errors
    /// The problem with the first parameter that is unknown, repeated, empty, too long, or not UTF-8.
    pub fn parse_query(query: &str, known: &[Parameter]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for pair in pairs(query) {
            let (parameter, encoded) = find_parameter(pair, known)?;
            let name = parameter.name.to_owned();
            let value = decode(encoded).ok_or_else(|| not_utf8(&name, encoded))?;
            if params.iter().any(|(other, _)| *other == name) {
                return Err(repeated_parameter(parameter));
            }
            if value.is_empty() {
                return Err(invalid_parameter(&name, "is empty: omit it, or give it a value"));
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(value_too_long(&name, &value));
            }
            params.push((name, value));
        }
        params.sort_by_key(|(name, _)| known.iter().position(|parameter| parameter.name == name));
        Ok(Self(params))
    }

    /// The names and values of the parameters, in the order of the operation's table.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter, if present.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The values of a list parameter; empty if the parameter is absent.
    ///
    /// # Errors
    /// If the list is malformed, contains an empty value, or has too many values.
    pub fn list(&self, name: &str) -> Result<Vec<String>, Problem> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let invalid = |reason: &str| invalid_parameter(name, &format!("is {:?}: {reason}", quoted(value)));
        let values = csv_list::parse(value).ok_or_else(|| {
            invalid("a value that begins with a quotation mark must end with one; double quotation marks inside it")
        })?;
        if values.iter().any(String::is_empty) {
            return Err(invalid("the list contains an empty value"));
        }
        if values.len() > MAX_LIST_VALUES {
            return Err(invalid(&format!("too many values: {} (maximum {MAX_LIST_VALUES})", values.len())));
        }
        Ok(values)
    }

    /// The values of a list parameter, each of which must be one of `allowed`.
    ///
    /// # Errors
    /// As for [`list`](Self::list), or if a value is not allowed.
    pub fn choices(&self, name: &str, allowed: &[&str]) -> Result<Vec<String>, Problem> {
        let values = self.list(name)?;
        match values.iter().find(|value| !allowed.contains(&value.as_str())) {
            Some(value) => Err(unexpected_value(name, value, &allowed.join(", "))),
            None => Ok(values),
        }
    }

    /// The value of a parameter, which must be one of `allowed`.
    ///
    /// # Errors
    /// If the value is not allowed.
    pub fn choice(&self, name: &str, allowed: &[&str]) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            Some(value) if !allowed.contains(&value) => Err(unexpected_value(name, value, &allowed.join(" or "))),
            value => Ok(value),
        }
    }

    /// The value of a parameter, of at most `max_chars` characters.
    ///
    /// # Errors
    /// If the value is longer.
    pub fn bounded_text(&self, name: &str, max_chars: usize) -> Result<Option<&str>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let count = value.chars().count();
        if count > max_chars {
            let reason = format!("is {:?}…: it has {count} characters (maximum {max_chars})", quoted(value));
            return Err(invalid_parameter(name, &reason));
        }
        Ok(Some(value))
    }

    /// The value of a parameter, converted by `parse`; `expected` describes the valid values.
    ///
    /// # Errors
    /// If `parse` returns `None`.
    pub fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse(value).map(Some).ok_or_else(|| unexpected_value(name, value, expected))
    }
}

/// Rejects a query string with a parameter that is not a query parameter of `known`.
pub(crate) fn reject_unknown_parameters(query: &str, known: &[Parameter]) -> Result<(), Problem> {
    pairs(query).try_for_each(|pair| find_parameter(pair, known).map(drop))
}

/// The problem of an invalid parameter; `reason` completes the sentence "The parameter `name` …".
pub fn invalid_parameter(name: &str, reason: &str) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("The parameter `{name}` {reason}")).with("parameter", name)
}

/// The beginning of a request's value, as error messages quote it.
pub fn quoted(value: &str) -> &str {
    truncate(value, MAX_QUOTED_CHARS)
}

/// The `name=value` pairs of a query string, still encoded.
fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}

/// The parameter that an encoded `name=value` pair names, and the encoded value.
fn find_parameter<'q, 'k>(pair: &'q str, known: &'k [Parameter]) -> Result<(&'k Parameter, &'q str), Problem> {
    let (encoded_name, encoded_value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = decode(encoded_name).ok_or_else(|| not_utf8(quoted(encoded_name), encoded_name))?;
    let parameter = query_parameters(known).find(|parameter| parameter.name == name);
    parameter.map(|parameter| (parameter, encoded_value)).ok_or_else(|| unknown_parameter(&name, known))
}

/// Decodes a part of a query string; `None` if it is not UTF-8.
fn decode(part: &str) -> Option<String> {
    let part = part.replace('+', " ");
    percent_decode_str(&part).decode_utf8().ok().map(Cow::into_owned)
}

fn query_parameters(known: &[Parameter]) -> impl Iterator<Item = &Parameter> {
    known.iter().filter(|parameter| parameter.location != ParameterLocation::Path)
}

fn repeated_parameter(parameter: &Parameter) -> Problem {
    let schema = (parameter.schema)(&mut SchemaGenerator::default());
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let advice = if is_list { "separate multiple values with commas" } else { "it takes a single value" };
    invalid_parameter(parameter.name, &format!("occurs more than once: {advice}"))
}

fn unknown_parameter(name: &str, known: &[Parameter]) -> Problem {
    let names: Vec<&str> = query_parameters(known).map(|parameter| parameter.name).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    invalid_parameter(quoted(name), &format!("is unknown: this path takes {names}"))
}

fn unexpected_value(name: &str, value: &str, expected: &str) -> Problem {
    invalid_parameter(name, &format!("is {:?}: expected {expected}", quoted(value)))
}

fn value_too_long(name: &str, value: &str) -> Problem {
    let reason = format!("is {:?}…: it has {} bytes (maximum {MAX_VALUE_BYTES})", quoted(value), value.len());
    invalid_parameter(name, &reason)
}

fn not_utf8(name: &str, encoded: &str) -> Problem {
    invalid_parameter(name, &format!("is {:?}: expected UTF-8", quoted(encoded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Params, Problem> {
        let known = [
            Parameter::path("name", "", text_schema, ""),
            Parameter::query("type", "", list_schema, "[]"),
            Parameter::query("limit", "", text_schema, ""),
        ];
        Params::parse_query(query, &known)
    }

    #[test]
    fn values_are_decoded_and_split() {
        let params = parse("type=a%20b,c&limit=5").unwrap();
        assert_eq!(params.list("type").unwrap(), ["a b", "c"]);
        assert_eq!(params.parse("limit", "", |value| value.parse::<u32>().ok()).unwrap(), Some(5));
    }

    #[test]
    fn path_parameters_are_rejected_in_the_query() {
        let known = [Parameter::path("id", "", text_schema, ""), Parameter::query("from", "", text_schema, "")];
        assert!(reject_unknown_parameters("from=1&&from=2", &known).is_ok(), "checks names only");
        for (query, name) in [("id=1", "id"), ("from=1&x", "x"), ("%FF=1", "%FF")] {
            let problem = reject_unknown_parameters(query, &known).unwrap_err();
            assert_eq!(problem.document()["parameter"], name, "{query}");
        }
        let problem = reject_unknown_parameters("id=1", &known[..1]).unwrap_err();
        assert!(problem.detail().ends_with("this path takes none"));
    }

    #[test]
    fn problems_name_the_invalid_parameter() {
        for (query, name) in
            [("x=1", "x"), ("name=a", "name"), ("type=a&type=b", "type"), ("type=%FF", "type"), ("%FF=a", "%FF")]
        {
            assert_eq!(parse(query).unwrap_err().document()["parameter"], name, "{query}");
        }
        for query in ["type=", "type=a,,b", "type=a,"] {
            assert!(parse(query).and_then(|params| params.list("type")).is_err(), "{query}");
        }
        let result = parse("limit=many").unwrap().parse("limit", "a number", |value| value.parse::<u32>().ok());
        assert!(result.unwrap_err().detail().contains("many"));
    }

    #[test]
    fn repeated_parameters_get_advice_on_commas() {
        let detail = |query: &str| parse(query).unwrap_err().detail().to_owned();
        assert!(detail("type=a&type=b").ends_with("more than once: separate multiple values with commas"));
        assert!(detail("limit=1&limit=1").ends_with("more than once: it takes a single value"));
        assert!(detail("name=a").ends_with("this path takes type, limit"), "{}", detail("name=a"));
    }

    #[test]
    fn text_limits_count_characters_not_bytes() {
        let umlauts = |count: usize| parse(&format!("limit={}", "%C3%BC".repeat(count))).unwrap();
        assert!(umlauts(10).bounded_text("limit", 10).is_ok());
        assert!(umlauts(11).bounded_text("limit", 10).unwrap_err().detail().contains("11 characters"));
    }
}
